"""Great Expectations suites at the two borders: what comes in (raw) and what goes out (published).

One module per table, each with `SCHEMA`, `TABLE` and `expectations()`. Great Expectations takes
seconds to import, so nothing here imports it before a suite is run.
"""

from types import ModuleType

from expectations import (
    published_brand_week,
    published_claim_verdict,
    published_fct_response_turns,
    published_fct_tickets,
    published_panel_customer_week,
    published_roster_shifts,
    raw_social_accounts,
    raw_support_schedules,
    raw_support_sla_policies,
    raw_support_tickets,
    raw_support_users,
)

RAW: list[ModuleType] = [
    raw_support_tickets,
    raw_support_users,
    raw_support_schedules,
    raw_support_sla_policies,
    raw_social_accounts,
]
PUBLISHED: list[ModuleType] = [
    published_fct_tickets,
    published_fct_response_turns,
    published_brand_week,
    published_roster_shifts,
    published_panel_customer_week,
    published_claim_verdict,
]
