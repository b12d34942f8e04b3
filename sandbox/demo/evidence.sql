-- name: enrollments_by_state
-- How many enrollments are in which state.
SELECT state AS name, count(*)::integer AS number FROM enrollments GROUP BY state ORDER BY count(*) DESC, state

-- name: decisions_by_reason
-- How often which reason was given for which outcome; a trigger that was decided again counts again.
SELECT told ->> 'outcome' AS outcome, told ->> 'reason' AS reason, count(*)::integer AS number
FROM evaluations v CROSS JOIN LATERAL json_array_elements(v.outcomes) AS told
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2

-- name: standing^
-- What still waits, at a business instant. An open call, an expiry that was not noticed, a command that is due, an event that was
-- not sent and a trigger to decide again are work; what waits for its date is not.
SELECT
  (SELECT count(*)::integer FROM outbox_unsent) AS unsent,
  (SELECT count(*)::integer FROM commands WHERE state = 'pending' AND due_at <= :now) AS due_commands,
  (SELECT count(*)::integer FROM commands WHERE state = 'pending') AS commands,
  (SELECT count(*)::integer FROM deferrals WHERE wake_at <= :now) AS woken,
  (SELECT count(*)::integer FROM deferrals) AS deferred,
  (SELECT count(*)::integer FROM enrollments
   WHERE state IN ('approved', 'enrolling', 'unknown', 'stale') OR (state = 'requested' AND expires_at < :now)) AS under_way,
  (SELECT count(*)::integer FROM activity_units) AS units,
  (SELECT count(*)::integer FROM inbox) AS taken,
  (SELECT coalesce(max(cycle), 0)::integer FROM sync_streams) AS cycles

-- name: unfinished
-- Each enrollment that should move on by itself, and each command that is due, at a business instant.
SELECT format('enrollment %s is %s%s', id, state, CASE WHEN state = 'requested' THEN ', expired at ' || expires_at ELSE '' END) AS told
FROM enrollments
WHERE state IN ('approved', 'enrolling', 'unknown', 'stale') OR (state = 'requested' AND expires_at < :now)
UNION ALL
SELECT format('command %s (%s) was due at %s, tried %s times: %s', id, kind, due_at, attempts, coalesce(last_error, 'no error'))
FROM commands
WHERE state = 'pending' AND due_at <= :now

-- name: streams_behind$
-- How many streams of connected teams have had no whole cycle that began at or after a business instant; 1 while there are none.
SELECT CASE WHEN count(*) = 0 THEN 1 ELSE count(*) FILTER (
  WHERE s.cycle_started_at IS NULL OR s.cycle_started_at < :since OR s.cycle_ended_at IS NULL OR s.cycle_ended_at < s.cycle_started_at
) END
FROM sync_streams s JOIN salesloft_connections c USING (organization_id)
WHERE c.status = 'connected'

-- name: streams_not_due$
-- How many of these are not in a cycle either, and will begin none by now.
SELECT count(*)
FROM sync_streams s JOIN salesloft_connections c USING (organization_id)
WHERE c.status = 'connected' AND s.cycle_started_at < :since AND s.cycle_ended_at >= s.cycle_started_at AND s.next_cycle_at > :now

-- name: next_cycle_at$
-- When the last of the streams begins its next cycle.
SELECT coalesce(max(s.next_cycle_at), 'epoch')
FROM sync_streams s JOIN salesloft_connections c USING (organization_id)
WHERE c.status = 'connected'

-- name: taken_events
-- Every event that was taken in, by its topic and id; of null values the place stands for the id.
SELECT topic, source, event_id FROM inbox

-- name: history
-- Every change of an enrollment.
SELECT enrollment_id::text, sequence, to_state FROM enrollment_history

-- name: request_digests
-- The question that each enrollment was last asked with.
SELECT id::text, request_digest FROM enrollments

-- name: decisions
-- Every decision that arrived, whether it counted or not.
SELECT event_id FROM approval_decisions

-- name: own_memberships
-- The memberships that enrollments made.
SELECT salesloft_membership_id, enrollment_id::text FROM salesloft_memberships WHERE enrollment_id IS NOT NULL

-- name: units
-- Every unit of activity that was told, once for each stakeholder it was told to.
SELECT event_id::text, source, source_id, metric, ordinal, person_id FROM activity_units

-- name: sent_messages
-- What the outbox holds or has sent, but for dead letters, which have no event id of ours.
SELECT id::text, topic FROM outbox WHERE aggregatetype <> 'dead_letter'

-- name: erased_people
-- The Salesloft people of whom a stakeholder was erased: what they do afterwards is nobody's business.
SELECT DISTINCT l.person_id
FROM stakeholder_people l JOIN directory_stakeholders d USING (organization_id, stakeholder_id)
WHERE d.erased_at IS NOT NULL
