"""BottleCRM (django-crm 1.35.0) on PostgreSQL and Redis, started for the tests."""
