-- name: put_catalogue!
-- All of the team's cadences and users were read.
INSERT INTO salesloft_catalogues (organization_id, read_at) VALUES (:organization_id, :now)
ON CONFLICT (organization_id) DO UPDATE SET read_at = excluded.read_at

-- name: catalogue_state
-- When the team's cadences were last read, and whether another reading waits, since when, and what it last failed for.
SELECT o.organization_id, s.status AS connection, c.read_at, r.created_at AS asked_at, r.due_at, r.last_error
FROM organizations o
LEFT JOIN salesloft_connections s USING (organization_id)
LEFT JOIN salesloft_catalogues c USING (organization_id)
LEFT JOIN LATERAL (
  SELECT k.created_at, k.due_at, k.last_error FROM commands k
  WHERE k.organization_id = o.organization_id AND k.kind = 'refresh_cadences' AND k.state = 'pending'
  ORDER BY k.position LIMIT 1) AS r ON true
WHERE o.organization_id = :organization_id

-- name: show_cadences
-- The team's cadences, or one of them, with their owners, our notes on them, and Salesloft's own counts.
SELECT c.cadence_id, c.name, c.people_addable, c.team_cadence, c.current_state, c.owner_user_id, u.name AS owner_name, u.email AS owner_email,
       u.active AS owner_active, c.steps, c.record, c.refreshed_at, nullif(n.description, '') AS description, s.stats, s.read_at AS stats_read_at
FROM salesloft_cadences c
LEFT JOIN salesloft_users u ON u.organization_id = c.organization_id AND u.user_id = c.owner_user_id
LEFT JOIN cadence_notes n ON n.organization_id = c.organization_id AND n.cadence_id = c.cadence_id
LEFT JOIN cadence_stats s ON s.organization_id = c.organization_id AND s.cadence_id = c.cadence_id
WHERE c.organization_id = :organization_id AND (:cadence_id::bigint IS NULL OR c.cadence_id = :cadence_id)
ORDER BY lower(c.name), c.cadence_id

-- name: observed_people
-- What was seen on the cadences, or on one of them: people ever on it and there now, stays that are over, completed or not, as of the last whole
-- reading of Salesloft's memberships; and how many different people got, opened or answered e-mails of it, or had one come back.
SELECT p.cadence_id, count(*) FILTER (WHERE p.stays > 0) AS people, count(*) FILTER (WHERE p.stays_now > 0) AS people_now, sum(p.ended) AS ended,
       sum(p.completed) AS completed, count(*) FILTER (WHERE p.sent > 0) AS sent, count(*) FILTER (WHERE p.opened > 0) AS opened,
       count(*) FILTER (WHERE p.replied > 0) AS replied, count(*) FILTER (WHERE p.bounced > 0) AS bounced
FROM cadence_people p WHERE p.organization_id = :organization_id AND (:cadence_id::bigint IS NULL OR p.cadence_id = :cadence_id)
GROUP BY p.cadence_id

-- name: reached_goals
-- Of the enrollments that a trigger asked for and that made a membership: how many there were, and how many ended because their customer
-- did what the cadence is for. What a person asked for has nothing that could be reached.
SELECT e.cadence_id, count(*) AS enrollments,
       count(*) FILTER (WHERE e.state = 'exited' AND e.reason IN ('onboarded', 'renewed', 'recovered', 'expansion-closed')) AS reached
FROM enrollments e WHERE e.organization_id = :organization_id AND e.membership_id IS NOT NULL AND e.trigger_type IS NOT NULL
  AND (:cadence_id::bigint IS NULL OR e.cadence_id = :cadence_id)
GROUP BY e.cadence_id

-- name: stream_ends
-- When whole readings of the team's records last ended.
SELECT stream, cycle_ended_at FROM sync_streams WHERE organization_id = :organization_id

-- name: put_cadence_note!
-- Our own description of a cadence; an empty one is none.
INSERT INTO cadence_notes (organization_id, cadence_id, description, written_at, written_by)
VALUES (:organization_id, :cadence_id, :description, :now, :by)
ON CONFLICT (organization_id, cadence_id) DO UPDATE SET
  description = excluded.description, written_at = excluded.written_at, written_by = excluded.written_by

-- name: cadences_without_stats
-- Cadences in use whose counts were never read, or before an instant; who waited longest first.
SELECT c.cadence_id
FROM salesloft_cadences c LEFT JOIN cadence_stats s USING (organization_id, cadence_id)
WHERE c.organization_id = :organization_id AND c.people_addable AND coalesce(s.read_at, '-infinity') < :before
ORDER BY s.read_at NULLS FIRST, c.cadence_id
LIMIT :limit

-- name: put_cadence_stats!
-- A cadence's counts as Salesloft told them.
INSERT INTO cadence_stats (organization_id, cadence_id, stats, read_at) VALUES (:organization_id, :cadence_id, :stats::text::jsonb, :now)
ON CONFLICT (organization_id, cadence_id) DO UPDATE SET stats = excluded.stats, read_at = excluded.read_at
