"""Snapshots made by hand, for the report and the card: one company whose verdict is supported, inconclusive or contradicted."""

# One row a line reads as the table that it stands for.
# ruff: noqa: E501

from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb
import pyarrow as pa

from pipelines.claim.results import Check, EffectEstimate, t_interval
from pipelines.ingest import Attempt
from pipelines.report.render import Surroundings
from pipelines.report.summary import Row, Snapshot

Kind = Literal["supported", "inconclusive", "contradicted"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HOSTILE = """<script>alert(1)</script><img src=x onerror='a("b")'>"\u001b[31m"""
CHANGES = ["claims.C1.smallest_effect_of_interest: 0.005 → 0.002", "seed: 7 → 8"]
# What a verdict's row holds where nothing could be computed.
NO_NUMBERS: Row = {
    "verdict": "inconclusive", "reason_code": "data_quality", "what_would_settle_it": "Outcomes.",
    **dict.fromkeys(["delta", "delta_se", "ci95_lo", "ci95_hi", "ci90_lo", "ci90_hi", "mde", "n_customers", "n_tickets", "n_shifts"]),
    **dict.fromkeys(["design", "evidence_grade_r", "evidence_grade_b", "unit"]),
}  # fmt: skip
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
UNIT = "probability per customer-week"
ROSTER = "roster instrument; broadcast: adjusted within-customer"
DF = 900.0
M = 0.005
# theta_R, theta_B and the standard error of their difference.
TRUTHS: dict[Kind, tuple[float, float, float]] = {
    "supported": (0.0191, 0.0034, 0.0041),
    "inconclusive": (0.0058, 0.0042, 0.0083),
    "contradicted": (0.0011, 0.0162, 0.0044),
}
VERDICTS: dict[Kind, tuple[str, str]] = {
    "supported": ("supported", "strong"),
    "inconclusive": ("inconclusive", "wide"),
    "contradicted": ("contradicted", "reverse"),
}
CLAIMS = {
    "C1": ("service_over_broadcast", "The most important part of the business is customer service."),
    "C2": ("two_way_over_one_way", "Respond in two-way modes instead of the single-direction modes that came before."),
    "C3": ("automation_mix", "Scheduling posts isn't evil, provided you mix it in with organic ones."),
    "C4": ("human_over_bot", "Take this very human medium and robotise it?"),
    "C5": ("warmth", "If you don't like people very much, it won't work very well."),
    "C6": ("listening", "Listening tools are awesome."),
    "C7": ("service_first_of_four", "Neither marketing nor communications nor sales is the most important part: customer service is."),
}
COVERAGE = """# Coverage certificate

Simulated with this company's **shape**: `4,000` customers, 52 weeks.

## Coverage of 95 % intervals

| world | parameter | runs | covered |
|---|---|---|---|
| true | Δ | 200 | 0.945 (0.904 to 0.969) |
| **pooled** | Δ | 600 | 0.947 (0.926 to 0.962) |
"""
PLAN = "plan_id: demo-1\nfrozen_on: 2026-11-01\nseed: 7\nclaims:\n  C1:\n    smallest_effect_of_interest: 0.005\n"


def estimate_row(claim_id: str, spec_id: str, lever: str, quantity: Any, value: float | None, se: float, **more: Any) -> Row:
    """A row of `claim.effect_estimates`."""
    row = EffectEstimate(
        estimate_id=f"{claim_id}|{spec_id}|{lever}|{quantity}", claim_id=claim_id, lever=lever, quantity=quantity, outcome="repeat_purchase",
        estimator="two-stage least squares, effects absorbed", spec_id=spec_id, design=ROSTER, evidence_grade_r="B", evidence_grade_b="C",
        is_primary=False, is_naive=False, unit=UNIT, n_obs=183_402, n_customers=3_912, n_tickets=25_480, n_shifts=1_092,
        n_clusters_1=3_912, n_clusters_2=1_071, window_start=date(2025, 11, 3), window_end=date(2026, 8, 17),
    )  # fmt: skip
    ends = {} if value is None else {"estimate": value, "se": se, "df": DF, **vars(t_interval(value, se, DF)), "mde": 2.8 * se}
    return {"run_id": "r1", **asdict(row), **ends, **more}


def check_row(claim_id: str, name: str, gate_code: str, kind: Any, statistic: str, value: float | None, **more: Any) -> Row:
    """A row of `claim.robustness_checks`."""
    given: dict[str, Any] = {"threshold": None, "passed": True, "blocking": True, "detail": "", "estimate_id": None, **more}
    return {
        "run_id": "r1",
        **asdict(Check(f"{claim_id}|{name}", gate_code, claim_id, kind=kind, statistic=statistic, value=value, **given)),
    }


def _c1_estimates(kind: Kind) -> list[Row]:
    theta_r, theta_b, se = TRUTHS[kind]
    delta, primary = theta_r - theta_b, "roster|customer+week_by_contact|adstock 0.5"
    rows = [
        estimate_row("C1", primary, "responsiveness", "beta", theta_r / 0.09, 0.045, is_primary=True),
        estimate_row("C1", primary, "responsiveness", "theta", theta_r, se * 0.9, is_primary=True),
        estimate_row("C1", primary, "broadcast", "theta", theta_b, se * 0.4, is_primary=True),
        estimate_row("C1", primary, "contrast", "delta", delta, se, is_primary=True, f_eff=143.2),
        estimate_row("C1", f"{primary}|CRV3", "contrast", "delta", delta, se * 1.06),
        estimate_row("C1", "pooled|adstock 0.5", "contrast", "delta", -0.0772, 0.004, is_naive=True, design="none (naive)"),
        estimate_row("C1", "ladder: adjusted|adstock 0.5", "contrast", "delta", delta - 0.0226, 0.0021),
        estimate_row("C1", "ladder: queue load as instrument|adstock 0.5", "contrast", "delta", delta + 0.0178, 0.0028),
        estimate_row("C1", "ladder: incidents kept|adstock 0.5", "contrast", "delta", delta + 0.0015, se * 0.93),
    ]
    kappa = estimate_row("C1", primary, "contrast", "kappa_star", None, 0, is_primary=True, unit="theta_r / theta_b")
    if kind == "supported":
        kappa |= {"estimate": theta_r / theta_b, "ci95_lo": 2.1, "ci95_hi": 40.5}
    for i, rate in enumerate((0.0, 0.3, 0.5, 0.7, 0.9)):
        for j, effects in enumerate(("customer+week", "customer+week_by_contact")):
            spec_id = f"roster|{effects}|adstock {rate:g}"
            if spec_id != primary:
                rows.append(
                    estimate_row("C1", spec_id, "contrast", "delta", delta + 0.0011 * (i - 2) - 0.0023 * (1 - j), se * (0.9 + 0.05 * i))
                )
    return [*rows, kappa]


def _c1_checks(kind: Kind) -> list[Row]:
    delta = TRUTHS[kind][0] - TRUTHS[kind][1]
    passes = "What customers did before they asked must not follow from the reply. Holm-adjusted p 0.41."
    return [
        check_row("C1", "strength", "G1", "identification", "effective first-stage F", 143.2, threshold=23.1, detail="how strongly the instrument moves the reply time", lo=0.05, hi=0.31),
        check_row("C1", "instrument_balance", "G2", "balance", "instrument balance", 0.012, threshold=0.01, p=0.6, lo=-0.05, hi=0.05, detail="Severity and targeting by high and low instrument: largest standardised difference 0.012 (band 0.05). Holm-adjusted p 0.9."),
        check_row("C1", "lagged_outcome", "G3", "placebo", "lagged outcome", 0.021, threshold=0.01, p=0.2, lo=-0.06, hi=0.102, detail=passes),
        check_row("C1", "negative_control_outcome", "G4", "placebo", "negative control outcome", -0.008, threshold=0.01, p=0.7, lo=-0.05, hi=0.034, detail="A shortfall in a slot that the customer did not ask in must not matter, the own one held fixed. Holm-adjusted p 1."),
        check_row("C1", "negative_control_exposure", "G5", "placebo", "negative control exposure", None, threshold=0.01, blocking=False, detail="Not computed: the roster does not reach that far."),
        check_row("C1", "permutation", "G6", "permutation", "permutation p-value of no effect of responsiveness", 0.004, threshold=0.1, p=0.004, detail="Wald p 0.002, permutation p 0.004; a conflict is one below 0.01 and the other above 0.1."),
        check_row("C1", "same_sign_share", "G7", "spec", "share of the specification curve with the primary's sign", 1.0 if kind != "inconclusive" else 0.7, threshold=0.8, passed=kind != "inconclusive", detail="10 of 10 specifications agree in sign"),
        check_row("C1", "sensitivity", "G8", "sensitivity", "Delta under a confounder of broadcast as strong as lagged turns", delta * 0.8, threshold=0.0, detail="Partial R2 0.002 with broadcast, 0.011 with the outcome: Delta moves by 0.0031."),
        check_row("C1", "sensitivity_to_targeting", "G8", "sensitivity", "Delta under a confounder of broadcast as strong as targeting score", delta * 0.4, threshold=0.0, passed=False, blocking=False, detail="Partial R2 0.08 with broadcast, 0.02 with the outcome: Delta moves by 0.0102."),
        check_row("C1", "join_coverage", "G9", "dq", "share of customer messages that belong to a known customer", 0.981, threshold=0.95, detail="41230 of 42028 customer messages"),
    ]  # fmt: skip


def verdict_row(claim_id: str, verdict: str, reason: str, delta: float | None, se: float, **more: Any) -> Row:
    """A row of `claim.claim_verdict`."""
    ends = {"ci95_lo": None, "ci95_hi": None, "ci90_lo": None, "ci90_hi": None}
    if delta is not None:
        found = vars(t_interval(delta, se, DF))
        ends = {name: found[name] for name in ends}
    row: Row = {
        "run_id": "r1", "claim_id": claim_id, "outcome": "repeat_purchase_within_13_weeks", "verdict": verdict, "reason_code": reason,
        "consistent_with": "neither", "is_exploratory": False, "design": ROSTER, "evidence_grade_r": "B", "evidence_grade_b": "C",
        "unit": UNIT, "delta": delta, "delta_se": se, **ends, "sesoi": M, "theta_r": None, "theta_b": None, "cov_rb": None,
        "kappa_star": None, "lambda": None, "lambda_se": None, "mde": 2.8 * se if delta is not None else None, "n_customers": 3_912,
        "n_tickets": 25_480, "n_shifts": 1_092, "first_stage_f": None, "gates_passed": 9, "gates_total": 9, "p_holm": None,
        "yardstick_agree": None, "what_would_settle_it": None, "prereg_sha": "ab" * 32, "data_sha": "cd" * 32, "code_version": "0.1.0",
        "seed": 7, "as_of": AS_OF,
    }  # fmt: skip
    return {**row, **more}


def _verdicts(kind: Kind) -> list[Row]:
    theta_r, theta_b, se = TRUTHS[kind]
    settle = (
        None
        if kind != "inconclusive"
        else "More of the same data: the smallest effect that this sample could find is 0.0232, the smallest that matters 0.0050."
    )
    absent = "What the failed checks of this claim name, recorded for customers whose outcomes are known."
    return [
        verdict_row("C1", *VERDICTS[kind], theta_r - theta_b, se, first_stage_f=143.2, what_would_settle_it=settle),
        verdict_row("C2", "supported", "supported", 0.0081, 0.0021, p_holm=0.0007, consistent_with="claim", unit=f"{UNIT}, per message"),
        verdict_row("C3", "inconclusive", "wide", 0.002, 0.0041, p_holm=0.61, evidence_grade_r="C", what_would_settle_it="More of the same data: the smallest effect that this sample could find is 0.0115, the smallest that matters 0.0050."),
        verdict_row("C4", "inconclusive", "identification", 0.0092, 0.0018, p_holm=0.0004, consistent_with="claim", evidence_grade_r="C", gates_passed=2, gates_total=3, what_would_settle_it="A trial that routes turns to bot or human by lot (table experiments, unit ticket)."),
        verdict_row("C5", "contradicted", "tie", 0.0004, 0.0012, p_holm=0.9, is_exploratory=True),
        verdict_row("C6", "inconclusive", "data_quality", None, 0.0, unit=None, evidence_grade_r=None, evidence_grade_b=None, gates_passed=1, gates_total=2, design=None, n_customers=None, n_tickets=None, what_would_settle_it=absent),
        verdict_row("C7", "contradicted", "reverse", -0.0101, 0.003, sesoi=0.0002),
    ]  # fmt: skip


def _other_rows() -> tuple[list[Row], list[Row]]:
    spec = "customer+week_by_contact|adstock 0.5"
    estimates = [
        estimate_row("C7", spec, lever, "theta", value, 0.002, is_primary=True)
        for lever, value in (("service", 0.0064), ("marketing", 0.0165), ("communications", 0.0012), ("sales", -0.0008))
    ]
    estimates.append(estimate_row("C7", spec, "contrast", "delta", -0.0101, 0.003, is_primary=True) | {"ci95_hi": 0.0})
    for reading, peak in (("unknown programs as organic", 0.41), ("unknown programs as scheduled", 0.46)):
        estimates += [
            estimate_row("C3", f"{spec}|{reading}", "automated_share", "beta", 0.08, 0.01),
            estimate_row("C3", f"{spec}|{reading}", "automated_share_squared", "beta", -0.08 / (2 * peak), 0.01),
            estimate_row("C3", f"{spec}|{reading}", "optimum", "peak", peak, 0.03, unit="automated share"),
            estimate_row("C3", f"{spec}|{reading}", "optimum_fieller", "peak", peak, 0.03, unit="automated share"),
        ]
    checks = [
        check_row("C6", "computable", "G9", "dq", "whether the primary estimate can be computed", 0.0, threshold=1.0, passed=False, detail="the data hold no public mentions"),
        check_row("C3", "inverted_u|unknown programs as organic", "none", "spec", "p-value against a curve without a peak in the data (Lind and Mehlum)", 0.003, threshold=0.05, blocking=False, detail="Slope 0.08 (0.01) at a share of 0.00, -0.11 (0.02) at 1.00."),
    ]  # fmt: skip
    return estimates, checks


def _event_study() -> list[Row]:
    """Replies are faster from week 0 on; the outcome's window of 13 weeks reaches the change from week -12 on and never differs from zero."""
    rows: list[Row] = []
    for measure, lead, gain, se in (("responsiveness", 0, 0.07, 0.02), ("outcome", 12, 0.001, 0.004)):
        for week in range(-8 - lead, 13):
            value = gain if week >= 0 else 0.0
            rows.append({
                "run_id": "r1", "point_id": f"C1|{measure}|{week:+d}", "claim_id": "C1", "measure": measure, "unit": UNIT, "event_time_weeks": week,
                "phase": "before" if week < -lead else "partly_after" if week < 0 else "after", "estimate": value, "se": se,
                "ci95_lo": value - 1.96 * se, "ci95_hi": value + 1.96 * se, "simultaneous_lo": value - 3 * se, "simultaneous_hi": value + 3 * se,
                "n_cohorts": 3, "n_customers": 2_110, "control": "never_treated", "reason": None,
            })  # fmt: skip
    return rows


def _contour() -> list[Row]:
    """A scale of 0.2: a hidden cause must move Delta by 0.0157 to turn the sign."""
    stands: Row = {
        "run_id": "r1", "point_id": "C1|as it stands", "claim_id": "C1", "benchmark": None, "multiple": 0, "is_strongest": False, "is_assignment": False,
        "r2_broadcast": 0.0, "r2_outcome": 0.0, "delta": 0.0157, "move": 0.0, "half_width": 0.008, "scale": 0.2, "robustness_value": 0.0755,
        "robustness_value_interval": 0.0378,
    }  # fmt: skip
    points = [("lagged_turns", 1, True, False, 0.002, 0.011), ("lagged_turns", 2, True, False, 0.004, 0.022), ("lagged_turns", 3, True, False, 0.006, 0.033),
              ("n_severity_2", 1, False, False, 0.0001, 0.004), ("n_severity_2", 2, False, False, 0.0002, 0.008), ("targeting_score", 1, False, True, 0.15, 0.07)]  # fmt: skip
    rows = [stands]
    for name, multiple, strongest, assignment, x, y in points:
        move = 0.2 * (x * y / (1 - x)) ** 0.5
        rows.append({**stands, "point_id": f"C1|{name}|{multiple}", "benchmark": name, "multiple": multiple, "is_strongest": strongest,
                     "is_assignment": assignment, "r2_broadcast": x, "r2_outcome": y, "move": move, "delta": 0.0157 - move})  # fmt: skip
    return rows


def _more() -> dict[str, list[Row]]:
    def offer(position: int, lever: str, design: str, label: str, grade: str, offered: bool, used: bool, reason: str, record: str) -> Row:
        return {"run_id": "r1", "claim_id": "C1", "position": position, "lever": lever, "design": design, "label": label, "evidence_grade": grade,
                "is_offered": offered, "is_used": used, "reason": reason, "to_record": record}  # fmt: skip

    return {
        "claim.design_offers": [
            offer(1, "responsiveness", "experiment", "randomised queue priority", "A", False, False, "0 turns were given priority by lot, 0 were not", "A queue-priority trial: at least 20 turns in each arm in table experiments."),
            offer(2, "responsiveness", "roster", "roster instrument", "B", True, True, "1092 shifts with turns have planned and actual hours", ""),
            offer(3, "responsiveness", "adjusted", "adjusted within-customer", "C", True, False, "the same customers' other weeks", ""),
            offer(4, "broadcast", "experiment", "randomised holdout", "A", False, False, "0 customer-weeks were held out by lot", "An always-on holdout of 5 to 10 % of the customers in table experiments."),
            offer(5, "broadcast", "adjusted", "adjusted within-customer", "C", True, True, "what was delivered to each customer is known, with the recorded targeting score", ""),
        ],
        "claim.dose_response": [
            {"bin_number": i + 1, "reply_time": name, "n_turns": n, "n_customers": n // 3, "mean_outcome": raw, "se_outcome": 0.006, "mean_adjusted_outcome": adjusted, "se_adjusted_outcome": 0.005}
            for i, (name, n, raw, adjusted) in enumerate([("under 5 min", 1_200, 0.41, 0.46), ("5 to 15 min", 2_400, 0.42, 0.455), ("15 min to 1 h", 5_100, 0.44, 0.45), ("1 to 4 h", 8_000, 0.45, 0.44), ("4 to 24 h", 6_000, 0.44, 0.431), ("24 to 72 h", 1_800, 0.40, 0.42), ("72 h and later", 300, 0.36, 0.415), ("no reply", 680, 0.31, 0.41)])
        ],
        "claim.event_study": _event_study(),
        "claim.first_stage_bins": [
            {"bin_number": i + 1, "n_turns": 1_250, "n_shifts": 60, "mean_shortfall": 0.02 * i, "mean_responsiveness": 0.6 - 0.025 * i + 0.01 * (i % 3), "se_responsiveness": 0.02}
            for i in range(20)
        ],
        "claim.instrument_balance": [
            {"covariate": "severity urgent", "n_turns_below": 12_500, "n_turns_above": 12_400, "mean_below": 0.2, "mean_above": 0.21, "standardised_mean_difference": 0.012},
            {"covariate": "ln(1 + revenue before)", "n_turns_below": 12_500, "n_turns_above": 12_400, "mean_below": 3.0, "mean_above": 2.9, "standardised_mean_difference": -0.031},
        ],
        "claim.sensitivity_contour": _contour(),
        "claim.trials": [{"source_id": "crm", "experiment_id": "holdout-1", "unit": "customer", "lever": "broadcast", "n_units": 31, "n_treated_units": 28, "n_control_units": 3, "problem": "the arms are not as large as they should be"}],
        "claim.roster_shifts": [{"shifts": 1_092, "incidents": 21, "empty_shifts": 3}],
    }  # fmt: skip


def snapshot(kind: Kind = "supported", plan_changes: list[str] | None = None) -> Snapshot:
    """A whole snapshot."""
    estimates, checks = _other_rows()
    return Snapshot(
        build={"build_id": "b1", "run_id": "r1", "as_of": AS_OF, "published_at": AS_OF, "code_version": "0.1.0", "plan_sha": "ab" * 32,
               "data_sha": "cd" * 32, "duckdb_version": "v2.0.0"},
        verdicts=_verdicts(kind),
        estimates=[*_c1_estimates(kind), *estimates],
        checks=[*_c1_checks(kind), *checks],
        claims={name: {"claim_id": name, "name": short, "article_terms": words, "estimand": f"Estimand of {name}."} for name, (short, words) in CLAIMS.items()},
        counts={"tickets": 25_480, "asks": 25_102, "never_answered": 902, "median_first_human_reply_hours": 3.42, "messages": 91_034,
                "broadcasts": 812, "customers": 4_000, "brands": 1, "quarantined": 3, "courtesy_turns": 120},
        reconciliation=[{"source_id": "crm", "table_name": "support_tickets", "hop": "raw", "rows_in": 100, "rows_out": 99, "dropped": 1, "reason": "duplicate"}],
        complete_since=[{"source_id": "crm", "metric_groups": "reply times", "complete_since": AS_OF, "missing_tables": ["support_sla_policies"]}],
        plans=plans(plan_changes),
        more=_more(),
    )  # fmt: skip


def plans(changes: list[str] | None = None) -> list[Row]:
    """Rows of `meta.plan_history`: one plan, or one after another."""
    first: Row = {
        "plan_sha": "ab" * 32, "plan_id": "demo-1", "frozen_on": date(2026, 11, 1), "first_published_at": AS_OF, "first_data_sha": "cd" * 32,
        "first_sources": ["crm"], "is_current": changes is None, "changed_after_data_seen": False, "changed_from_plan_sha": None,
        "changes": [], "plan_text": PLAN,
    }  # fmt: skip
    if changes is None:
        return [first]
    later = {**first, "plan_sha": "ef" * 32, "plan_id": "demo-2", "is_current": True, "changed_after_data_seen": bool(changes),
             "changed_from_plan_sha": "ab" * 32, "changes": changes}  # fmt: skip
    return [first, later]


def around(coverage: str = COVERAGE, attempts: list[Attempt] | None = None, is_bundled: bool = False) -> Surroundings:
    """What the report tells beside the snapshot."""
    return Surroundings(attempts or [], is_bundled, coverage)


def write_database(path: Path, rows: Snapshot, without: tuple[str, ...] = ()) -> None:
    """The snapshot as the published file, as far as the report reads it.

    Args:
        path: where to write it.
        rows: its rows.
        without: tables to leave out.
    """
    tables = {
        "meta.build": [rows.build], "claim.claim_verdict": rows.verdicts, "claim.effect_estimates": rows.estimates,
        "claim.robustness_checks": rows.checks, "claim.claims": list(rows.claims.values()), "meta.reconciliation": rows.reconciliation,
        "meta.complete_since": [{"metric_group": row.pop("metric_groups"), **row} for row in map(dict, rows.complete_since)],
        "meta.plan_history": rows.plans, **{name: content for name, content in rows.more.items() if name != "claim.roster_shifts"},
        "meta.quarantine": [{"source_id": "crm"}], "core.fct_messages": [{"id": 1}], "core.dim_customer": [{"id": 1}], "core.dim_brand": [{"id": 1}],
        "core.fct_tickets": [{"exclusion_reason": None, "is_censored": False, "first_human_reply_calendar_seconds": 3600.0}],
        "core.fct_broadcasts": [{"kind": "post"}], "core.fct_response_turns": [{"is_courtesy": False}],
        "claim.dose_response": [
            {"bin_number": i + 1, "reply_time": name, "n_turns": n, "n_customers": n // 3, "mean_outcome": raw, "se_outcome": 0.006, "mean_adjusted_outcome": adjusted, "se_adjusted_outcome": 0.005}
            for i, (name, n, raw, adjusted) in enumerate([("under 5 min", 1_200, 0.41, 0.46), ("5 to 15 min", 2_400, 0.42, 0.455), ("15 min to 1 h", 5_100, 0.44, 0.45), ("1 to 4 h", 8_000, 0.45, 0.44), ("4 to 24 h", 6_000, 0.44, 0.431), ("24 to 72 h", 1_800, 0.40, 0.42), ("72 h and later", 300, 0.36, 0.415), ("no reply", 680, 0.31, 0.41)])
        ],
        "claim.first_stage_bins": [
            {"bin_number": i + 1, "n_turns": 1_250, "n_shifts": 60, "mean_shortfall": 0.02 * i, "mean_responsiveness": 0.6 - 0.025 * i + 0.01 * (i % 3), "se_responsiveness": 0.02}
            for i in range(20)
        ],
        "claim.instrument_balance": [
            {"covariate": "severity urgent", "n_turns_below": 12_500, "n_turns_above": 12_400, "mean_below": 0.2, "mean_above": 0.21, "standardised_mean_difference": 0.012},
            {"covariate": "ln(1 + revenue before)", "n_turns_below": 12_500, "n_turns_above": 12_400, "mean_below": 3.0, "mean_above": 2.9, "standardised_mean_difference": -0.031},
        ],
        "claim.trials": [{"source_id": "crm", "experiment_id": "holdout-1", "unit": "customer", "lever": "broadcast", "n_units": 31, "n_treated_units": 28, "n_control_units": 3, "problem": "the arms are not as large as they should be"}],
        "claim.roster_shifts": [{"planned_agent_hours": 8.0, "is_incident": True, "is_zero_actual": False}],
    }  # fmt: skip
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, content in tables.items():
            if name not in without:
                connection.execute(f"create schema if not exists {name.partition('.')[0]}")
                connection.register("given", pa.Table.from_pylist(content))
                connection.execute(f"create table {name} as from given")
