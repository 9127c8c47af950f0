"""A simulated company with known truth: the same draws as arrays for estimators and as canonical files."""
