"""Migrations and queries, as files: `migrations/*.sql` for dbmate, `queries/*.sql` for `storage/queries.py`."""
