"""When the job runs by itself."""

import dagster as dg

from pipelines.assets.landing import window_tags
from pipelines.jobs import refresh
from pipelines.settings import Settings, now


def daily_refresh(settings: Settings) -> dg.ScheduleDefinition:
    """Every morning: the days since the source systems were last read whole."""

    def request() -> dg.RunRequest:
        return dg.RunRequest(tags=window_tags(settings, now()))

    return dg.ScheduleDefinition(
        name="daily_refresh", job=refresh, cron_schedule="0 5 * * *", execution_timezone="UTC", execution_fn=lambda _: request()
    )
