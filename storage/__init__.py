"""The only Python that runs SQL: pool, transactions, and a module of plain functions per table group.

Every function takes the connection of its caller's transaction first, so that what belongs together commits together.
Nothing here decides; what is a decision stands in `enrollment/`, `activity/` and `workflows/`.
"""
