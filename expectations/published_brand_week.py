"""What goes out: responsiveness of a brand's weeks."""

from typing import Any

SCHEMA = "responsiveness"
TABLE = "brand_week"


def expectations() -> list[Any]:
    """Shares are shares, and answered and censored turns make up all turns."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeBetween(column="response_rate", min_value=0, max_value=1, description="response_rate is a share"),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="select brand_id, week_start from {batch} where n_turns <> n_answered + n_censored",
            description="every turn of a week is answered or censored",
        ),
    ]
