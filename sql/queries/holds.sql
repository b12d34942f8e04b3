-- name: customers_to_hold_back
-- Customers of whom something goes on that their risk or a stop holds: upsell that is pending or on its cadence, and who is on a
-- cadence that a stop pauses. Read without a lock: whoever holds back locks the customer first and reads again.
SELECT DISTINCT organization_id, customer_id FROM (
  SELECT e.organization_id, e.customer_id
  FROM risk_episodes r JOIN enrollments e USING (organization_id, customer_id)
  WHERE r.ended_at IS NULL AND r.holds_until > :now
    AND e.is_upsell AND e.state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolled')
    AND NOT EXISTS (SELECT FROM pauses p WHERE p.enrollment_id = e.id AND e.state = 'enrolled')
  UNION ALL
  SELECT e.organization_id, e.customer_id
  FROM stops s JOIN enrollments e USING (organization_id)
  WHERE s.started_at IS NULL AND (s.ends_at IS NULL OR s.ends_at > :now) AND s.pauses_active AND e.state = 'enrolled'
    AND s.subject = CASE s.scope WHEN 'organization' THEN e.organization_id WHEN 'customer' THEN e.customer_id
                                 WHEN 'mapping' THEN e.mapping_id::text ELSE e.cadence_id::text END
    AND NOT EXISTS (SELECT FROM pauses p WHERE p.enrollment_id = e.id)
) AS held LIMIT :limit

-- name: read_to_hold_back
-- Of some customers, the enrollments that go on although something holds them, and what.
SELECT e.id, enrollment_held(e, :now) AS held
FROM (SELECT DISTINCT * FROM unnest(:customers::subject_key[])) AS c (organization_id, customer_id)
JOIN enrollments e USING (organization_id, customer_id)
WHERE e.state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolled')
  AND NOT EXISTS (SELECT FROM pauses p WHERE p.enrollment_id = e.id AND e.state = 'enrolled')
  AND (enrollment_held(e, :now) = 'preempted' OR (e.state = 'enrolled' AND EXISTS (
    SELECT FROM stops s
    WHERE s.organization_id = e.organization_id AND s.started_at IS NULL AND (s.ends_at IS NULL OR s.ends_at > :now) AND s.pauses_active
      AND s.subject = CASE s.scope WHEN 'organization' THEN e.organization_id WHEN 'customer' THEN e.customer_id
                                   WHEN 'mapping' THEN e.mapping_id::text ELSE e.cadence_id::text END)))

-- name: read_evaluated_event
-- The events that enrollments were asked for, as they came, with what an event is known by; none of one that was erased, or that a
-- mapping was run over: nobody would know any more for which mapping, and up to how many.
SELECT v.id AS evaluation_id, v.organization_id, v.customer_id, v.event_id, v.event_type, v.business_key, v.correlation_id, v.decision_version,
       coalesce(v.facts ->> 'event_source', '') AS event_source, (v.facts -> 'event')::text AS data
FROM unnest(:ids::uuid[], :evaluated_at::timestamptz[]) AS asked (id, evaluated_at)
JOIN evaluations v ON v.id = asked.id AND v.evaluated_at = asked.evaluated_at
WHERE v.cause <> 'run' AND v.facts -> 'event' -> 'trigger' IS NOT NULL

-- name: read_held$
-- What holds an enrollment now; null where nothing does.
SELECT enrollment_held(e, :now) FROM enrollments e WHERE e.id = :enrollment_id

-- name: paused_to_resume
-- Paused enrollments that nothing holds any more, and that nobody is at work to resume.
SELECT e.organization_id, e.customer_id, e.id
FROM pauses p JOIN enrollments e ON e.id = p.enrollment_id
WHERE e.state = 'paused' AND enrollment_held(e, :now) IS NULL
  AND NOT EXISTS (SELECT FROM commands c WHERE c.enrollment_id = e.id AND c.kind = 'resume' AND c.state = 'pending')
LIMIT :limit

-- name: is_upsell_on_cadence$
-- Whether somebody of the customer is on a cadence for upsell, or may be: a call is open whose outcome nobody knows yet.
SELECT EXISTS (
  SELECT FROM enrollments e
  WHERE e.organization_id = :organization_id AND e.customer_id = :customer_id AND e.is_upsell
    AND (e.state = 'enrolled' OR (e.state IN ('enrolling', 'unknown', 'paused') AND e.intended_at IS NOT NULL)))

