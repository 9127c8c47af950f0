"""What comes in: tickets."""

from typing import Any

SCHEMA = "raw"
TABLE = "files__support_tickets"


def expectations() -> list[Any]:
    """Statuses and priorities that the models know; an unknown one would be counted as nothing."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="status",
            value_set=["new", "open", "pending", "hold", "solved", "closed"],
            description="support_tickets.status is new, open, pending, hold, solved or closed",
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="priority",
            value_set=["low", "normal", "high", "urgent"],
            description="support_tickets.priority is low, normal, high or urgent",
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="_load_id", description="every ticket tells the load that it came with"),
    ]
