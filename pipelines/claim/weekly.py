"""Percentiles of brands' weeks: how far a lever moves in reality."""

import numpy as np

from pipelines.claim.linear import Floats, codes
from pipelines.claim.sample import Panel


def weekly_percentiles(panel: Panel, totals: Floats, sizes: Floats, counts: Floats, least: int) -> tuple[float, float] | None:
    """25th and 75th percentile of a brand's weekly mean, within brand, then averaged by customer-weeks.

    Args:
        panel: the sample.
        totals, sizes: (n,) what is summed over a brand's week, and what the sum is divided by.
        counts: (n,) what a week must have `least` of to count.
        least: as many.

    Returns:
        Both by linear interpolation (Hyndman and Fan 1996, type 7); None where no brand has such a week.
    """
    if not len(panel):
        return None
    cell = codes(panel.brand * (int(panel.week.max()) + 1) + panel.week)
    brand = np.zeros(int(cell.max()) + 1, dtype=np.int64)
    brand[cell] = panel.brand
    total, size, count = (np.bincount(cell, weights=values) for values in (totals, sizes, counts))
    used = (count >= least) & (size > 0)
    found, weights = [], []
    for each in np.unique(brand[used]):
        weeks = used & (brand == each)
        found.append(np.percentile(total[weeks] / size[weeks], [25, 75]))
        weights.append(float((panel.brand == each).sum()))
    if not found:
        return None
    p25, p75 = np.average(found, axis=0, weights=weights)
    return float(p25), float(p75)
