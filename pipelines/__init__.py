"""Twoway: does answering people beat talking at them?"""

import os

__version__ = "0.1.0"

# Matrices here are weeks by weeks: a second BLAS thread would only wait, at full speed, and change the order of sums.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
