-- name: add_mapping_run$
-- Begin a run, unless one of the mapping is open.
INSERT INTO mapping_runs (id, organization_id, mapping_id, mapping_version, since, at_most, reason, started_by, started_at)
VALUES (:id, :organization_id, :mapping_id, :mapping_version, :since, :at_most, :reason, :started_by, :now)
ON CONFLICT (organization_id, mapping_id) WHERE ended_at IS NULL DO NOTHING
RETURNING id

-- name: next_mapping_run
-- The run that waits longest for its next page, or one of them if it is due, kept from whoever would cancel it until the commit.
SELECT r.id, r.organization_id, r.mapping_id, r.mapping_version, r.since, r.at_most, r.after_customer, r.requested
FROM mapping_runs r
WHERE r.ended_at IS NULL AND r.due_at <= :now AND (:id::uuid IS NULL OR r.id = :id)
ORDER BY r.due_at, r.id LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: due_mapping_runs
-- Runs that wait for their next page. Nothing is locked.
SELECT r.id FROM mapping_runs r WHERE r.ended_at IS NULL AND r.due_at <= :now ORDER BY r.due_at, r.id LIMIT :at_most

-- name: advance_mapping_run!
-- It has come so far.
UPDATE mapping_runs SET
  after_customer = :after_customer, customers = customers + :customers, requested = requested + :requested, due_at = :now, error = NULL
WHERE id = :id

-- name: put_off_mapping_run!
-- It is looked at again then; `error` is what went wrong with it.
UPDATE mapping_runs SET due_at = :due_at, error = :error WHERE id = :id

-- name: end_mapping_run!
-- It is over.
UPDATE mapping_runs SET ended_at = :now, outcome = :outcome WHERE id = :id

-- name: cancel_mapping_run$
-- Somebody has it end where it is.
UPDATE mapping_runs SET ended_at = :now, outcome = 'cancelled', cancelled_by = :cancelled_by
WHERE organization_id = :organization_id AND id = :id AND ended_at IS NULL
RETURNING id

-- name: list_mapping_runs
-- An organization's runs, newest first, or one of them.
SELECT r.id, r.mapping_id, r.mapping_version, r.since, r.at_most, r.reason, r.started_by, r.started_at, r.customers, r.requested,
  r.ended_at, r.outcome, r.cancelled_by, r.error
FROM mapping_runs r WHERE r.organization_id = :organization_id AND (:id::uuid IS NULL OR r.id = :id)
ORDER BY r.started_at DESC, r.id DESC
LIMIT :at_most

-- name: newest_events
-- Of some customers each one's newest event of a type that came since an instant; of an erased customer none.
SELECT c.customer_id, newest.*
FROM unnest(:customer_ids::text[]) AS c (customer_id)
CROSS JOIN LATERAL (
  SELECT v.event_id, v.event_type, v.correlation_id, coalesce(v.facts ->> 'event_source', '') AS event_source,
    v.facts ->> 'at' AS event_time, (v.facts -> 'event')::text AS data
  FROM evaluations v
  WHERE v.organization_id = :organization_id AND v.customer_id = c.customer_id AND v.event_type = :event_type
    AND v.evaluated_at >= :since AND v.cause = 'event' AND v.facts -> 'event' -> 'trigger' IS NOT NULL AND v.facts ->> 'at' IS NOT NULL
  ORDER BY (v.facts ->> 'at')::timestamptz DESC, v.evaluated_at DESC LIMIT 1
) AS newest
ORDER BY c.customer_id
