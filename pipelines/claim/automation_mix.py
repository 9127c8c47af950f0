"""Claim C3: scheduled posts do no harm as long as organic ones are mixed in.

The outcome is a quadratic of the automated share of the posts that could reach a customer in the week. Posts by
unknown client programs are counted as organic once and as scheduled once: the claim holds only where it holds in both.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.results import MDE_STANDARD_ERRORS, Check, EffectEstimate
from pipelines.claim.secondary import ClaimAnswer, Lever, Model, Study, Told, estimate_secondary
from pipelines.claim.secondary_claims import ADJUSTED, varies_within_brand_weeks
from pipelines.claim.shape import Curve, quadratic_shape
from pipelines.claim.system import Fitted

CLAIM = "C3"
READINGS = {"unknown programs as organic": "automated_share_low", "unknown programs as scheduled": "automated_share_high"}


@dataclass(frozen=True)
class AutomationCurve(Model):
    """The quadratic of the automated share, over the range of the data."""

    lowest: float = 0.0
    highest: float = 1.0

    def rows(self, blank: EffectEstimate, fitted: Fitted) -> list[EffectEstimate]:
        return [*super().rows(blank, fitted), *_peaks(blank, fitted, self._curve(fitted))]

    def checks(self, claim: str, fitted: Fitted) -> list[Check]:
        """Lind and Mehlum's test, shown, not deciding."""
        curve = self._curve(fitted)
        is_inverted = curve is not None and curve.kind == "inverted_u"
        return [
            Check(
                check_id=f"{claim}|inverted_u|{self.reading}", gate_code="none", claim_id=claim, estimate_id=None, kind="spec",
                statistic="p-value against a curve without a peak in the data (Lind and Mehlum)",
                value=curve.p if curve is not None else None, threshold=0.05,
                passed=is_inverted and curve is not None and curve.p < 0.05, blocking=False, p=curve.p if curve is not None else None,
                detail=_slopes(curve, self.lowest, self.highest),
            )
        ]  # fmt: skip

    def decisive(self, fitted: Fitted) -> float:
        """The mix over full automation: being no worse than organic has no sign."""
        over_full = next(each for each in self.told if each.lever == "full_automation")
        return float(np.array(over_full.weights) @ fitted.coefficients)

    def _curve(self, fitted: Fitted) -> Curve | None:
        try:
            return quadratic_shape(fitted.coefficients, fitted.covariance, self.lowest, self.highest, fitted.df)
        except NotIdentifiedError:
            return None


def automation_mix(study: Study, smallest_effect: float, mixed: tuple[float, float] = (0.2, 0.8)) -> ClaimAnswer:
    """C3: the mean over mixed shares against wholly organic (no worse than m) and wholly scheduled (better).

    Args:
        study: what the claims share.
        smallest_effect: m, the margin of non-inferiority.
        mixed: range of shares that count as mixed.
    """
    return estimate_secondary(
        study, CLAIM, lambda each: _models(each, mixed), lambda blank, told: _under_both(blank, told, smallest_effect)
    )


def mixed_weights(mixed: tuple[float, float]) -> Floats:
    """(2,) means of share and squared share over an even spread of mixed shares."""
    low, high = mixed
    return np.array([(low + high) / 2, (low**2 + low * high + high**2) / 3])


def _models(study: Study, mixed: tuple[float, float]) -> list[Model]:
    mean = mixed_weights(mixed)
    over_full = mean - 1
    unit = study.question.outcome_unit
    posts = study.panel.column("log_adstock_posts")
    held = [Lever("responsiveness", study.panel.responsiveness)]
    if posts is not None and np.any(posts != 0):
        held.append(Lever("log_adstock_posts", posts))
    models: list[Model] = []
    for reading, column in READINGS.items():
        share = study.column(column, "scheduled posts that could reach a customer")
        known = share[np.isfinite(share)]
        if known.min() > mixed[0] or known.max() < mixed[1]:
            raise NotIdentifiedError(
                f"automated shares reach from {known.min():.2f} to {known.max():.2f} only, {reading}: "
                "organic and full automation would have to be guessed"
            )
        grade = "C" if varies_within_brand_weeks(study, np.nan_to_num(share)) else "D"
        models.append(
            AutomationCurve(
                setup=study.adjusted_setup,
                design=ADJUSTED if grade == "C" else "descriptive",
                grades=(grade, grade),
                levers=(Lever("automated_share", share), Lever("automated_share_squared", share**2)),
                told=(
                    Told("automated_share", "beta", (1.0, 0.0), f"{unit}, per share"),
                    Told("automated_share_squared", "beta", (0.0, 1.0), f"{unit}, per squared share"),
                    Told("contrast", "delta", (float(mean[0]), float(mean[1])), unit, scale=mixed),
                    Told("full_automation", "effect", (float(over_full[0]), float(over_full[1])), unit, scale=mixed),
                ),
                held=tuple(held),
                reading=reading,
                lowest=float(known.min()),
                highest=float(known.max()),
            )
        )
    return models


