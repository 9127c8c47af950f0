"""What comes in: opening hours."""

from typing import Any

SCHEMA = "raw"
TABLE = "files__support_schedules"


def expectations() -> list[Any]:
    """Weekdays are numbered as the contract says; a Sunday written as 0 would never be open."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="weekday", min_value=1, max_value=7, description="weekday runs from 1 (Monday) to 7 (Sunday) in support_schedules"
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="select schedule_id, weekday from {batch} where valid_to <= valid_from",
            description="hours in support_schedules end after they begin to hold",
        ),
    ]
