-- name: organizations_without_figures
-- Whose figures from an instant on are not published yet; those that were there by then.
SELECT o.organization_id FROM organizations o
WHERE o.created_at < :until
  AND NOT EXISTS (SELECT FROM figures f WHERE f.organization_id = o.organization_id AND f.since = :since)
ORDER BY 1 LIMIT :at_most

-- name: read_executions
-- The memberships that an organization's enrollments made from an instant until before another: what was approved, what Salesloft
-- answered at that moment, and what it shows now.
SELECT e.id, e.state, e.cadence_id, e.start_step_id, e.sender_user_id, e.start_on, e.execute_by, o.time_zone, s.data ->> 'time_zone' AS stakeholder_zone,
       m.cadence_id AS done_cadence_id, h.detail, m.salesloft_user_id, m.added_at, m.currently_on_cadence
FROM salesloft_memberships m
JOIN enrollments e ON e.membership_id = m.id
JOIN organizations o ON o.organization_id = e.organization_id
LEFT JOIN directory_stakeholders s ON s.organization_id = e.organization_id AND s.stakeholder_id = e.stakeholder_id
LEFT JOIN LATERAL (
  SELECT detail FROM enrollment_history
  WHERE enrollment_id = e.id AND to_state = 'enrolled' AND from_state IN ('enrolling', 'unknown') ORDER BY sequence LIMIT 1) h ON true
WHERE m.organization_id = :organization_id AND m.enrollment_id IS NOT NULL AND m.created_at >= :since AND m.created_at < :until

-- name: count_units
-- What the cycles that ended from an instant until before another showed of Salesloft's units, and what of it is owed: of each stream
-- what its last cycle owed, which is all that it owed then.
SELECT coalesce(sum(emitted + deduplicated + out_of_scope), 0)::bigint AS accounted,
       coalesce(sum(emitted + deduplicated + out_of_scope + CASE WHEN is_last THEN owed ELSE 0 END), 0)::bigint AS shown
FROM (
  SELECT *, row_number() OVER (PARTITION BY stream ORDER BY cycle DESC) = 1 AS is_last
  FROM sync_ledger WHERE organization_id = :organization_id AND ended_at >= :since AND ended_at < :until
) AS ended

-- name: add_figures$
-- Keep an organization's figures; answers nothing where somebody has.
INSERT INTO figures (organization_id, since, until, accuracy_part, accuracy_whole, completeness_part, completeness_whole, consistency_part, consistency_whole, counted_at)
VALUES (:organization_id, :since, :until, :accuracy_part, :accuracy_whole, :completeness_part, :completeness_whole, :consistency_part, :consistency_whole, :now)
ON CONFLICT DO NOTHING
RETURNING organization_id

-- name: published_figures
-- An organization's published figures, the latest day first; those before a day where one is given.
SELECT since, until, accuracy_part, accuracy_whole, completeness_part, completeness_whole, consistency_part, consistency_whole, counted_at
FROM figures
WHERE organization_id = :organization_id AND (:before::timestamptz IS NULL OR since < :before)
ORDER BY since DESC LIMIT :limit
