"""Connectors of support systems."""
