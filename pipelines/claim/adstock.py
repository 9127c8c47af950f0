"""Geometric adstock from event rows alone, without a dense panel of groups and periods."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers


@dataclass(frozen=True)
class AdstockedEvents:
    """Adstock right after each event; between events it only decays.

    Args:
        rate: share kept from one period to the next, in [0, 1].
        group: (m,) codes, sorted.
        period: (m,) sorted within the group, one row per group and period.
        level: (m,) sum over events s <= t of rate^(t - s) amount_s.
    """

    rate: float
    group: Integers
    period: Integers
    level: Floats

    def at(self, group: Integers, period: Integers) -> Floats:
        """Adstock of groups (q,) at periods (q,); 0 before a group's first event."""
        if not len(self.group) or not len(group):
            return np.zeros(len(group))
        lowest = min(int(self.period.min()), int(period.min()))
        span = max(int(self.period.max()), int(period.max())) - lowest + 1
        last = np.searchsorted(self.group * span + self.period - lowest, group * span + period - lowest, side="right") - 1
        is_known = (last >= 0) & (self.group[last] == group)
        gap = np.where(is_known, period - self.period[last], 0)
        return np.where(is_known, np.power(self.rate, gap) * self.level[last], 0.0)

    def sums(self, n_groups: int, start: int, stop: int) -> tuple[Floats, Floats]:
        """Sums of the adstock and of its square over periods [start, stop), (n_groups,) each.

        Between two events the adstock is a geometric series, so that its sums need no period in between.
        """
        is_before_stop = self.period < stop
        group, period, level = self.group[is_before_stop], self.period[is_before_stop], self.level[is_before_stop]
        is_last = np.append(group[1:] != group[:-1], np.ones(min(len(group), 1), dtype=bool))
        until = np.where(is_last, stop, np.append(period[1:], stop)[: len(period)])
        since, until = np.maximum(period, start), np.maximum(until, start)
        level = level * np.power(self.rate, since - period)
        n_periods = until - since
        total, squares = np.zeros(n_groups), np.zeros(n_groups)
        np.add.at(total, group, level * _geometric_sum(self.rate, n_periods))
        np.add.at(squares, group, level**2 * _geometric_sum(self.rate**2, n_periods))
        return total, squares


def adstock_events(group: Integers, period: Integers, amount: Floats, rate: float) -> AdstockedEvents:
    """Adstock at the events: a_k = x_k + rate^gap a_(k-1) within each group (Broadbent 1979).

    The recursion runs over the k-th events of all groups at once, and never divides by powers of the rate.

    Args:
        group: (m,) codes from 0, in any order.
        period: (m,).
        amount: (m,); events of the same group and period are added up.
        rate: in [0, 1].

    Raises:
        ValueError: a rate outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"adstock rate {rate} outside [0, 1]")
    order = np.lexsort((period, group))
    group, period, amount = group[order], period[order], amount[order]
    is_new = np.ones(len(group), dtype=bool)
    is_new[1:] = (group[1:] != group[:-1]) | (period[1:] != period[:-1])
    starts = np.flatnonzero(is_new)
    level = np.add.reduceat(amount, starts) if len(starts) else np.zeros(0)
    group, period = group[starts], period[starts]
    opens = np.append(np.ones(min(len(group), 1), dtype=bool), group[1:] != group[:-1])
    firsts = np.flatnonzero(opens)
    rank = np.arange(len(group)) - np.repeat(firsts, np.diff(np.append(firsts, len(group))))
    by_rank = np.argsort(rank, kind="stable")
    n_of_rank = np.bincount(rank) if len(rank) else np.zeros(0, dtype=np.int64)
    done = n_of_rank[0] if len(n_of_rank) else 0
    for n_rows in n_of_rank[1:]:
        rows = by_rank[done : done + n_rows]
        level[rows] += np.power(rate, period[rows] - period[rows - 1]) * level[rows - 1]
        done += n_rows
    return AdstockedEvents(rate, group, period, level)


def _geometric_sum(rate: float, n_terms: Integers) -> Floats:
    """1 + rate + ... + rate^(n - 1)."""
    if rate == 1:
        return n_terms.astype(np.float64)
    return (1 - np.power(rate, n_terms)) / (1 - rate)
