"""What goes out: response turns."""

from typing import Any

SCHEMA = "core"
TABLE = "fct_response_turns"


def expectations() -> list[Any]:
    """A turn is answered after it is asked, or censored."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeUnique(column="turn_id", description="a turn stands once in core.fct_response_turns"),
        gxe.ExpectColumnValuesToBeBetween(
            column="human_wait_calendar_seconds", min_value=0, description="no turn is answered before it is asked"
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="select turn_id from {batch} where is_censored = (human_replied_at is not null)",
            description="a turn is either answered by a human or censored",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="select turn_id from {batch} where human_replied_at > censored_at",
            description="no reply after the end of observation counts",
        ),
    ]