def _under_both(blank: EffectEstimate, told: list[list[EffectEstimate]], smallest_effect: float) -> list[EffectEstimate]:
    """The deciding rows: of both readings the lower estimate, and the interval that covers both."""
    organic = _pick(told, "contrast", "delta")
    full = _pick(told, "full_automation", "effect")
    p_claim = _p_claim(organic, full, smallest_effect)
    return [replace(_worst(blank, organic), p_claim=p_claim), _worst(blank, full)]


def _pick(told: list[list[EffectEstimate]], lever: str, quantity: str) -> list[EffectEstimate]:
    return [row for rows in told for row in rows if row.lever == lever and row.quantity == quantity]


def _worst(blank: EffectEstimate, rows: list[EffectEstimate]) -> EffectEstimate:
    lowest = min(rows, key=lambda row: row.estimate or 0.0)
    ends = {
        name: pick(end for row in rows if (end := getattr(row, name)) is not None)
        for name, pick in (("ci95_lo", min), ("ci90_lo", min), ("ci95_hi", max), ("ci90_hi", max), ("p", max))
    }
    return replace(
        blank,
        estimate_id=f"{blank.estimate_id}|{lowest.lever}|{lowest.quantity}",
        lever=lowest.lever,
        quantity=lowest.quantity,
        unit=lowest.unit,
        estimate=lowest.estimate,
        se=lowest.se,
        mde=MDE_STANDARD_ERRORS * (lowest.se or 0.0),
        scale_p25=lowest.scale_p25,
        scale_p75=lowest.scale_p75,
        **ends,
    )


def _p_claim(organic: list[EffectEstimate], full: list[EffectEstimate], margin: float) -> float:
    """Two-sided in effect: the claim needs all of its parts in both readings, its opposite one of two parts in both."""
    not_inferior = max(_upper_tail(row, -margin) for row in organic)
    better = max(_upper_tail(row, 0.0) for row in full)
    inferior = max(1 - _upper_tail(row, -margin) for row in organic)
    worse = max(1 - _upper_tail(row, 0.0) for row in full)
    return min(1.0, 2 * min(max(not_inferior, better), 2 * min(inferior, worse)))


def _upper_tail(row: EffectEstimate, null: float) -> float:
    """One-sided p-value against an effect at or below `null`."""
    if row.estimate is None or row.se is None or row.df is None:
        raise ValueError(f"{row.estimate_id} has no estimate")
    if row.se == 0:
        return float(row.estimate <= null)
    return float(stats.t.sf((row.estimate - null) / row.se, row.df))


def _peaks(blank: EffectEstimate, fitted: Fitted, curve: Curve | None) -> list[EffectEstimate]:
    """The share at which the curve turns, by the delta method and with Fieller's set."""
    if curve is None:
        return []
    name = "optimum" if curve.kind == "inverted_u" else "trough"
    row = replace(
        blank,
        estimate_id=f"{blank.estimate_id}|{name}|peak",
        lever=name,
        quantity="peak",
        unit="automated share",
        estimate=curve.peak,
        se=curve.peak_se,
        se_type="delta method",
        ci95_lo=curve.peak_ci_lo,
        ci95_hi=curve.peak_ci_hi,
        is_primary=False,
        df=fitted.df,
    )
    bounded = curve.peak_set.kind == "interval"
    return [
        row,
        replace(
            row,
            estimate_id=f"{blank.estimate_id}|{name}_fieller|peak",
            lever=f"{name}_fieller",
            se=None,
            se_type="Fieller",
            ci95_lo=curve.peak_set.lo if bounded else None,
            ci95_hi=curve.peak_set.hi if bounded else None,
        ),
    ]


def _slopes(curve: Curve | None, lowest: float, highest: float) -> str:
    if curve is None:
        return "The curve has no shape on this sample."
    return (
        f"Slope {curve.slope_lo:.3g} ({curve.se_lo:.2g}) at a share of {lowest:.2f}, "
        f"{curve.slope_hi:.3g} ({curve.se_hi:.2g}) at {highest:.2f}."
    )
