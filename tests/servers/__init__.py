"""Connectors against the vendors' own software, started here: `make test-servers`."""
