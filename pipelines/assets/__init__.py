"""Dagster assets: a thin shell around the functions that do the work."""
