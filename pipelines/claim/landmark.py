"""Effect of a reply's speed on churn within a window that starts at the contact."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.instrumental import Clusters, FirstStage, IVFit, effective_f, fit_instrumented
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError, absorb_within_clusters, independent


@dataclass(frozen=True)
class LandmarkEffect:
    """Change of the probability of churn for reply times halved once.

    Args:
        estimate, se, df: of the effect, two-way clustered and scaled by G / (G - K).
        fit: the whole fit; its first coefficient is the effect.
        first_stage: of responsiveness on the shortfall.
        n_instrument_effects: K, week and slot effects that the instrument is partialled on.
    """

    estimate: float
    se: float
    df: int
    fit: IVFit
    first_stage: FirstStage
    n_instrument_effects: int


def landmark_effect(
    churned: Floats,
    responsiveness: Floats,
    severity: Floats,
    log_arrivals: Floats,
    shortfall: Floats,
    week: Integers,
    slot: Integers,
    shift: Integers,
    customer: Integers,
) -> LandmarkEffect:
    """Linear probability model of churn by contact, with the roster shortfall as instrument of the reply's speed.

    Churn ends a customer's rows, so that customer effects compare a customer with its own past survival and
    roughly double the bias: there are none here. The risk set is formed at the contact and every window is
    observed whole, so that no time is immortal. Effects are week and slot; given them and the arrivals, the
    shortfall moves supply alone. Severity columns that add nothing are dropped.

    Args:
        churned: (n,) 0 or 1, one row for each contact.
        responsiveness: (n,) halvings of the reply time, larger is faster.
        severity: (n, s) known at the contact.
        log_arrivals: (n,) of the shift.
        shortfall: (n,) of the shift, ln planned - ln actual agent-hours.
        week, slot: (n,) codes of the shift's week and slot of the week.
        shift, customer: (n,) codes to cluster on.

    Raises:
        NotIdentifiedError: as `fit_instrumented`; also where nobody or everybody churned.
        ValueError: churn that is neither 0 nor 1.
    """
    if not np.isin(churned, (0.0, 1.0)).all():
        raise ValueError("churn is 0 or 1")
    if not 0 < churned.sum() < len(churned):
        raise NotIdentifiedError("nobody or everybody churned")
    columns = np.column_stack([churned, responsiveness, -shortfall, log_arrivals, severity])
    rows = np.arange(len(churned))
    absorbed = absorb_within_clusters(columns, [week, slot], rows)
    controls = independent(absorbed, list(range(3, columns.shape[1])))
    clusters = Clusters(customer, shift)
    n_effects = absorbed.n_parameters
    fit = fit_instrumented(absorbed, 0, [1, *controls], [2, *controls], clusters, n_effects)
    first_stage = effective_f(absorbed, 1, [2], controls, clusters, n_effects)
    se = float(fit.standard_errors[0])
    return LandmarkEffect(float(fit.coefficients[0]), se, fit.df, fit, first_stage, n_effects)
