"""What goes out: tickets."""

from typing import Any

SCHEMA = "core"
TABLE = "fct_tickets"


def expectations() -> list[Any]:
    """Clocks run forwards, the bot-blind clock is never the faster one, and excluded tickets have none."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["source_id", "ticket_id"], description="a ticket stands once in core.fct_tickets"),
        gxe.ExpectColumnValuesToBeBetween(
            column="first_human_reply_calendar_seconds", min_value=0, description="no first human reply comes before its question"
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="""
                select ticket_id from {batch}
                where first_any_reply_calendar_seconds > first_human_reply_calendar_seconds
            """,
            description="no human reply is earlier than the first reply of any kind",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="""
                select ticket_id from {batch}
                where exclusion_reason is not null and (is_censored or first_any_reply_calendar_seconds is not null)
            """,
            description="a ticket out of the reply-time metrics has no reply time",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="""
                select ticket_id from {batch}
                where first_human_reply_business_seconds > first_human_reply_calendar_seconds
                    or full_resolution_business_seconds > full_resolution_calendar_seconds
                    or requester_wait_business_seconds > requester_wait_calendar_seconds
                    or agent_wait_business_seconds > agent_wait_calendar_seconds
            """,
            description="no business time is longer than its calendar time",
        ),
    ]
