"""Random panels of customers, weeks, slots and shifts on which estimators are compared."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.claim.instrumental import Clusters, IVFit, fit_instrumented
from pipelines.claim.linear import AbsorbedColumns, Floats, Integers, absorb_within_clusters, keep_without_singletons

OUTCOME, ENDOGENOUS, INSTRUMENT, SECOND_INSTRUMENT, CONTROL = range(5)
REGRESSORS = [ENDOGENOUS, CONTROL]
INSTRUMENTS = [INSTRUMENT, CONTROL]


@dataclass(frozen=True)
class Panel:
    """Columns in the order above; a contact takes a slot, and a week and a slot make a shift."""

    columns: Floats
    customer: Integers
    week: Integers
    slot: Integers
    shift: Integers

    @property
    def effects(self) -> list[Integers]:
        return [self.customer, self.week * 2 + (self.shift >= 0), self.slot]

    @property
    def clusters(self) -> Clusters:
        return Clusters(self.customer, self.shift)

    def rows(self, chosen: Integers | np.ndarray) -> "Panel":
        return Panel(self.columns[chosen], self.customer[chosen], self.week[chosen], self.slot[chosen], self.shift[chosen])

    def without_effects(self) -> AbsorbedColumns:
        with_constant = np.column_stack([self.columns, np.ones(len(self.columns))])
        return absorb_within_clusters(with_constant, [], self.customer)

    def absorbed(self) -> AbsorbedColumns:
        return absorb_within_clusters(self.columns, self.effects, self.customer)

    def fit(self) -> IVFit:
        return fit_instrumented(self.absorbed(), OUTCOME, REGRESSORS, INSTRUMENTS, self.clusters)


def random_panel(seed: int, contact_rate: float = 0.5, n_customers: int = 40, n_weeks: int = 10) -> Panel:
    """An unbalanced panel: customers come late, leave early and pause; `contact_rate` 1 gives every row a shift."""
    rng = np.random.default_rng(seed)
    customer, week = np.nonzero(rng.random((n_customers, n_weeks)) < rng.uniform(0.3, 0.9, (n_customers, 1)))
    n = len(customer)
    is_contact = rng.random(n) < contact_rate
    slot = np.where(is_contact, rng.integers(1, 4, n), 0)
    shift = np.where(is_contact, week * 3 + slot - 1, -1)
    z = np.where(is_contact, rng.normal(size=(2, n_weeks * 3))[:, shift], 0.0)
    hidden, control = rng.normal(size=(2, n))
    x = is_contact * (1.2 * z[0] + 0.8 * z[1] + hidden + 0.3 * control)
    shocks = 0.5 * rng.normal(size=n_weeks * 3 + 1)[shift] + rng.normal(size=n_customers)[customer] * (1 + 0.3 * control)
    y = 0.4 * x - 0.8 * hidden + 0.5 * control + shocks + rng.normal(size=n)
    panel = Panel(np.column_stack([y, x, *z, control]), customer, week, slot, shift)
    return panel.rows(keep_without_singletons(panel.effects))


def relabelled(panel: Panel, seed: int) -> Panel:
    """The same panel with other customer codes and rows in another order."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(5_000)
    shuffled = panel.rows(rng.permutation(len(panel.columns)))
    return replace(shuffled, customer=names[shuffled.customer])
