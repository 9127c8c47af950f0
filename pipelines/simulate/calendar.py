"""The company's clock: weeks from Monday 2024-01-01 00:00 UTC, 21 slots of 8 hours a week, integer microseconds."""

from datetime import date

import numpy as np

FIRST_MONDAY = date(2024, 1, 1)
SLOTS = 21
HOUR = 3_600_000_000
DAY = 24 * HOUR
WEEK = 7 * DAY
SLOT = 8 * HOUR
START = int(np.datetime64(FIRST_MONDAY.isoformat(), "us").astype(np.int64))
"""Epoch microseconds of the first Monday."""
NEVER = -1
"""Instead of a wait that does not end."""
