"""Churn after a question: what half the reply time does to a subscriber's chance of leaving within the horizon.

Churn ends a customer's rows, so that customer effects are of no use; the landmark is the question, and every window was
watched whole (see `landmark_effect`).
"""

from dataclasses import replace

import numpy as np

from pipelines.claim.landmark import landmark_effect
from pipelines.claim.linear import NotIdentifiedError, codes, fit_clustered
from pipelines.claim.results import MDE_STANDARD_ERRORS, EffectEstimate, t_interval
from pipelines.claim.sample import Turns

CLAIM = "C1"


def churn_effects(turns: Turns, horizon_weeks: int) -> list[EffectEstimate]:
    """Effect of responsiveness on churn: by the roster instrument where there is one, and naive beside it.

    A secondary outcome of C1: it never decides, but a significant one that points the other way makes C1 fragile. The naive
    row is only shown.

    Args:
        turns: one row per turn; those not at risk, not watched to the window's end or in an incident are left out.
        horizon_weeks: length of the window.

    Returns:
        Up to two rows; none without subscriptions.
    """
    used = _at_risk(turns)
    if used is None:
        return []
    return [row for row in (_by_roster(used, horizon_weeks), _naive(used, horizon_weeks)) if row is not None]


def _at_risk(turns: Turns) -> Turns | None:
    churned = turns.columns.get("churned")
    if churned is None or not np.isfinite(churned).any():
        return None
    keep = np.isfinite(churned) & np.isfinite(turns.responsiveness)
    if (incident := turns.columns.get("is_incident")) is not None:
        keep &= ~(incident > 0)
    return turns.rows(keep)


def _by_roster(used: Turns, horizon_weeks: int) -> EffectEstimate | None:
    shortfall, log_arrivals = used.columns.get("shortfall"), used.columns.get("log_arrivals")
    if used.shift is None or used.slot is None or shortfall is None or log_arrivals is None:
        return None
    rostered = (used.shift >= 0) & np.isfinite(shortfall) & np.isfinite(log_arrivals)
    used, shortfall, log_arrivals = used.rows(rostered), shortfall[rostered], log_arrivals[rostered]
    assert used.shift is not None
    assert used.slot is not None
    names = [name for name in sorted(used.columns) if name.startswith("n_severity_")]
    severity = np.column_stack([np.nan_to_num(used.columns[name]) for name in names]) if names else np.zeros((len(used), 0))
    try:
        found = landmark_effect(
            used.columns["churned"], used.responsiveness, severity, log_arrivals, shortfall,
            codes(used.week), codes(used.slot), codes(used.shift), codes(used.customer),
        )  # fmt: skip
    except NotIdentifiedError:
        return None
    blank = _blank(horizon_weeks, len(used), "landmark, roster instrument")
    blank = replace(
        blank,
        estimator="two-stage least squares, week and slot absorbed",
        evidence_grade_r="B",
        f_eff=found.first_stage.effective_f,
        more_is_better=False,
    )
    return _filled(blank, found.estimate, found.se, found.df, "CGM by customer and shift")


def _naive(used: Turns, horizon_weeks: int) -> EffectEstimate | None:
    columns = np.column_stack([used.responsiveness, np.ones(len(used))])
    try:
        fit = fit_clustered(used.columns["churned"], columns, [], used.customer)
    except NotIdentifiedError:
        return None
    blank = replace(_blank(horizon_weeks, len(used), "landmark, naive"), is_naive=True)
    se = float(np.sqrt(fit.covariance[0, 0]))
    return _filled(blank, float(fit.coefficients[0]), se, fit.n_clusters - 1, "CRV1 by customer")


def _blank(horizon_weeks: int, n_rows: int, spec_id: str) -> EffectEstimate:
    return EffectEstimate(
        estimate_id=f"{CLAIM}|{spec_id}",
        claim_id=CLAIM,
        lever="responsiveness",
        quantity="effect",
        outcome=f"churn_within_{horizon_weeks}_weeks",
        estimator="least squares, pooled",
        spec_id=spec_id,
        design=spec_id,
        evidence_grade_r="D",
        evidence_grade_b="D",
        is_primary=False,
        is_naive=False,
        unit="probability per halving of one reply's time",
        n_obs=n_rows,
    )


def _filled(blank: EffectEstimate, value: float, se: float, df: float, se_type: str) -> EffectEstimate:
    return replace(
        blank, estimate=value, se=se, df=float(df), se_type=se_type, mde=MDE_STANDARD_ERRORS * se, **vars(t_interval(value, se, df))
    )  # fmt: skip
