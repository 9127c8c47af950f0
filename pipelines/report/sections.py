"""The report's sections on the verdict: what stands in them, from the snapshot's rows."""

from dataclasses import dataclass
from typing import Any

from pipelines.report.figures import Estimate, IntervalFigure, interval_figure
from pipelines.report.numbers import amount, bare_amount, finite, is_points, plain, probability, short_interval, size, tick_amount, value_of
from pipelines.report.summary import Row, Snapshot, find
from pipelines.report.words import (
    GATES,
    HOW_DESIGN_WORKS,
    IN_USE_STEP,
    LADDER_STEPS,
    NAIVE_STEP,
    NOT_COMPUTED,
    OTHER_CHECK,
    REASONS,
    readable,
    verdict_in_words,
)

FOREST_ROWS = [
    ("Responsiveness, θ_R", "responsiveness", "theta", False),
    ("Broadcast, θ_B", "broadcast", "theta", False),
    ("Difference, Δ", "contrast", "delta", False),
    ("Naive difference", "contrast", "delta", True),
]
PLACEBO_GATES = {"G3": "the past", "G4": "customers who did not ask then", "G5": "a shortfall a week later"}
FOREST_REACH = 2.0
# Beyond this many times what matters an interval is only wide.
WIDEST_IN_SMALLEST_EFFECTS = 10.0


def as_estimate(row: Row, label: str, kind: str = "other", note: str = "") -> Estimate:
    """A row of estimates, ready to be drawn."""
    return Estimate(
        label=label,
        text=short_interval(row),
        value=value_of(row),
        ci95=(finite(row["ci95_lo"]), finite(row["ci95_hi"])),
        ci90=(finite(row.get("ci90_lo")), finite(row.get("ci90_hi"))),
        kind=kind,
        note=note,
    )


def forest(snapshot: Snapshot, verdict: Row) -> IntervalFigure:
    """Both levers, their difference and the naive one; the jackknife's interval where it was computed."""
    claim_id, unit = verdict["claim_id"], verdict["unit"]
    estimates = []
    for label, lever, quantity, naive in FOREST_ROWS:
        row = find(snapshot, claim_id, lever, quantity, naive)
        if row is not None:
            estimates.append(as_estimate(row, label, "naive" if naive else "primary"))
    jackknife = next((row for row in _deltas(snapshot, claim_id) if row["spec_id"].endswith("|CRV3")), None)
    if jackknife is not None:
        estimates.insert(3, as_estimate(jackknife, "Difference, jackknife", "other", "each shift left out in turn"))
    # The naive difference may be so far out that nothing else could be seen beside it.
    within = [abs(end) for each in estimates if each.kind != "naive" for end in (each.value, *each.ci95) if end is not None]
    most = FOREST_REACH * max([*within, verdict["sesoi"]])
    return interval_figure(estimates, verdict["sesoi"], lambda value: tick_amount(value, unit), most)


def _deltas(snapshot: Snapshot, claim_id: str) -> list[Row]:
    return [row for row in snapshot.estimates if row["claim_id"] == claim_id and row["quantity"] == "delta"]


def ladder(snapshot: Snapshot, verdict: Row) -> IntervalFigure:
    """The same difference from the naive estimate to the one in use, with what each step really measures."""
    rows = _deltas(snapshot, verdict["claim_id"])
    estimates = [as_estimate(row, NAIVE_STEP.name, "naive", NAIVE_STEP.meaning) for row in rows if row["is_naive"]]
    by_step = {row["spec_id"].removeprefix("ladder: ").partition("|")[0]: row for row in rows if row["spec_id"].startswith("ladder: ")}
    for name, step in LADDER_STEPS.items():
        if name in by_step:
            estimates.append(as_estimate(by_step[name], step.name, "naive", step.meaning))
    for row in rows:
        if row["is_primary"]:
            how = HOW_DESIGN_WORKS.get(row["design"].partition(";")[0], "")
            estimates.append(as_estimate(row, "In use", "primary", f"{IN_USE_STEP}: {row['design']}. {how}".strip()))
    return interval_figure(estimates, verdict["sesoi"], lambda value: tick_amount(value, verdict["unit"]))


def change_of_mind(verdict: Row) -> str:
    """One sentence: what would turn the verdict."""
    if verdict["what_would_settle_it"]:
        return verdict["what_would_settle_it"]
    unit, lo, hi = verdict["unit"], finite(verdict["ci95_lo"]), finite(verdict["ci95_hi"])
    if verdict["reason_code"] in ("supported", "strong", "reverse") and lo is not None and hi is not None:
        nearest = lo if lo > 0 else hi
        return (
            f"An interval that reaches zero (its nearest end is {amount(nearest, unit)} now), "
            "or one of the checks below failing on later data."
        )
    return (
        f"An effect of {size(verdict['sesoi'], unit)} or more on later data, a smaller effect that matters in a new plan, "
        "or one of the checks below failing."
    )


