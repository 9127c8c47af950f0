"""`twoway power`: the published snapshot's sizes, and the table."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

from pipelines.errors import TwowayError
from pipelines.experiment.planning import MOST_WEEKS, Company, PowerRow, Precision, Trials, published_row, trial_rows
from pipelines.experiment.power import intraclass_correlation
from pipelines.plan import Plan
from pipelines.report.numbers import size
from pipelines.report.summary import Snapshot, find, read_snapshot

RECENT_WEEKS = 52
PUBLISHED = (("responsiveness", "theta", "evidence_grade_r"), ("broadcast", "theta", "evidence_grade_b"), ("contrast", "delta", None))
NAMES = {"responsiveness": "responsiveness", "broadcast": "broadcast", "contrast": "difference (Δ)"}


@dataclass(frozen=True)
class PowerTable:
    """The table and what it rests on.

    Args:
        now: what the published sample finds.
        trials: what could be run; empty where the sample is too small to tell.
        why_not: why there are no trials.
    """

    unit: str
    company: Company | None
    planned: Trials
    now: list[PowerRow]
    trials: list[PowerRow]
    matters: float
    sizes: dict[str, int]
    why_not: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "unit": self.unit,
            "smallest_effect_of_interest": self.matters,
            "published": [asdict(row) for row in self.now],
            "trials": [asdict(row) for row in self.trials],
            "planned": asdict(self.planned),
            "company": None if self.company is None else asdict(self.company),
            "why_no_trials": self.why_not,
        }


def power_table(snapshot_path: Path, planned: Trials) -> PowerTable:
    """Read the snapshot and work out the table for claim C1.

    Raises:
        TwowayError: nothing was published, or not by this version.
    """
    snapshot = read_snapshot(snapshot_path)
    verdict = next((row for row in snapshot.verdicts if row["claim_id"] == "C1"), None)
    if verdict is None:
        raise TwowayError("The snapshot holds no verdict on claim C1, so there is no standard error to start from.")
    theta = find(snapshot, "C1", "contrast", "delta") or {}
    sizes = {"customers": verdict["n_customers"] or 0, "tickets": verdict["n_tickets"] or 0, "weeks": _weeks(theta)}
    try:
        company = _company(snapshot_path, snapshot, verdict, sizes, _horizon_weeks(snapshot))
        why_not = None
    except ValueError as error:
        company, why_not = None, str(error)
    precisions = [found for each in PUBLISHED if (found := _precision(snapshot, *each))]
    return PowerTable(
        unit=verdict["unit"],
        company=company,
        planned=planned,
        now=[] if company is None else [published_row(company, precision) for precision in precisions],
        trials=[] if company is None else trial_rows(company, planned),
        matters=verdict["sesoi"],
        sizes=sizes,
        why_not=why_not,
    )


def _horizon_weeks(snapshot: Snapshot) -> int:
    if snapshot.current_plan is None:
        raise TwowayError("The snapshot was published by an earlier version and does not hold its plan. Run `twoway run` again.")
    return Plan.model_validate(yaml.safe_load(snapshot.current_plan["plan_text"])).claims.C1.outcome.horizon_weeks


def _weeks(row: dict[str, Any]) -> int:
    start, end = row.get("window_start"), row.get("window_end")
    return 0 if start is None or end is None else (end - start).days // 7 + 1


def _precision(snapshot: Snapshot, lever: str, quantity: str, grade: str | None) -> Precision | None:
    row = find(snapshot, "C1", lever, quantity)
    if row is None or row["se"] is None or not row["df"]:
        return None
    shown = row[grade] if grade is not None else max(row["evidence_grade_r"], row["evidence_grade_b"])
    return Precision(lever, "published sample", shown, row["se"], row["df"])


MOMENTS = """
    select
        count(*)::double as weeks,
        sum(outcome::decimal(38, 6))::double as sums,
        sum((outcome::decimal(18, 6) * outcome::decimal(18, 6)))::double as squares
    from claim.panel_customer_week
    where outcome is not null and n_turns >= ?
    group by brand_id, customer_id
    order by brand_id, customer_id
"""
SHIFT_SIZE = """
    select sum(n_turns * n_turns)::double / sum(n_turns)
    from (
        select count(*) as n_turns from core.fct_response_turns where exclusion_reason is null
        group by brand_id, time_bucket(interval 8 hour, asked_at)
    )
