"""Lambda: what one unit of money more a week brings when service gets it, less what it brings when broadcast gets it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipelines.claim.clustering import cluster_covariance
from pipelines.claim.instrumental import fit_instrumented
from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.results import EffectEstimate, t_interval
from pipelines.claim.sample import Panel
from pipelines.claim.system import Fitted, System


@dataclass(frozen=True)
class WeeklyCosts:
    """What the staff of each lever costs in a mean week of the panel, in one currency.

    Args:
        service: of the function that answers.
        broadcast: of the functions whose messages the broadcast lever counts.
        currency: ISO 4217 code of both.
    """

    service: float
    broadcast: float
    currency: str


@dataclass(frozen=True)
class MarginalReturn:
    """Returns in the outcome's unit per customer-week over the whole base, for one unit of money more a week.

    Args:
        service, broadcast: of each lever.
        se: standard error of their difference.
        df: degrees of freedom of t.
    """

    service: float
    broadcast: float
    se: float
    df: float

    @property
    def value(self) -> float:
        """Lambda."""
        return self.service - self.broadcast


def marginal_return(
    system: System, rate: float, fitted: Fitted, log_adstock: Floats, contact_rate: float, costs: WeeklyCosts
) -> MarginalReturn:
    """Lambda = beta_R c dR/dhours / w_agent - beta_B dB/dhours / w_marketer, with every staff's hours grown alike.

    Service: the instrument is ln(actual hours) less ln(planned hours), so that the first stage's coefficient pi is
    dR/dln(hours), in halvings; an hour more a week in H hours is 1/H log points, and H w_agent is the weekly cost C_R.
    The return is beta_R pi c / C_R. Broadcast: messages grow in proportion to the staff's hours, so that the adstock A
    of everyone does, and B = ln(1 + A) by A / (1 + A) per log point. The return is beta_B E[A / (1 + A)] / C_B.

    The standard error is by the delta method from the joint influence of beta_R, beta_B and pi, clustered as the fit;
    percentiles, contact rate, adstock and costs are treated as fixed.

    Args:
        system: the system of the roster's design.
        rate: adstock rate.
        fitted: its fit.
        log_adstock: (n,) B of all customer-weeks.
        contact_rate: c, turns per customer-week over the whole base.
        costs: C_R and C_B, per week.

    Raises:
        NotIdentifiedError: not the roster's design, no cost, or a first stage that can't be told.
    """
    if system.setup.responsiveness != "roster" or system.setup.r_instrument is not None or fitted.iv is None or system.clusters is None:
        raise NotIdentifiedError("only the roster tells what an hour of staff does to the reply time")
    if not (costs.service > 0 and costs.broadcast > 0):
        raise NotIdentifiedError("a lever's staff costs nothing")
    regressors, instruments = system.positions(rate)
    k = system.n_instrument_effects
    first = fit_instrumented(system.absorbed, regressors[0], instruments, instruments, system.clusters, k, n_wanted=1)
    pi, (beta_r, beta_b) = float(first.coefficients[0]), fitted.coefficients
    adstock = np.expm1(log_adstock)
    per_log_hours = contact_rate / costs.service, float(np.mean(adstock / (1 + adstock))) / costs.broadcast
    influence = per_log_hours[0] * (pi * fitted.iv.influence[:, 0] + beta_r * first.influence[:, 0])
    influence = influence - per_log_hours[1] * fitted.iv.influence[:, 1]
    clustered = cluster_covariance(influence[:, None], np.eye(1), system.clusters, k)
    return MarginalReturn(
        service=float(per_log_hours[0] * beta_r * pi),
        broadcast=float(per_log_hours[1] * beta_b),
        se=float(np.sqrt(clustered.covariance[0, 0])),
        df=float(clustered.df),
    )


def return_rows(
    blank: EffectEstimate, panel: Panel, system: System, rate: float, fitted: Fitted, contact_rate: float, costs: WeeklyCosts
) -> Iterator[EffectEstimate]:
    """The row of Lambda; none where sends are not known by customer, or the roster does not tell what an hour does."""
    if panel.broadcast_reach != "customer":
        return
    try:
        found = marginal_return(system, rate, fitted, panel.broadcast[rate], contact_rate, costs)
    except NotIdentifiedError:
        return
    ends = vars(t_interval(found.value, found.se, found.df))
    yield replace(blank, estimate=found.value, se=found.se, df=found.df, se_type=f"delta method; {fitted.se_type}", **ends)
