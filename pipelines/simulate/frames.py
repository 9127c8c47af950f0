"""Small helpers that turn codes and microseconds into the columns of canonical files."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.claim.linear import Integers
from pipelines.simulate.calendar import START, WEEK

CURRENCY = "EUR"
INSTANT = pl.Datetime("us", "UTC")


def ids(prefix: str, codes: Integers) -> pl.Series:
    """Text keys of codes: `ids("c", [0, 1])` is c1, c2."""
    return pl.select(pl.lit(prefix) + pl.Series(codes + 1).cast(pl.String)).to_series()


def instants(epoch_microseconds: Integers, is_known: np.ndarray | None = None) -> pl.Series:
    """Timestamps in UTC; null where not known."""
    series = pl.Series(epoch_microseconds).cast(INSTANT)
    return series if is_known is None else masked(series, is_known)


def masked(series: pl.Series, is_known: np.ndarray) -> pl.Series:
    """The series, null where not known."""
    return pl.select(pl.when(pl.Series(is_known)).then(series)).to_series()


def picked(values: Sequence[str | None], codes: Integers) -> pl.Series:
    """Texts of a short list by their places in it."""
    return pl.Series(values, dtype=pl.String).gather(codes)


def brand_ids(codes: Integers) -> pl.Series:
    """Keys of brands."""
    return ids("b", codes)


def observed_until(n_weeks: int) -> int:
    """Epoch microseconds at which observation ends: a week after the panel's last."""
    return START + (n_weeks + 1) * WEEK
