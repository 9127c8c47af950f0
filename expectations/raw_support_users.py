"""What comes in: support users."""

from typing import Any

SCHEMA = "raw"
TABLE = "files__support_users"


def expectations() -> list[Any]:
    """Roles decide who asks and who answers, so an unknown one must not pass silently."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="role",
            value_set=["customer", "agent", "admin", "system", "unknown"],
            description="support_users.role is customer, agent, admin, system or unknown",
        ),
    ]