def kappa_in_words(snapshot: Snapshot, verdict: Row) -> str:
    """The break-even cost ratio as a sentence."""
    row = find(snapshot, verdict["claim_id"], "contrast", "kappa_star")
    value = value_of(row)
    if row is None or value is None:
        return "Break-even cost ratio κ*: none, because broadcast was not found to do good, so that no finite ratio exists."
    return (
        f"Break-even cost ratio κ*: {plain(value)} [{plain(row['ci95_lo'])}, {plain(row['ci95_hi'])}]. "
        f"Service wins as long as its shift costs less than {plain(value)} times the broadcast shift."
    )


@dataclass(frozen=True)
class ClaimLine:
    """One of the other claims in the table."""

    claim_id: str
    article_terms: str
    name: str
    verdict: str
    kind: str
    reason: str
    estimate: str
    smallest_effect: str
    grades: str
    p_holm: str
    is_exploratory: bool
    gates: str


def other_claims(snapshot: Snapshot) -> tuple[list[ClaimLine], IntervalFigure]:
    """Every claim but the first as a line, and all of them drawn in units of what matters for each."""
    lines = [_claim_line(snapshot, verdict) for verdict in snapshot.others]
    estimates = [_in_smallest_effects(snapshot, verdict) for verdict in snapshot.others]
    return lines, interval_figure(estimates, 1.0, lambda value: plain(value) or "0", WIDEST_IN_SMALLEST_EFFECTS)


def _claim_line(snapshot: Snapshot, verdict: Row) -> ClaimLine:
    claim = snapshot.claims.get(verdict["claim_id"], {})
    grades = sorted({grade for name in ("evidence_grade_r", "evidence_grade_b") if (grade := verdict[name]) is not None})
    return ClaimLine(
        claim_id=verdict["claim_id"],
        article_terms=claim.get("article_terms") or readable(claim.get("name", "")),
        name=readable(claim.get("name", "")),
        verdict=verdict_in_words(verdict),
        kind=verdict["verdict"],
        reason=_reason(snapshot, verdict),
        estimate=short_interval(verdict),
        smallest_effect=f"±{size(verdict['sesoi'], verdict['unit'])}",
        grades=", ".join(grades),
        p_holm=probability(verdict.get("p_holm")),
        is_exploratory=is_exploratory(verdict),
        gates=f"{verdict['gates_passed']} of {verdict['gates_total']}",
    )


def is_exploratory(verdict: Row) -> bool:
    """Whether the plan marks the claim as exploratory."""
    return bool(verdict.get("is_exploratory"))


def _reason(snapshot: Snapshot, verdict: Row) -> str:
    """The reason in words; where the data are to blame, what they lack."""
    words = REASONS.get(verdict["reason_code"], readable(verdict["reason_code"]))
    if verdict["reason_code"] != "data_quality":
        return words
    failed = [row["detail"] for row in snapshot.checks if row["claim_id"] == verdict["claim_id"] and row["blocking"] and not row["passed"]]
    return f"{words}: {'; '.join(failed)}" if failed else words


def _in_smallest_effects(snapshot: Snapshot, verdict: Row) -> Estimate:
    m = verdict["sesoi"]

    def scaled(name: str) -> float | None:
        value = finite(verdict.get(name))
        return None if value is None or not m else value / m

    name = readable(snapshot.claims.get(verdict["claim_id"], {}).get("name", ""))
    return Estimate(
        label=f"{verdict['claim_id']} {name}",
        text=short_interval(verdict),
        value=scaled("delta"),
        ci95=(scaled("ci95_lo"), scaled("ci95_hi")),
        ci90=(scaled("ci90_lo"), scaled("ci90_hi")),
        kind="primary",
    )


@dataclass(frozen=True)
class DesignLine:
    """One design of one lever: whether it is in use, why or why not, what would bring it."""

    lever: str
    label: str
    grade: str
    state: str
    reason: str
    to_record: str


def designs(snapshot: Snapshot, verdict: Row) -> list[DesignLine]:
    """Every design considered for the claim, strongest first by lever; empty where the snapshot does not tell."""
    offers = [row for row in snapshot.more.get("claim.design_offers", []) if row["claim_id"] == verdict["claim_id"]]
    used = {row["lever"]: row["evidence_grade"] for row in offers if row["is_used"]}
    return [
        DesignLine(
            lever=readable(row["lever"]),
            label=row["label"],
            grade=row["evidence_grade"],
            state=_design_state(row, used.get(row["lever"])),
            reason=row["reason"] or "",
            to_record="" if row["is_offered"] else row["to_record"] or "",
        )
        for row in sorted(offers, key=lambda row: row["position"])
    ]


