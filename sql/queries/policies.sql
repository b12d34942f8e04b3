-- name: read_past_runs
-- The enrollments of some customers' stakeholders that policies count: those that expired or were withdrawn never ran.
SELECT e.organization_id, e.customer_id, e.stakeholder_id, e.trigger_type, e.exclusivity_group, e.business_key, e.state, e.created_at, e.claimed_at
FROM unnest(:customers::subject_key[]) AS c (organization_id, customer_id)
JOIN enrollments e USING (organization_id, customer_id)
WHERE e.state NOT IN ('expired', 'withdrawn')
ORDER BY e.created_at, e.id

-- name: read_active_by_address
-- Who is on a cadence of which group, for each stakeholder that is asked about everybody with the same address.
SELECT DISTINCT a.organization_id, a.stakeholder_id, e.stakeholder_id AS active_id, e.exclusivity_group
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :emails::text[]) AS a (organization_id, stakeholder_id, email)
JOIN directory_stakeholders s ON s.organization_id = a.organization_id AND s.email = a.email
JOIN enrollments e ON e.organization_id = s.organization_id AND e.stakeholder_id = s.stakeholder_id
WHERE e.state IN ('enrolling', 'unknown', 'enrolled', 'paused')
ORDER BY 1, 2, 3, 4

-- name: lock_limits!
-- Hold what is counted until the commit. In one order, so that two who count cannot wait for each other; a statement that follows
-- sees what those before have counted in.
INSERT INTO limit_locks (organization_id, counted, subject, locked_at)
SELECT :organization_id, l.counted, l.subject, :now
FROM unnest(:counted::text[], :subjects::text[]) AS l (counted, subject)
ORDER BY l.counted, l.subject
ON CONFLICT (organization_id, counted, subject) DO UPDATE SET locked_at = excluded.locked_at

-- name: lock_address!
-- Hold an address until the commit, without keeping it.
SELECT pg_advisory_xact_lock(hashtextextended('cscx_salesloft address ' || :organization_id || ' ' || :email, 0))

-- name: claims_of_stakeholder
-- When a stakeholder's enrollments that count were claimed, the newest first, besides the one that asks.
SELECT e.claimed_at FROM enrollments e
WHERE e.organization_id = :organization_id AND e.stakeholder_id = :subject AND e.claimed_at > :since AND e.id <> :enrollment_id
  AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused', 'completed', 'removed', 'exited')
ORDER BY e.claimed_at DESC LIMIT :limit

-- name: claims_of_account
-- When a customer's enrollments that count were claimed, the newest first, besides the one that asks.
SELECT e.claimed_at FROM enrollments e
WHERE e.organization_id = :organization_id AND e.customer_id = :subject AND e.claimed_at > :since AND e.id <> :enrollment_id
  AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused', 'completed', 'removed', 'exited')
ORDER BY e.claimed_at DESC LIMIT :limit

-- name: claims_of_sender
-- When a sender's enrollments that count were claimed, the newest first, besides the one that asks.
SELECT e.claimed_at FROM enrollments e
WHERE e.organization_id = :organization_id AND e.sender_user_id = :subject::text::bigint AND e.claimed_at > :since AND e.id <> :enrollment_id
  AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused', 'completed', 'removed', 'exited')
ORDER BY e.claimed_at DESC LIMIT :limit

-- name: claims_of_mapping
-- When a mapping's enrollments that count were claimed, of any of its versions, the newest first, besides the one that asks.
SELECT e.claimed_at FROM enrollments e
WHERE e.organization_id = :organization_id AND e.mapping_id = :subject::text::uuid AND e.claimed_at > :since AND e.id <> :enrollment_id
  AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused', 'completed', 'removed', 'exited')
ORDER BY e.claimed_at DESC LIMIT :limit

-- name: active_of_stakeholder$
-- Whether a stakeholder is on another cadence of a group.
SELECT EXISTS (
  SELECT FROM enrollments e
  WHERE e.organization_id = :organization_id AND e.stakeholder_id = :stakeholder_id AND e.exclusivity_group = :exclusivity_group
    AND e.id <> :enrollment_id AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused'))

-- name: active_of_address$
-- Whether anybody with an address is on another cadence of a group.
SELECT EXISTS (
  SELECT FROM directory_stakeholders s
  JOIN enrollments e ON e.organization_id = s.organization_id AND e.stakeholder_id = s.stakeholder_id
  WHERE s.organization_id = :organization_id AND s.email = :email AND e.exclusivity_group = :exclusivity_group
    AND e.id <> :enrollment_id AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused'))

-- name: read_suppressed
-- Which of these stakeholders their organizations never contact; each comes with everything that its address may be listed by.
SELECT DISTINCT a.organization_id, a.stakeholder_id
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :kinds::text[], :values::text[]) AS a (organization_id, stakeholder_id, kind, value)
JOIN suppressions s ON s.organization_id = a.organization_id AND s.kind = a.kind AND s.value = a.value AND s.removed_at IS NULL

-- name: add_suppressions
-- Put entries on an organization's list; answers those that were not on it.
INSERT INTO suppressions (organization_id, kind, value, note, added_at, added_by)
SELECT :organization_id, s.kind, s.value, :note, :now, :by FROM unnest(:kinds::text[], :values::text[]) AS s (kind, value)
ORDER BY 2, 3
ON CONFLICT (organization_id, kind, value) WHERE removed_at IS NULL DO NOTHING
RETURNING kind, value

-- name: remove_suppressions
-- Take entries off an organization's list; answers those that were on it.
UPDATE suppressions x SET removed_at = :now, removed_by = :by
FROM unnest(:kinds::text[], :values::text[]) AS s (kind, value)
WHERE x.organization_id = :organization_id AND x.kind = s.kind AND x.value = s.value AND x.removed_at IS NULL
RETURNING x.kind, x.value

-- name: list_suppressions
-- Whom an organization never contacts.
SELECT kind, value, note, added_at, added_by FROM suppressions
WHERE organization_id = :organization_id AND removed_at IS NULL ORDER BY kind, value

-- name: list_suppressions_after
-- A page of whom an organization never contacts.
SELECT kind, value, note, added_at, added_by FROM suppressions
WHERE organization_id = :organization_id AND removed_at IS NULL AND (kind, value) > (:kind::text, :value::text)
ORDER BY kind, value LIMIT :limit
