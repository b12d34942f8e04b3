-- name: begin_people_sync$
-- Begin to tell Salesloft of everybody; answers nothing where the organization has a sync that has not ended.
INSERT INTO people_syncs (id, organization_id, state, to_compare, requested_by, created_at)
SELECT :id, :organization_id, 'comparing', count(*), :requested_by, :now
FROM directory_stakeholders WHERE organization_id = :organization_id AND data IS NOT NULL
ON CONFLICT (organization_id) WHERE ended_at IS NULL DO NOTHING
RETURNING id

-- name: running_people_sync$
-- The sync of an organization that has not ended.
SELECT id FROM people_syncs WHERE organization_id = :organization_id AND ended_at IS NULL

-- name: read_people_sync
-- How far a sync has come.
SELECT id, organization_id, state, to_compare, compared_to, compared, unchanged, left_out, to_send, sent, processed, succeeded, refused, job_id,
       executing_at, collected_to, error, requested_by, created_at, ended_at
FROM people_syncs WHERE id = :id

-- name: put_people_sync!
-- How far it has come now.
UPDATE people_syncs SET state = :state, compared_to = :compared_to, compared = :compared, unchanged = :unchanged,
  left_out = :left_out::text::jsonb, to_send = :to_send, sent = :sent, processed = :processed, succeeded = :succeeded,
  refused = :refused::text::jsonb, job_id = :job_id, executing_at = :executing_at, collected_to = :collected_to, error = :error,
  ended_at = :ended_at
WHERE id = :id

-- name: people_to_tell
-- Stakeholders in the order of their ids, after one of them or of some only, with what is known of their people: what a comparison needs,
-- and what is sent. Whoever is known by name alone, or erased, has no data and is not among them.
SELECT s.stakeholder_id, s.data, c.data AS customer, has_left(s) AS has_left,
       l.person_id, l.linked_by, l.sent_digest, p.email AS person_email, p.account_id,
       coalesce(p.do_not_contact, false) OR coalesce(a.do_not_contact, false) AS do_not_contact,
       r.digest AS refused_digest, r.reason AS refused_reason, r.refused_at
FROM directory_stakeholders s
JOIN directory_customers c ON c.organization_id = s.organization_id AND c.customer_id = s.customer_id
LEFT JOIN stakeholder_people l ON l.organization_id = s.organization_id AND l.stakeholder_id = s.stakeholder_id
LEFT JOIN salesloft_people p ON p.organization_id = l.organization_id AND p.person_id = l.person_id AND NOT p.deleted
LEFT JOIN salesloft_accounts a ON a.organization_id = p.organization_id AND a.account_id = p.account_id
LEFT JOIN people_refusals r ON r.organization_id = s.organization_id AND r.stakeholder_id = s.stakeholder_id
WHERE s.organization_id = :organization_id AND s.data IS NOT NULL AND s.stakeholder_id > :after
  AND (:stakeholder_ids::text[] IS NULL OR s.stakeholder_id = ANY (:stakeholder_ids::text[]))
ORDER BY s.stakeholder_id
LIMIT :limit

-- name: add_people_sync_members!
-- Whom a sync tells of, in their places.
INSERT INTO people_sync_members (organization_id, sync_id, place, stakeholder_id, digest)
SELECT :organization_id, :sync_id, m.place, m.stakeholder_id, m.digest
FROM unnest(:places::integer[], :stakeholder_ids::text[], :digests::text[]) AS m (place, stakeholder_id, digest)

-- name: people_sync_members
-- Those after a place.
SELECT place, stakeholder_id FROM people_sync_members WHERE sync_id = :sync_id AND place > :after ORDER BY place LIMIT :limit

-- name: put_people_sync_digests!
-- What was really sent of members, whose facts may have changed since they were compared.
UPDATE people_sync_members m SET digest = s.digest
FROM unnest(:stakeholder_ids::text[], :digests::text[]) AS s (stakeholder_id, digest)
WHERE m.sync_id = :sync_id AND m.stakeholder_id = s.stakeholder_id

-- name: members_of_results
-- Whom results are about: by the person's id where it was sent by that, else by the address. Several may share one, and all of them are that.
SELECT r.result_id, m.stakeholder_id, m.digest
FROM unnest(:result_ids::bigint[], :person_ids::bigint[], :emails::text[]) AS r (result_id, person_id, email)
JOIN people_sync_members m ON m.sync_id = :sync_id AND m.outcome IS NULL
LEFT JOIN stakeholder_people l ON l.organization_id = m.organization_id AND l.stakeholder_id = m.stakeholder_id
JOIN directory_stakeholders s ON s.organization_id = m.organization_id AND s.stakeholder_id = m.stakeholder_id
WHERE CASE WHEN r.person_id IS NOT NULL THEN l.person_id = r.person_id ELSE s.email = r.email END

-- name: put_people_sync_outcomes!
-- What came of members.
UPDATE people_sync_members m SET outcome = o.outcome
FROM unnest(:stakeholder_ids::text[], :outcomes::text[]) AS o (stakeholder_id, outcome)
WHERE m.sync_id = :sync_id AND m.stakeholder_id = o.stakeholder_id

-- name: count_people_sync_outcomes
-- How many members each outcome has; null are those of whom no result spoke.
SELECT outcome, count(*) AS members FROM people_sync_members WHERE sync_id = :sync_id GROUP BY outcome

-- name: drop_people_sync_members!
-- A sync that has ended needs its members no more.
DELETE FROM people_sync_members WHERE sync_id = :sync_id

-- name: put_people_refusals!
-- What Salesloft would not take.
INSERT INTO people_refusals AS known (organization_id, stakeholder_id, digest, reason, refused_at)
SELECT :organization_id, r.stakeholder_id, r.digest, r.reason, :now
FROM unnest(:stakeholder_ids::text[], :digests::text[], :reasons::text[]) AS r (stakeholder_id, digest, reason)
ORDER BY r.stakeholder_id
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET
  digest = excluded.digest, reason = excluded.reason, refused_at = excluded.refused_at

-- name: drop_people_refusals!
-- Salesloft has taken them.
DELETE FROM people_refusals WHERE organization_id = :organization_id AND stakeholder_id = ANY (:stakeholder_ids::text[])