-- name: is_save_leaving$
-- Whether somebody of the customer is still to be taken off a cadence for a risk that is over, or may be: a call is open.
SELECT EXISTS (
  SELECT FROM enrollments e
  WHERE e.organization_id = :organization_id AND e.customer_id = :customer_id AND e.trigger_type = 'at-risk'
    AND ((e.state IN ('enrolling', 'unknown') AND e.intended_at IS NOT NULL AND e.pending_end IS NOT NULL)
      OR ((e.state = 'enrolled' OR (e.state = 'paused' AND e.intended_at IS NOT NULL)) AND EXISTS (
        SELECT FROM commands c WHERE c.enrollment_id = e.id AND c.kind = 'remove' AND c.state = 'pending'))))

-- name: ask_pauses!
-- These are to be paused.
INSERT INTO pauses (enrollment_id, organization_id, reason, asked_at)
SELECT p.enrollment_id, p.organization_id, p.reason, :now
FROM unnest(:enrollment_ids::uuid[], :organization_ids::text[], :reasons::text[]) AS p (enrollment_id, organization_id, reason)
ON CONFLICT (enrollment_id) DO NOTHING

-- name: read_pause
-- The pause of an enrollment.
SELECT enrollment_id, reason, step_id, refused_at, asked_by_kind, asked_by, asked_until, moved_by_kind, moved_by, to_step_id, skips
FROM pauses WHERE enrollment_id = :enrollment_id

-- name: record_pause_step!
-- Where the cadence of somebody who is about to be taken off goes on.
UPDATE pauses SET step_id = :step_id WHERE enrollment_id = :enrollment_id

-- name: record_pause_refusal!
-- Salesloft refuses to take the person off.
UPDATE pauses SET refused_at = coalesce(refused_at, :now), refusal = :refusal WHERE enrollment_id = :enrollment_id

-- name: end_pause!
-- It is over, or came to nothing.
DELETE FROM pauses WHERE enrollment_id = :enrollment_id

-- name: is_to_leave$
-- Whether somebody is to be taken off, and the command for it waits behind the one that asks.
SELECT EXISTS (SELECT FROM commands WHERE enrollment_id = :enrollment_id AND kind = 'remove' AND state = 'pending')

-- name: forget_call!
-- No call of the enrollment is open; its person keeps the place on the cadence.
UPDATE enrollments SET intended_at = NULL WHERE id = :enrollment_id

-- name: hasten_held_commands!
-- What was held is looked at again now; of one customer, or of the whole organization where none is given.
UPDATE commands SET due_at = :now
WHERE organization_id = :organization_id AND state = 'pending' AND holder IS NULL AND due_at > :now
  AND last_error = ANY (:held::text[]) AND (:customer_id::text IS NULL OR payload ->> 'customer_id' = :customer_id)

-- name: read_stops
-- The stops of organizations, those that are over too: what was decided under one can be decided again.
SELECT organization_id, scope, subject, stopped_at, least(ends_at, started_at) AS over_at
FROM stops WHERE organization_id = ANY (:organization_ids::text[])
ORDER BY stopped_at, id

-- name: list_stops
-- For people: the stops of an organization that are not over.
SELECT id, scope, subject, reason, pauses_active, stopped_by, stopped_at, ends_at
FROM stops WHERE organization_id = :organization_id AND started_at IS NULL AND (ends_at IS NULL OR ends_at > :now)
ORDER BY stopped_at, id

-- name: add_stop!
-- Somebody stops something.
INSERT INTO stops (id, organization_id, scope, subject, reason, pauses_active, stopped_by, stopped_at, ends_at)
VALUES (:id, :organization_id, :scope, :subject, :reason, :pauses_active, :stopped_by, :now, :ends_at)

-- name: end_stop$
-- Somebody starts again what was stopped; answers nothing where that is no stop of the organization's, or over already.
UPDATE stops SET started_at = :now, started_by = :started_by
WHERE organization_id = :organization_id AND id = :id AND started_at IS NULL AND (ends_at IS NULL OR ends_at > :now)
RETURNING id

-- name: list_refused_pauses
-- For people: who should be off their cadence and cannot be taken off, and since when.
SELECT p.enrollment_id, e.customer_id, e.stakeholder_id, e.cadence_id, p.reason, p.refused_at, p.refusal
FROM pauses p JOIN enrollments e ON e.id = p.enrollment_id
WHERE p.organization_id = :organization_id AND p.refused_at IS NOT NULL AND e.state = 'enrolled'
ORDER BY p.refused_at, p.enrollment_id