def _design_state(offer: Row, used_grade: str | None) -> str:
    if offer["is_used"]:
        return "in use"
    if not offer["is_offered"]:
        return "not possible"
    return "left out by the plan" if used_grade is not None and offer["evidence_grade"] < used_grade else "not needed"


@dataclass(frozen=True)
class GateLine:
    """One check in plain words."""

    gate: str
    question: str
    state: str
    found: str
    wanted: str
    detail: str
    failure_means: str


def gate_lines(checks: list[Row], unit: str) -> list[GateLine]:
    """Checks as lines of the gates' table."""
    return [_gate_line(check, unit) for check in checks]


def gate_state(check: Row) -> str:
    """passed, failed, shown only, or not computed."""
    if check["blocking"]:
        return "passed" if check["passed"] else "failed"
    return "not computed" if check["value"] is None else "shown only"


def _gate_line(check: Row, unit: str) -> GateLine:
    words = GATES.get(check["gate_code"], OTHER_CHECK)
    state = gate_state(check)
    return GateLine(
        gate=check["gate_code"] if check["gate_code"] in GATES else "",
        question=words.question,
        state=state,
        found=f"{check['statistic']}: {_found(check, unit)}",
        wanted=_wanted(check),
        detail=check["detail"] or "",
        failure_means=words.failure_means if state == "failed" else "",
    )


def _found(check: Row, unit: str) -> str:
    value = finite(check["value"])
    if value is None:
        return NOT_COMPUTED
    if check["gate_code"] == "G8" and is_points(unit):
        return amount(value, unit)
    return plain(value) or "0"


def _wanted(check: Row) -> str:
    threshold = plain(check["threshold"])
    if check["kind"] in ("placebo", "balance"):
        return f"Holm-adjusted p of {threshold} or more" if threshold else ""
    by_gate = {"G1": f"above {threshold}", "G6": "no conflict", "G8": "the verdict stands", "none": ""}
    return by_gate.get(check["gate_code"], f"at least {threshold}" if threshold else "")


def placebo_panel(snapshot: Snapshot, verdict: Row) -> IntervalFigure | None:
    """G3 to G5 as estimates with intervals, beside the effect itself; None where none was computed."""
    unit = verdict["unit"]
    checks = [row for row in snapshot.checks if row["claim_id"] == verdict["claim_id"] and row["gate_code"] in PLACEBO_GATES]
    if not any(finite(check["value"]) is not None for check in checks):
        return None
    estimates = []
    effect = find(snapshot, verdict["claim_id"], "responsiveness", "beta")
    if effect is not None and value_of(effect) is not None:
        told = short_interval({**effect, "unit": unit})
        ends = (finite(effect["ci95_lo"]), finite(effect["ci95_hi"]))
        estimates.append(Estimate("Effect in use", told, value_of(effect), ends, kind="primary", note="one reply in half the time"))
    for check in checks:
        row: Row = {"estimate": check["value"], "ci95_lo": check.get("lo"), "ci95_hi": check.get("hi"), "unit": unit}
        ends = (finite(row["ci95_lo"]), finite(row["ci95_hi"]))
        has_ends = None not in ends
        told = short_interval(row) if has_ends else bare_amount(value_of(row), unit)
        drawn = ends if has_ends else (value_of(row), value_of(row))
        label = f"{check['gate_code']}: {PLACEBO_GATES[check['gate_code']]}"
        estimates.append(Estimate(label, told, value_of(row), drawn, note=check["detail"] or ""))
    return interval_figure(estimates, None, lambda value: tick_amount(value, unit))


def sensitivity(snapshot: Snapshot, verdict: Row) -> list[str]:
    """G8 in sentences."""
    unit, now = verdict["unit"], finite(verdict["delta"])
    lines = []
    for check in snapshot.checks:
        if check["claim_id"] == verdict["claim_id"] and check["kind"] == "sensitivity":
            pushed = finite(check["value"])
            told = check["statistic"].replace("Delta", "Δ")
            if pushed is not None:
                told += f": {amount(pushed, unit)} instead of {amount(now, unit)}."
            end = "The verdict would stand." if check["passed"] else "The verdict would not stand."
            shown = "" if check["blocking"] else " Shown only: this confounder is recorded and adjusted for."
            lines.append(f"{told} {end}{shown} {_sensitivity_detail(check['detail'], unit)}")
    return lines


def _sensitivity_detail(detail: Any, unit: str) -> str:
    words = str(detail or "").replace("Delta", "Δ")
    return f"{words} (Δ in {unit}.)" if is_points(unit) and words else words
