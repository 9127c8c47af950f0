"""What comes in: service targets."""

from typing import Any

SCHEMA = "raw"
TABLE = "files__support_sla_policies"


def expectations() -> list[Any]:
    """A target of a metric or priority that nobody measures would silently never be missed."""
    import great_expectations.expectations as gxe

    metrics = ["first_reply", "next_reply", "requester_wait", "agent_work", "resolution"]
    return [
        gxe.ExpectColumnValuesToBeInSet(column="metric", value_set=metrics, description=f"metric is one of {', '.join(metrics)}"),
        gxe.ExpectColumnValuesToBeInSet(
            column="priority", value_set=["low", "normal", "high", "urgent"], description="priority is low, normal, high or urgent"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="target_seconds", min_value=0, description="no target lies before the start"),
    ]
