"""Rosters: the template of `support_shifts`, and the export of a workforce-management tool made into it."""
