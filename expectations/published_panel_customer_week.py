"""What goes out: the sample of the claims."""

from typing import Any

SCHEMA = "claim"
TABLE = "panel_customer_week"


def expectations() -> list[Any]:
    """A customer's week stands once, and its parts fit together."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["customer_id", "brand_id", "week_start"], description="a customer's week with a brand stands once in the panel"
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="outcome", description="every week of the panel has its outcome watched to the end"),
        gxe.ExpectColumnValuesToNotBeNull(column="log_adstock_broadcast", description="every week of the panel has its broadcast lever"),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="""
                select customer_id from {batch}
                where n_turns < n_human_first + n_bot_first + n_handed_off or n_trial_turns < n_trial_treated
                    or n_mentions < n_mentions_answered or automated_share_low > automated_share_high
            """,
            description="no part of a customer's week is larger than its whole",
        ),
    ]