"""
TURNS = """
    select
        count(distinct (source_id, ticket_id)) filter (where week_start > latest.week - ?)::double as recent_tickets,
        greatest(1, least(?, (max(week_start) - min(week_start)) // 7 + 1))::double as recent_weeks,
        stddev_samp(responsiveness order by responsiveness) as turn_sd
    from claim.dose_turns
    cross join (select max(week_start) as week from claim.dose_turns where responsiveness is not null) as latest
    where responsiveness is not null
"""


def _company(path: Path, snapshot: Snapshot, verdict: dict[str, Any], sizes: dict[str, int], horizon_weeks: int) -> Company:
    """Raises ValueError where the sample is too small to plan from."""
    with duckdb.connect(str(path), read_only=True) as connection:
        everyone = connection.execute(MOMENTS, [0]).fetchnumpy()
        asking = connection.execute(MOMENTS, [1]).fetchnumpy()
        (shift_size,) = connection.execute(SHIFT_SIZE).fetchone() or (None,)
        recent_tickets, recent_weeks, turn_sd = connection.execute(TURNS, [7 * RECENT_WEEKS, RECENT_WEEKS]).fetchone() or (0, 1, None)
        (mean_broadcast,) = connection.execute(
            "select avg(log_adstock_broadcast order by brand_id, customer_id, week_start) from claim.panel_customer_week"
        ).fetchone() or (None,)
    shifts = {lever: find(snapshot, "C1", lever, "theta") or {} for lever in ("responsiveness", "broadcast")}
    spans = {lever: (row.get("scale_p75") or 0.0) - (row.get("scale_p25") or 0.0) for lever, row in shifts.items()}
    if not sizes["weeks"] or not len(asking["weeks"]):
        raise ValueError("No customer-week with a reply time and a watched outcome was published: there is nothing to plan from yet.")
    f = verdict["first_stage_f"]
    return Company(
        matters=verdict["sesoi"],
        horizon_weeks=horizon_weeks,
        n_customers=sizes["customers"],
        n_tickets=sizes["tickets"],
        n_weeks=sizes["weeks"],
        tickets_per_week=recent_tickets / recent_weeks,
        outcome_sd=_sd(everyone),
        outcome_icc=_icc(everyone),
        contact_sd=_sd(asking),
        contact_icc=_icc(asking),
        turns_per_customer=float(np.mean(asking["weeks"])),
        turns_cv=float(np.std(asking["weeks"]) / np.mean(asking["weeks"])),
        turn_sd=turn_sd or 0.0,
        shift_size=shift_size or 1.0,
        contact_rate=shifts["responsiveness"].get("contact_rate") or 0.0,
        responsiveness_shift=spans["responsiveness"],
        broadcast_shift=spans["broadcast"],
        mean_broadcast=mean_broadcast or 0.0,
        first_stage_r2=None if f is None else f / (f + sizes["tickets"]),
    )


def _sd(moments: dict[str, Any]) -> float:
    n, total, squares = (float(np.sum(moments[name])) for name in ("weeks", "sums", "squares"))
    return math.sqrt(max(0.0, squares / n - (total / n) ** 2))


def _icc(moments: dict[str, Any]) -> float:
    return intraclass_correlation(*(np.asarray(moments[name], dtype=np.float64) for name in ("weeks", "sums", "squares")))


def power_text(table: PowerTable) -> str:
    """The table for the terminal."""
    sizes = table.sizes
    lines = [
        f"What this company can find, at 5 %. What matters starts at {size(table.matters, table.unit)} ({table.unit}).",
        "",
    ]
    head = f"{'':<55} {'detectable':>11} {'power':>6} {'weeks needed':>13} {'tickets needed':>15}"
    if table.now:
        lines.append(f"now: {sizes['customers']:,} customers, {sizes['tickets']:,} tickets, {sizes['weeks']:,} weeks".ljust(56) + head[56:])
        lines += [_line(f"{NAMES[row.lever]}, {row.assumption}", row, table) for row in table.now]
    if table.trials:
        lines += ["", f"a trial of {table.planned.weeks} weeks"]
        lines += [_line(f"{row.design}, {row.assumption}", row, table) for row in table.trials]
        lines += ["", *NOTES]
        lines += [
            f"{row.design}: {row.reason}" for row in table.trials if row.reason and (row.detectable is None or row.lever == "broadcast")
        ]
    if table.why_not is not None:
        lines.append(table.why_not)
    return "\n".join(lines)


NOTES = (
    "Detectable: found with 80 % power. Power: the chance of finding an effect of just the size that matters.",
    "All effects are those of the policy shift, 25th to 75th percentile, per customer-week over the whole base.",
    "Priority by shift and roster take two turns of one shift to correlate by 5 %. Nothing is adjusted for, so",
    "trials that adjust for the outcome before find a little more.",
    "More weeks of adjusted data (grade C or D) narrow the interval, never the doubt about what causes what.",
    "A holdout withholds campaigns: posts that everybody sees can't be withheld from some. Outcomes are complete",
    "one outcome window after the last week. Formulas and sources: docs/experiments.md.",
)


def _line(name: str, row: PowerRow, table: PowerTable) -> str:
    detectable = "-" if row.detectable is None else size(row.detectable, table.unit)
    never = "-" if row.detectable is None else f"> {MOST_WEEKS}"
    weeks = never if row.weeks_needed is None else f"{row.weeks_needed:,}"
    tickets = "-" if row.tickets_needed is None else f"{row.tickets_needed:,}"
    if row.design == "published sample" and row.detectable is not None and row.detectable <= table.matters:
        weeks = tickets = "enough"
    power = "-" if row.power is None else f"{row.power:.0%}"
    return f"  {name:<53} {detectable:>11} {power:>6} {weeks:>13} {tickets:>15}"
