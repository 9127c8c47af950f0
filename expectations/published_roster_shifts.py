"""What goes out: the roster by slot."""

from typing import Any

SCHEMA = "claim"
TABLE = "roster_shifts"


def expectations() -> list[Any]:
    """Hours are hours, and the instrument is there exactly where hours were planned."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="shift_id", description="a queue's slot stands once in the roster"),
        gxe.ExpectColumnValuesToBeBetween(column="planned_agent_hours", min_value=0, description="planned hours are not negative"),
        gxe.ExpectColumnValuesToBeBetween(column="actual_agent_hours", min_value=0, description="hours worked are not negative"),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="select shift_id from {batch} where (shortfall is null) <> (planned_agent_hours = 0)",
            description="a slot has a shortfall where hours were planned, and only there",
        ),
    ]
