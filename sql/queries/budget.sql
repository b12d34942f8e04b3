-- name: lock_budget
-- A team's minute, locked until the commit.
SELECT minute, cost_limit, spent_interactive, spent_enrollment, spent_poll, spent_backfill, held, remaining, remaining_at, others,
  others_before, carried, closed_until, holders, holders_before
FROM salesloft_budgets WHERE organization_id = :organization_id AND team_id = :team_id
FOR UPDATE

-- name: read_budget
-- The minute of the team that an organization is connected to; nothing but the team where nobody has called for it yet.
SELECT o.team_id, b.minute, b.cost_limit, b.spent_interactive, b.spent_enrollment, b.spent_poll, b.spent_backfill, b.held, b.remaining,
  b.remaining_at, b.others, b.others_before, b.carried, b.closed_until, b.holders, b.holders_before
FROM salesloft_connections o LEFT JOIN salesloft_budgets b USING (organization_id, team_id)
WHERE o.organization_id = :organization_id AND o.status <> 'disconnected'

-- name: begin_budget!
-- Have a row to lock.
INSERT INTO salesloft_budgets (organization_id, team_id, minute, cost_limit)
VALUES (:organization_id, :team_id, :minute, :cost_limit)
ON CONFLICT (organization_id, team_id) DO NOTHING

-- name: put_budget!
-- The minute as it is now.
UPDATE salesloft_budgets SET
  minute = :minute, cost_limit = :cost_limit, spent_interactive = :spent_interactive, spent_enrollment = :spent_enrollment,
  spent_poll = :spent_poll, spent_backfill = :spent_backfill, held = :held, remaining = :remaining, remaining_at = :remaining_at,
  others = :others, others_before = :others_before, carried = :carried, closed_until = :closed_until,
  holders = :holders::text[], holders_before = :holders_before::text[]
WHERE organization_id = :organization_id AND team_id = :team_id

-- name: tell_stop!
-- Tell the other processes, at the commit, that nobody may call for the team before an instant.
SELECT pg_notify(:channel, :told)
