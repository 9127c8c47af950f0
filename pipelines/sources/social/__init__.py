"""Connectors of social systems."""
