-- name: standing^
-- What waits and what was done, at the business instant `now`; `soon` is the one up to which a command counts as due.
SELECT
  (SELECT count(*) FROM outbox_unsent) AS unsent,
  (SELECT count(*) FROM outbox) - (SELECT count(*) FROM outbox_unsent) AS sent,
  (SELECT count(*) FROM commands WHERE state = 'pending' AND holder IS NOT NULL) AS held,
  (SELECT count(*) FROM commands WHERE state = 'pending' AND due_at <= :soon) AS due,
  (SELECT count(*) FROM commands WHERE state = 'done') AS done,
  (SELECT count(*) FROM enrollments WHERE state IN ('enrolling', 'unknown')) AS calls_open,
  (SELECT count(*) FROM deferrals WHERE wake_at <= :now) AS woken

-- name: intended
-- Calls of which nobody has recorded yet what they did.
SELECT organization_id, salesloft_person_id AS person_id, cadence_id
FROM enrollments
WHERE state IN ('enrolling', 'unknown', 'paused') AND intended_at IS NOT NULL AND salesloft_person_id IS NOT NULL

-- name: enrolled_counts
-- How often enrollments got a membership, for each person and cadence: who was paused was taken off, and is added again.
SELECT e.organization_id, e.salesloft_person_id AS person_id, e.cadence_id, count(*) AS number,
  count(*) FILTER (WHERE h.from_state = 'paused') AS again
FROM enrollments e JOIN enrollment_history h ON h.enrollment_id = e.id
WHERE h.to_state = 'enrolled' AND h.from_state IN ('enrolling', 'unknown', 'paused')
GROUP BY e.organization_id, e.salesloft_person_id, e.cadence_id

-- name: evaluated_events
SELECT event_id, count(*) AS number FROM evaluations WHERE cause = 'event' GROUP BY event_id

-- name: marks
SELECT topic, event_id, source FROM inbox WHERE consumer_group = 'cscx-salesloft'

-- name: enrollments
SELECT id::text AS id, organization_id, stakeholder_id, state, sequence, reason, trigger_type, exclusivity_group, business_key,
  request_digest, (request::jsonb ? 'erased') AS erased
FROM enrollments

-- name: history
SELECT enrollment_id::text AS enrollment_id, sequence, from_state, to_state FROM enrollment_history

-- name: decisions
SELECT enrollment_id::text AS enrollment_id, event_id, verdict, request_digest, decided_at, ignored_because FROM approval_decisions

-- name: enrollments_without_work
-- Approved, waiting, and nothing stored that would carry them on.
SELECT id::text AS id, state FROM enrollments e
WHERE state IN ('approved', 'scheduled', 'enrolling', 'unknown', 'stale')
  AND NOT EXISTS (SELECT FROM commands c WHERE c.enrollment_id = e.id AND c.state = 'pending')

-- name: outbox_ids
SELECT id::text AS id, topic FROM outbox WHERE topic NOT LIKE '%.dlq'
