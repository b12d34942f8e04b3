"""The whole journey on one machine: events in, decisions, approvals, enrollments, activity back, and the reckoning."""
