"""Claim C7: of service, marketing, communications and sales, service does most for customers.

All four levers stand in one joint system, each moved from the 25th to the 75th percentile of its own weeks, and each is
compared with the best of the others at once (Hsu 1984).
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.claim.adstock import adstock_events
from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.multiplicity import compare_with_best
from pipelines.claim.results import MDE_STANDARD_ERRORS, EffectEstimate
from pipelines.claim.secondary import ClaimAnswer, Lever, Model, Study, Told, estimate_secondary
from pipelines.claim.secondary_claims import varies_within_brand_weeks
from pipelines.claim.system import Fitted
from pipelines.claim.weekly import weekly_percentiles

CLAIM = "C7"
SERVICE = "service"


@dataclass(frozen=True)
class FourLevers(Model):
    """The levers, service first."""

    seed: int = 0

    def rows(self, blank: EffectEstimate, fitted: Fitted) -> list[EffectEstimate]:
        """The four shifts, and each against the best of the others with simultaneous bounds."""
        carry = np.array([each.weights[i] for i, each in enumerate(self.told)])
        thetas, spread = carry * fitted.coefficients, np.outer(carry, carry) * fitted.covariance
        found = super().rows(blank, fitted)
        # Nobody needs simultaneous bounds of the naive estimate.
        best = None if blank.is_naive else compare_with_best(thetas, spread, fitted.df, 0.95, self.seed)
        for i, each in enumerate(self.told):
            rival = max((j for j in range(len(thetas)) if j != i), key=lambda j: thetas[j])
            se = float(np.sqrt(max(spread[i, i] + spread[rival, rival] - 2 * spread[i, rival], 0.0)))
            lever, quantity = ("contrast", "delta") if each.lever == SERVICE else (f"{each.lever}_over_others", "effect")
            found.append(
                replace(
                    blank,
                    estimate_id=f"{blank.estimate_id}|{lever}|{quantity}",
                    lever=lever,
                    quantity=quantity,
                    unit=each.unit,
                    estimate=float(thetas[i] - thetas[rival]),
                    se=se,
                    se_type=f"{blank.se_type}; bounds against the best of the others (Hsu 1984)" if best else blank.se_type,
                    ci95_lo=float(best.lower[i]) if best else None,
                    ci95_hi=float(best.hsu_upper[i]) if best else None,
                    mde=MDE_STANDARD_ERRORS * se,
                )
            )
        return found

    def decisive(self, fitted: Fitted) -> float:
        """Service less the best of the others."""
        thetas = np.array([each.weights[i] for i, each in enumerate(self.told)]) * fitted.coefficients
        return float(thetas[0] - thetas[1:].max())


def service_first_of_four(study: Study) -> ClaimAnswer:
    """C7: the four levers, each by its strongest design."""
    return estimate_secondary(study, CLAIM, _models)


def _models(study: Study) -> list[Model]:
    marketing = _marketing(study)
    others = {
        "marketing": marketing,
        "communications": study.panel.column("log_adstock_posts"),
        "sales": study.panel.column("log_adstock_touches"),
    }
    recorded_as = {"marketing": "delivered campaign sends", "communications": "posts that could reach a customer", "sales": "sales touches"}
    absent = [name for name, values in others.items() if values is None or not np.any(np.nan_to_num(values) != 0)]
    if absent:
        raise NotIdentifiedError("the data hold no " + " and no ".join(f"{recorded_as[name]} ({name})" for name in absent))
    known = {name: values for name, values in others.items() if values is not None}
    rate = study.question.primary.adstock_rate
    if rate not in study.shifts:
        raise NotIdentifiedError("no brand has a full week with turns enough for the percentiles")
    shift = study.shifts[rate]
    moves = {SERVICE: (shift.responsiveness_p25, shift.responsiveness_p75)} | {
        name: _percentiles(study, values) for name, values in known.items()
    }
    still = [name for name, (p25, p75) in moves.items() if p25 == p75]
    if still:
        raise NotIdentifiedError(f"the weeks' 25th and 75th percentile of {' and '.join(still)} are the same, so there is no shift")
    instrument = study.b_instrument if study.broadcast_measure == "delivered_sends" else None
    levers = [Lever(SERVICE, study.panel.responsiveness, study.r_instrument)]
    levers += [Lever(name, values, instrument if name == "marketing" else None) for name, values in known.items()]
    return [
        FourLevers(
            setup=study.setup,
            design=f"service: {study.choice.responsiveness.label}; others: {_others_design(study, instrument)}",
            grades=(study.choice.responsiveness.grade, max(_grade(study, lever) for lever in levers[1:])),
            levers=tuple(levers),
            told=tuple(_theta(study, i, name, ends, len(levers)) for i, (name, ends) in enumerate(moves.items())),
            holds_broadcast=False,
            tested=study.r_instrument,
            seed=study.question.thresholds.seed,
        )
    ]


def _marketing(study: Study) -> Floats | None:
    """(n,) log1p of the adstock of delivered sends; what came before a customer's first week is not known."""
    rate = study.question.primary.adstock_rate
    if study.broadcast_measure == "delivered_sends" and study.panel.broadcast_reach == "customer":
        return study.panel.broadcast[rate]
    sends = study.panel.column("n_delivered_sends")
    if sends is None:
        return None
    events = adstock_events(study.panel.customer, study.panel.week, np.nan_to_num(sends), rate)
    return np.log1p(events.at(study.panel.customer, study.panel.week))


def _percentiles(study: Study, values: Floats) -> tuple[float, float]:
    ones = np.ones(len(study.panel))
    ends = weekly_percentiles(study.panel, values, ones, study.panel.turns, study.least_per_week)
    if ends is None:
        raise NotIdentifiedError("no brand has a full week with turns enough for the percentiles")
    return ends


def _theta(study: Study, i: int, name: str, ends: tuple[float, float], k: int) -> Told:
    rate = study.shifts[study.question.primary.adstock_rate].contact_rate if name == SERVICE else None
    weight = (ends[1] - ends[0]) * (1.0 if rate is None else rate)
    return Told(name, "theta", tuple(weight if j == i else 0.0 for j in range(k)), study.question.outcome_unit, ends, rate)


def _grade(study: Study, lever: Lever) -> str:
    if lever.instrument is not None:
        return study.choice.broadcast.grade
    return "C" if varies_within_brand_weeks(study, lever.values) else "D"


def _others_design(study: Study, instrument: str | None) -> str:
    return f"{study.choice.broadcast.label} for marketing, adjusted within-customer" if instrument else "adjusted within-customer"
