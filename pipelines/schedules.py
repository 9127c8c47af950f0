"""When the job runs by itself."""

import dagster as dg

from pipelines.jobs import refresh

daily = dg.ScheduleDefinition(name="daily_refresh", job=refresh, cron_schedule="0 5 * * *", execution_timezone="UTC")
