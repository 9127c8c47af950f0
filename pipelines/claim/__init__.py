"""Estimators: pure functions over arrays. No files, no databases, no clock."""
