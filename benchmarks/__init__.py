"""Measurements against other tools: one module and one command each, one JSON line per figure."""
