"""What the snapshot says, read once for the card, the report and `twoway verdict --json`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import TwowayError

Row = dict[str, Any]
PRIMARY_CLAIM = "C1"


@dataclass(frozen=True)
class Snapshot:
    """Rows of the snapshot as dictionaries, by column.

    Args:
        build: the one row of `meta.build`.
        verdicts, estimates, checks: rows of the claim tables.
        claims: the claim registry by claim.
        counts: counts for the data section.
        reconciliation, complete_since: rows of `meta`.
        plans: rows of `meta.plan_history`, oldest first.
        more: rows of tables that not every snapshot has, by table; absent tables are not in it.
    """

    build: Row
    verdicts: list[Row]
    estimates: list[Row]
    checks: list[Row]
    claims: dict[str, Row]
    counts: Row
    reconciliation: list[Row]
    complete_since: list[Row]
    plans: list[Row] = field(default_factory=list)
    more: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def primary(self) -> Row | None:
        """The verdict that decides the headline: C1's, or the first."""
        return next((row for row in self.verdicts if row["claim_id"] == PRIMARY_CLAIM), next(iter(self.verdicts), None))

    @property
    def others(self) -> list[Row]:
        """The other verdicts, in order of claim."""
        return [row for row in self.verdicts if row is not self.primary]

    @property
    def current_plan(self) -> Row | None:
        """The plan that decided, as the history knows it."""
        return next((row for row in self.plans if row["is_current"]), None)


COUNTS = """
    select
        (select count(*) from core.fct_tickets) as tickets,
        (select count(*) from core.fct_tickets where exclusion_reason is null) as asks,
        (select count(*) from core.fct_tickets where is_censored) as never_answered,
        (select median(first_human_reply_calendar_seconds) / 3600 from core.fct_tickets) as median_first_human_reply_hours,
        (select count(*) from core.fct_messages) as messages,
        (select count(*) from core.fct_broadcasts where kind = 'post') as broadcasts,
        (select count(*) from core.dim_customer) as customers,
        (select count(*) from core.dim_brand) as brands,
        (select count(*) from meta.quarantine) as quarantined,
        (select count(*) from core.fct_response_turns where is_courtesy) as courtesy_turns
"""
COMPLETE_SINCE = """
    select source_id, string_agg(metric_group, '; ' order by metric_group) as metric_groups, complete_since, missing_tables
    from meta.complete_since
    group by source_id, complete_since, missing_tables
    order by source_id, complete_since nulls last, missing_tables
"""
ROSTER = """
    select count(*) as shifts, count(*) filter (where is_incident) as incidents, count(*) filter (where is_zero_actual) as empty_shifts
    from claim.roster_shifts where planned_agent_hours > 0
"""
MORE = {
    "claim.design_offers": "from claim.design_offers order by claim_id, position",
    "claim.dose_response": "from claim.dose_response order by bin_number",
    "claim.event_study": "from claim.event_study order by measure desc, event_time_weeks",
    "claim.first_stage_bins": "from claim.first_stage_bins order by bin_number",
    "claim.instrument_balance": "from claim.instrument_balance order by covariate",
    "claim.roster_shifts": ROSTER,
    "claim.sensitivity_contour": "from claim.sensitivity_contour order by is_assignment, is_strongest, benchmark, multiple",
    "claim.trials": "from claim.trials order by source_id, experiment_id",
}


def read_snapshot(path: Path) -> Snapshot:
    """Read the published snapshot.

    Raises:
        TwowayError: nothing was published yet.
    """
    if not path.exists():
        raise TwowayError(f"{path} is not there: nothing was published yet. Run `twoway run` first.")
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")

        def rows(query: str) -> list[Row]:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        tables = {row["name"] for row in rows("select table_schema || '.' || table_name as name from information_schema.tables")}
        return Snapshot(
            build=rows("from meta.build")[0],
            verdicts=rows("from claim.claim_verdict order by claim_id, outcome"),
            estimates=rows("from claim.effect_estimates order by claim_id, is_primary desc, is_naive, spec_id, lever, quantity"),
            checks=rows("from claim.robustness_checks order by claim_id, gate_code, check_id"),
            claims={row["claim_id"]: row for row in rows("from claim.claims")},
            counts=rows(COUNTS)[0],
            reconciliation=rows("from meta.reconciliation where dropped > 0 order by source_id, table_name, hop"),
            complete_since=rows(COMPLETE_SINCE),
            plans=rows("from meta.plan_history order by first_published_at, plan_sha") if "meta.plan_history" in tables else [],
            more={name: rows(query) for name, query in MORE.items() if name in tables},
        )


def find(snapshot: Snapshot, claim_id: str, lever: str, quantity: str, naive: bool = False) -> Row | None:
    """The claim's primary or naive estimate of one quantity."""
    wanted = "is_naive" if naive else "is_primary"
    for row in snapshot.estimates:
        if row["claim_id"] == claim_id and row["lever"] == lever and row["quantity"] == quantity and row[wanted]:
            return row
    return None
