"""A simulated company of the published company's size, contact rate and shift sizes."""

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from pipelines.errors import TwowayError
from pipelines.simulate.worlds import WORLDS, World

LEAST_CUSTOMERS, LEAST_WEEKS = 50, 8
SLOTS_PER_WEEK = 21

SHAPE = """
    select
        count(distinct customer_id) as n_customers,
        (max(week_start) - min(week_start)) // 7 + 1 as n_weeks,
        coalesce(avg((n_turns > 0)::integer), 0) as contact_rate,
        count(*) as n_rows
    from claim.panel_customer_week
"""
SHIFTS = """
    select count(distinct queue), coalesce(stddev_samp(shortfall), 0), count(*)
    from claim.roster_shifts
    where shortfall is not null
"""


@dataclass(frozen=True)
class CompanyShape:
    """What the certificate copies from the published company.

    Args:
        n_customers, n_weeks: customers of the panel, and weeks that an average one is in it.
        contact_rate: share of customer-weeks with a turn.
        n_queues: queues with a roster; 1 without one.
        shortfall_sd: standard deviation of ln(planned / actual agent-hours) over shifts; None without a roster.
    """

    n_customers: int
    n_weeks: int
    contact_rate: float
    n_queues: int
    shortfall_sd: float | None

    def world(self, name: str) -> World:
        """A world of that name with this company's contacts and shifts."""
        world = replace(WORLDS[name], contact_rate=min(max(self.contact_rate, 0.001), 0.9), n_queues=self.n_queues)
        if self.shortfall_sd is None:
            return world
        # A gamma's standard deviation is sqrt(shape) times its scale.
        return replace(world, shortfall_scale=self.shortfall_sd / world.shortfall_shape**0.5)

    @property
    def text(self) -> str:
        roster = f"{self.n_queues} queue(s), shortfall sd {self.shortfall_sd:.3f}" if self.shortfall_sd is not None else "no roster"
        return f"{self.n_customers:,} customers by {self.n_weeks} weeks, {self.contact_rate:.2%} of customer-weeks with a turn, {roster}"


def shape_of(snapshot: Path) -> CompanyShape:
    """Read the shape from the published snapshot.

    Raises:
        TwowayError: nothing was published, or the panel is too small to simulate.
    """
    if not snapshot.exists():
        raise TwowayError(f"{snapshot} is not there: nothing was published yet. Run `twoway run` first.")
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        customers, span, contact_rate, n_rows = connection.execute(SHAPE).fetchone() or (0, 0, 0.0, 0)
        queues, shortfall_sd, n_shifts = connection.execute(SHIFTS).fetchone() or (0, 0.0, 0)
    weeks = min(int(span or 0), round(n_rows / customers)) if customers else 0
    if customers < LEAST_CUSTOMERS or weeks < LEAST_WEEKS:
        raise TwowayError(
            f"The published panel has {customers} customers over {weeks} weeks; "
            f"a certificate needs at least {LEAST_CUSTOMERS} customers and {LEAST_WEEKS} weeks."
        )
    has_roster = n_shifts > SLOTS_PER_WEEK and shortfall_sd > 0
    return CompanyShape(
        n_customers=int(customers),
        n_weeks=weeks,
        contact_rate=float(contact_rate),
        n_queues=max(int(queues), 1) if has_roster else 1,
        shortfall_sd=float(shortfall_sd) if has_roster else None,
    )
