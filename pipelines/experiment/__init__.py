"""Randomised trials: who gets which arm, how large a trial must be, and what it showed."""
