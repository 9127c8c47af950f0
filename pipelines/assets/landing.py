"""Landing as Dagster sees it: the folders of files, and for each source system one asset per table, partitioned by day."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines.ingest import Attempt, land_sources, last_attempts
from pipelines.landing import Landing
from pipelines.settings import Settings, instant, now
from pipelines.sources.kit.endpoints import Endpoint, SystemSettings
from pipelines.sources.kit.sync import ApiSource
from pipelines.translator import OWNERS

FILES_KEY = dg.AssetKey(["landing", "files"])
DAY = "%Y-%m-%d"
# The schedule runs once a day; half a day more before anyone is told.
FRESH_FOR = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36))
FRESH = "is_fresh"


class PullConfig(dg.Config):
    """`since`: instant with its zone from which the source is read once more; where empty, what the run's days ask for."""

    since: str | None = None


def pull_step(source_id: str) -> str:
    """Name of the step that pulls a source system."""
    return f"landing__{re.sub(r'[^A-Za-z0-9]', '_', source_id)}"


def landing_key(source_id: str, endpoint: Endpoint) -> dg.AssetKey:
    """The asset of one table of a source system."""
    return dg.AssetKey(["landing", source_id, endpoint.table])


def landing_keys(settings: Settings) -> list[dg.AssetKey]:
    """Every landing asset of this configuration."""
    files = [FILES_KEY] if settings.sources() else []
    return files + [landing_key(source.source_id, endpoint) for source in settings.api_sources() for endpoint in source.system.endpoints]


def landing_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """One asset for the folders of files; one per table for each source system, pulled by one step, so that each fails alone."""
    files = [_files_asset(settings)] if settings.sources() else []
    days = _days(settings)
    return files + [_system_assets(settings, source, days) for source in settings.api_sources()]


def window_tags(settings: Settings, today: datetime) -> dict[str, str]:
    """Tags of a run that lands everything: the days from the last on which every source system was read whole.

    Args:
        settings: of the run.
        today: the present instant, UTC.

    Returns:
        Dagster's tags of a range of partitions; none where no source system is configured.
    """
    sources = settings.api_sources()
    if not sources:
        return {}
    begin = _first_day(settings, today)
    read = {attempt.source_id: _complete_day(attempt) for attempt in last_attempts(settings)}
    first = max(begin, min(read.get(source.source_id) or begin for source in sources))
    return {"dagster/asset_partition_range_start": first.strftime(DAY), "dagster/asset_partition_range_end": today.strftime(DAY)}


def _first_day(settings: Settings, today: datetime) -> datetime:
    """The first partition: since when sources are read, where they say so; else the day of the first load, which held all before it."""
    landing = Landing(settings.paths.landing)
    starts = [today]
    for source in settings.api_sources():
        loads = landing.loads(source.source_id)
        starts += [start for start in [source.settings.backfill_from] if start is not None]
        starts += [datetime.fromisoformat(load.finished_at) for load in loads[:1]]
    return min(starts).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _days(settings: Settings) -> dg.DailyPartitionsDefinition:
    # The day that is not over yet has a partition, too.
    return dg.DailyPartitionsDefinition(start_date=_first_day(settings, now()), timezone="UTC", end_offset=1)


def _complete_day(attempt: Attempt) -> datetime | None:
    """The day on which a source was last read whole."""
    if attempt.complete_at is None:
        return None
    return datetime.fromisoformat(attempt.complete_at).replace(hour=0, minute=0, second=0, microsecond=0)


def _files_asset(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=FILES_KEY,
        group_name="landing",
        owners=OWNERS,
        kinds={"parquet"},
        description="Files of every source, checked against the canonical contract and kept as immutable Parquet with a manifest.",
        required_resource_keys={"run_lock"},
    )
    def landing_files(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        attempts = land_sources(settings, settings.sources(), context.log.info)
        for attempt in attempts:
            if attempt.error is not None:
                context.log.error(attempt.error)
        return dg.MaterializeResult(
            metadata={attempt.source_id: attempt.error or f"load {attempt.load_id}, {attempt.n_rows:,} rows" for attempt in attempts}
        )

    return landing_files


def _system_assets(settings: Settings, source: ApiSource, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    system, endpoints = source.system, source.system.endpoints
    secrets = ", ".join(f"{system.name}_{secret.name}".upper() for secret in system.secrets) or "none"
    specs = [
        dg.AssetSpec(
            landing_key(source.source_id, endpoint),
            group_name="landing",
            owners=OWNERS,
            kinds={"parquet", system.name},
            description=f"Every version of {system.title}'s {endpoint.table.replace('_', ' ')} that was seen, as immutable Parquet.",
            metadata={"source": source.source_id, "base_url": dg.MetadataValue.url(source.settings.base_url), "secrets": secrets},
            partitions_def=days,
            freshness_policy=FRESH_FOR,
        )
        for endpoint in endpoints
    ]
    checks = [
        dg.AssetCheckSpec(FRESH, asset=spec.key, description=f"{source.source_id} could be read whole in the last attempt.")
        for spec in specs
    ]

    @dg.multi_asset(
        name=pull_step(source.source_id),
        specs=specs,
        check_specs=checks,
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"run_lock"},
    )
    def pulled(context: dg.AssetExecutionContext, config: PullConfig) -> Iterator[dg.MaterializeResult]:
        since = instant(config.since) if config.since else _window(context, settings, source.settings)
        if since is not None:
            context.log.info(f"{source.source_id}: read again from {since.isoformat()} on")
        (attempt,) = land_sources(settings, [source], context.log.info, since)
        if attempt.error is not None:
            context.log.error(attempt.error)
            if since is not None:
                raise dg.Failure(f"{source.source_id} was not read again from {since:{DAY}} on. {attempt.error}", allow_retries=False)
        for endpoint in endpoints:
            yield _result(attempt, endpoint, landing_key(source.source_id, endpoint))

    return pulled


def _window(context: dg.AssetExecutionContext, settings: Settings, entry: SystemSettings) -> datetime | None:
    """Where the days of this run begin, some days before; None where the source's own cursors go on from there or earlier."""
    if not context.has_partition_key_range:
        return None
    first = datetime.strptime(context.partition_key_range.start, DAY).replace(tzinfo=UTC)
    read = {attempt.source_id: _complete_day(attempt) for attempt in last_attempts(settings)}.get(entry.id)
    return first - timedelta(days=entry.look_back_days) if read is not None and first < read else None


def _result(attempt: Attempt, endpoint: Endpoint, key: dg.AssetKey) -> dg.MaterializeResult:
    table = endpoint.table
    metadata: dict[str, int | float | str] = {
        "rows read": (attempt.pulled or {}).get(table, 0),
        "rows new or changed": (attempt.landed or {}).get(table, 0),
        "seconds, all tables": attempt.seconds or 0.0,
        "read whole at": attempt.complete_at or "never",
    }
    if attempt.error is not None:
        metadata["stale"] = attempt.error
    fresh = dg.AssetCheckResult(
        passed=attempt.error is None,
        check_name=FRESH,
        asset_key=key,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if attempt.error is None else f"Last read whole: {attempt.complete_at or 'never'}. {attempt.error}",
    )
    return dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=[fresh])
