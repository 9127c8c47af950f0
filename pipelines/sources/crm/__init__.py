"""Connectors of crm systems."""
