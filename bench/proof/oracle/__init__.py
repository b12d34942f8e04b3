"""Decisions as somebody reads them in their contract who has not seen the code, and what both are asked about."""
