"""Deciding who belongs in which cadence, and why: pure, synchronous, with no clock of its own.

`decide.py` is the entry; `criteria.py`, `mappings.py` and `consent.py` are what it consults; `approval.py` binds and
judges approvals; `states.py` says what may happen to an enrollment.
"""
