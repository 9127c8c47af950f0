"""From landing to the raw layer."""

import dagster as dg

from pipelines import contract
from pipelines.assets.landing import FILES_KEY, landing_key, landing_keys
from pipelines.dbt import build_staging
from pipelines.identity.probable import ProbableLinks, write_probable_edges
from pipelines.ingest import require_a_source, usable_loads
from pipelines.landing import Landing
from pipelines.plan import load_plan
from pipelines.settings import BUNDLED_AS_OF, Settings, instant, now
from pipelines.translator import OWNERS
from pipelines.warehouse import RunContext, connect, load_raw
from pipelines.warmth.step import write_message_warmth

RUN_TABLES = {
    "context": "The instant that the run looks from, its hashes, and the key that hides persons.",
    "analysis_plan": "The frozen analysis plan's numbers.",
    "adstock_rates": "Adstock rates of the frozen plan.",
    "probable_identity_edges": "Pairs of identities that are probably one person; none unless switched on.",
    "message_warmth": "How warm each public reply of an agent or a brand reads, or why it was not scored; none without texts.",
    "load_counts": "Rows landed and left out, with the reason.",
    "quarantine": "Rejected rows of landed files.",
}


class RawConfig(dg.Config):
    """`as_of`: the instant that the run looks from, with its zone; now, where empty."""

    as_of: str | None = None


def ingest_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Assets that load the raw layer from what was landed."""
    specs = [*_raw_specs(settings), *_system_specs(settings)] + [
        dg.AssetSpec(["run", name], group_name="run", owners=OWNERS, kinds={"duckdb"}, deps=landing_keys(settings), description=description)
        for name, description in RUN_TABLES.items()
    ]

    @dg.multi_asset(name="raw_tables", specs=specs, required_resource_keys={"run_lock"})
    def raw_tables(context: dg.AssetExecutionContext, config: RawConfig):
        require_a_source(settings)
        as_of = instant(config.as_of) if config.as_of else (BUNDLED_AS_OF if settings.is_bundled else now())
        loads = usable_loads(settings)
        plan = load_plan(settings.plan)
        probable = ProbableLinks(settings.identity.threshold, plan.plan.seed) if settings.identity.probable_links else None
        run = RunContext(as_of, loads, plan, settings.person_key(), settings.hide_agents, probable, frozenset(settings.system_names))
        home = settings.paths
        with connect(home.build, settings.memory_limit, home.temp) as connection:
            rows = load_raw(connection, Landing(home.landing), run)
        if settings.systems:
            build_staging(home, settings.memory_limit, settings.system_names)
        with connect(home.build, settings.memory_limit, home.temp) as connection:
            n_texts = write_message_warmth(connection, settings.system_names)
            context.log.info(f"{n_texts:,} new texts scored for warmth")
            if probable is not None:
                n_links = write_probable_edges(connection, probable, settings.memory_limit, settings.system_names)
                context.log.info(f"{n_links:,} probable identity links")
        context.log.info(f"as of {as_of.isoformat()}: {sum(rows.values()):,} rows from {len(loads)} source(s)")
        for table in contract.tables().values():
            yield dg.MaterializeResult(asset_key=["raw", table.raw_name], metadata={"dagster/row_count": rows[table.name]})
        for spec in _system_specs(settings):
            yield dg.MaterializeResult(asset_key=spec.key)
        for name in RUN_TABLES:
            yield dg.MaterializeResult(asset_key=["run", name])

    return [raw_tables]


def _raw_specs(settings: Settings) -> list[dg.AssetSpec]:
    deps = [FILES_KEY] if settings.sources() else []
    return [
        dg.AssetSpec(["raw", table.raw_name], group_name="raw", owners=OWNERS, kinds={"duckdb"}, deps=deps,
                     description=f"Landed rows of `{table.name}`, newest complete load.")
        for table in contract.tables().values()
    ]  # fmt: skip


def _system_specs(settings: Settings) -> list[dg.AssetSpec]:
    """One raw table for each endpoint of each system in use, filled by every source of that system."""
    deps: dict[str, list[dg.AssetKey]] = {}
    descriptions: dict[str, str] = {}
    for source in settings.api_sources():
        for endpoint in source.system.endpoints:
            name = source.system.raw_table(endpoint)
            deps.setdefault(name, []).append(landing_key(source.source_id, endpoint))
            descriptions[name] = f"Every landed version of {source.system.title}'s {endpoint.table.replace('_', ' ')}."
    return [
        dg.AssetSpec(["raw", name], group_name="raw", owners=OWNERS, kinds={"duckdb"}, deps=deps[name], description=descriptions[name])
        for name in deps
    ]
