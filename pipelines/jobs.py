"""The one job: sources to report. The command line, the schedule and the UI all run this."""

import dagster as dg

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Pull every source, build and check the warehouse, estimate, decide, publish and report.",
    executor_def=dg.in_process_executor,
)
