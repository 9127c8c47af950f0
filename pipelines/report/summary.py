"""What the snapshot says, read once for the card, the report and `twoway verdict --json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import TwowayError

HEADLINES = {
    "strong": "Supported, strongly: answering people does more, by a margin that matters.",
    "supported": "Supported: answering people does more than talking at them.",
    "null": "Contradicted: faster answers change nothing that matters.",
    "reverse": "Contradicted: talking at people does more than answering them.",
    "tie": "Contradicted: the two differ by less than what matters.",
    "identification": "Inconclusive: these data can't tell cause from coincidence.",
    "wide": "Inconclusive: the estimate is too uncertain.",
    "fragile": "Inconclusive: the answer hangs on how it is computed.",
    "yardstick_conflict": "Inconclusive: effect and cost point in different directions.",
    "data_quality": "Inconclusive: the data do not allow an estimate.",
}
# Below this many percentage points two decimals would show nothing.
SMALL_POINTS = 0.1
GRADES = {"A": "randomised", "B": "instrument", "C": "adjusted within-customer", "D": "descriptive"}


@dataclass(frozen=True)
class Snapshot:
    """Rows of the snapshot as dictionaries, by column."""

    build: dict[str, Any]
    verdicts: list[dict[str, Any]]
    estimates: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    claims: dict[str, dict[str, Any]]
    counts: dict[str, Any]
    reconciliation: list[dict[str, Any]]
    complete_since: list[dict[str, Any]]


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


def read_snapshot(path: Path) -> Snapshot:
    """Read the published snapshot.

    Raises:
        TwowayError: nothing was published yet.
    """
    if not path.exists():
        raise TwowayError(f"{path} is not there: nothing was published yet. Run `twoway run` first.")
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")

        def rows(query: str) -> list[dict[str, Any]]:
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return Snapshot(
            build=rows("from meta.build")[0],
            verdicts=rows("from claim.claim_verdict order by claim_id"),
            estimates=rows("from claim.effect_estimates order by claim_id, is_primary desc, is_naive, spec_id, lever, quantity"),
            checks=rows("from claim.robustness_checks order by claim_id, gate_code, check_id"),
            claims={row["claim_id"]: row for row in rows("from claim.claims")},
            counts=rows(COUNTS)[0],
            reconciliation=rows("from meta.reconciliation where dropped > 0 order by source_id, table_name, hop"),
            complete_since=rows(COMPLETE_SINCE),
        )


def find(snapshot: Snapshot, claim_id: str, lever: str, quantity: str, naive: bool = False) -> dict[str, Any] | None:
    """The claim's primary or naive estimate of one quantity."""
    wanted = "is_naive" if naive else "is_primary"
    for row in snapshot.estimates:
        if row["claim_id"] == claim_id and row["lever"] == lever and row["quantity"] == quantity and row[wanted]:
            return row
    return None


def amount(value: float | None, unit: str) -> str:
    """A signed amount with its unit; probabilities in percentage points."""
    if value is None:
        return "not computed"
    if unit.startswith("probability"):
        points = value * 100
        decimals = 3 if abs(points) < SMALL_POINTS else 2
        return f"{points:+.{decimals}f} pp".replace("-", "\u2212")
    return f"{value:+.4g}".replace("-", "\u2212")


def interval(row: dict[str, Any] | None) -> str:
    """An estimate with its 95 % interval."""
    if row is None or row.get("estimate", row.get("delta")) is None:
        return "not computed"
    unit = row["unit"]
    value = row.get("estimate", row.get("delta"))
    return f"{amount(value, unit)}  [{amount(row['ci95_lo'], unit)}, {amount(row['ci95_hi'], unit)}]"
