"""From source systems to the raw layer."""

import dagster as dg

from pipelines import contract
from pipelines.dbt import build_staging
from pipelines.identity.probable import ProbableLinks, write_probable_edges
from pipelines.ingest import land_sources, usable_loads
from pipelines.landing import Landing
from pipelines.plan import load_plan
from pipelines.settings import BUNDLED_AS_OF, Settings, instant, now
from pipelines.translator import OWNERS
from pipelines.warehouse import RunContext, connect, load_raw
from pipelines.warmth.step import write_message_warmth

LANDING_KEY = dg.AssetKey(["landing", "files"])
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
    """Assets that land the configured sources and load the raw layer."""

    @dg.asset(
        key=LANDING_KEY,
        group_name="landing",
        owners=OWNERS,
        kinds={"parquet"},
        description="Files of every source, checked against the canonical contract and kept as immutable Parquet with a manifest.",
        required_resource_keys={"run_lock"},
    )
    def landing_files(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        attempts = land_sources(settings, context.log.info)
        for attempt in attempts:
            if attempt.error is not None:
                context.log.error(attempt.error)
        return dg.MaterializeResult(
            metadata={attempt.source_id: attempt.error or f"load {attempt.load_id}, {attempt.n_rows:,} rows" for attempt in attempts}
        )

    specs = [
        dg.AssetSpec(["raw", table.raw_name], group_name="raw", owners=OWNERS, kinds={"duckdb"}, deps=[LANDING_KEY],
                     description=f"Landed rows of `{table.name}`, newest complete load.")
        for table in contract.tables().values()
    ] + [
        dg.AssetSpec(["run", name], group_name="run", owners=OWNERS, kinds={"duckdb"}, deps=[LANDING_KEY], description=description)
        for name, description in RUN_TABLES.items()
    ]  # fmt: skip

    @dg.multi_asset(name="raw_tables", specs=specs, required_resource_keys={"run_lock"})
    def raw_tables(context: dg.AssetExecutionContext, config: RawConfig):
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
        for name in RUN_TABLES:
            yield dg.MaterializeResult(asset_key=["run", name])

    return [landing_files, raw_tables]
