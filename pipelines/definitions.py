"""Everything that Dagster sees, put together. `dagster dev` reads `defs`."""

from collections.abc import Iterator

import dagster as dg

from pipelines.assets.decide import decide_assets
from pipelines.assets.ingest import ingest_assets
from pipelines.assets.landing import landing_assets
from pipelines.assets.transform import transform_assets
from pipelines.checks import border_checks
from pipelines.dbt import PUBLISHED_SCHEMAS, ensure_manifest
from pipelines.jobs import refresh
from pipelines.progress import progress, silent
from pipelines.schedules import daily_refresh
from pipelines.settings import Settings, load_settings
from pipelines.warehouse import run_lock


def build_definitions(settings: Settings) -> dg.Definitions:
    """The code location for one home."""
    home = settings.paths
    home.prepare()
    manifest = ensure_manifest(home, settings.memory_limit, settings.system_names)
    dbt = transform_assets(settings, manifest)
    published = [key for definition in dbt for key in definition.keys if key.path[0] in PUBLISHED_SCHEMAS]

    @dg.resource(description="The home's lock: one run at a time.")
    def lock(_: dg.InitResourceContext) -> Iterator[None]:
        with run_lock(home):
            yield

    return dg.Definitions(
        assets=[*landing_assets(settings), *ingest_assets(settings), *dbt, *decide_assets(settings, manifest, published)],
        asset_checks=border_checks(settings),
        jobs=[refresh],
        schedules=[daily_refresh(settings)],
        resources={"run_lock": lock},
        loggers={"progress": progress, "silent": silent},
        # One DuckDB file has one writer, so every run stays in one process.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Built when Dagster loads the code location, not when this module is imported."""
    return build_definitions(load_settings())
