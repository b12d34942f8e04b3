-- name: open_reconciliations!
-- Every connected organization has its next comparison, each at another moment of the time that they are spread over.
INSERT INTO reconciliations (organization_id, due_at)
SELECT c.organization_id, :first_at::timestamptz + random() * :spread_s * interval '1 second'
FROM salesloft_connections c
WHERE c.status = 'connected' AND NOT EXISTS (SELECT FROM reconciliations r WHERE r.organization_id = c.organization_id)
ORDER BY 1
ON CONFLICT (organization_id) DO NOTHING

-- name: due_reconciliation
-- An organization's comparison, where it is under way or begins now.
SELECT part, cycle, started_at, after_id, position_at, position_ids, read_to, failures
FROM reconciliations
WHERE organization_id = :organization_id AND due_at <= :now AND resume_at <= :now AND retry_after <= clock_timestamp()

-- name: begin_reconciliation!
-- A comparison begins, with its first part.
UPDATE reconciliations SET cycle = :cycle, started_at = :now, part = :part, after_id = 0, position_at = NULL, position_ids = '{}', read_to = NULL,
  holes = 0, deletions = 0, failures = 0
WHERE organization_id = :organization_id

-- name: begin_part
-- The next part begins; of a stream that is read again this answers how far its cursor has come, which is as far as it is read again.
UPDATE reconciliations r SET part = :part, after_id = 0, position_at = NULL, position_ids = '{}', failures = 0,
  read_to = (SELECT s.position_at FROM sync_streams s WHERE s.organization_id = r.organization_id AND s.stream = :part)
WHERE r.organization_id = :organization_id
RETURNING read_to

-- name: advance_reconciliation!
-- How far its part is, and what it has found there.
UPDATE reconciliations SET after_id = :after_id, position_at = :position_at, position_ids = :position_ids::text[], failures = 0,
  holes = holes + :holes, deletions = deletions + :deletions
WHERE organization_id = :organization_id

-- name: end_reconciliation
-- It is through. The next one begins at its time, or at once where somebody asked for one after this one had begun.
UPDATE reconciliations SET part = NULL, ended_at = :now::timestamptz, failures = 0,
  due_at = CASE WHEN asked_at > started_at THEN :now::timestamptz ELSE :next_at::timestamptz + random() * :spread_s * interval '1 second' END
WHERE organization_id = :organization_id
RETURNING holes, deletions

-- name: put_off_reconciliation!
-- It goes on at another business instant, or after a real pause, or both.
UPDATE reconciliations SET resume_at = coalesce(:until, resume_at), retry_after = clock_timestamp() + :pause_s * interval '1 second',
  failures = failures + 1
WHERE organization_id = :organization_id

-- name: ask_reconciliation
-- Have it done now; answers nothing where the organization is not connected.
INSERT INTO reconciliations AS known (organization_id, due_at, asked_at)
SELECT c.organization_id, :now::timestamptz, :now::timestamptz FROM salesloft_connections c
WHERE c.organization_id = :organization_id AND c.status = 'connected'
ON CONFLICT (organization_id) DO UPDATE SET due_at = least(known.due_at, excluded.due_at), asked_at = excluded.asked_at,
  resume_at = '-infinity', retry_after = '-infinity'
RETURNING organization_id

-- name: reconciliation_progress
-- How far the comparison is that was asked for at an instant.
SELECT r.part, r.holes, r.deletions, coalesce(l.scanned, 0) AS scanned, r.started_at >= :asked_at::timestamptz AS has_begun,
  r.part IS NULL AND r.started_at >= :asked_at::timestamptz AND r.ended_at >= r.started_at AS is_through
FROM reconciliations r
LEFT JOIN sync_ledger l ON l.organization_id = r.organization_id AND l.stream = 'reconcile' AND l.cycle = r.cycle
WHERE r.organization_id = :organization_id

-- name: held_memberships
-- Salesloft's memberships that we hold as on a cadence, by id.
SELECT DISTINCT salesloft_membership_id AS id FROM salesloft_memberships
WHERE organization_id = :organization_id AND currently_on_cadence AND salesloft_membership_id > :after_id
ORDER BY 1 LIMIT :limit

-- name: held_people
-- Salesloft's people who are somebody's, by id.
SELECT DISTINCT person_id AS id FROM stakeholder_people
WHERE organization_id = :organization_id AND person_id > :after_id
ORDER BY 1 LIMIT :limit

-- name: count_stale_people$
-- How many of some people we hold as they were before what Salesloft shows of them.
SELECT count(*) FROM unnest(:ids::bigint[], :updated_at::timestamptz[]) AS shown (id, updated_at)
JOIN salesloft_people p ON p.organization_id = :organization_id AND p.person_id = shown.id AND p.salesloft_updated_at < shown.updated_at

-- name: count_stale_accounts$
-- The same of accounts.
SELECT count(*) FROM unnest(:ids::bigint[], :updated_at::timestamptz[]) AS shown (id, updated_at)
JOIN salesloft_accounts a ON a.organization_id = :organization_id AND a.account_id = shown.id AND a.salesloft_updated_at < shown.updated_at

-- name: held_stays
-- Stays of some memberships that we hold as on a cadence.
SELECT stakeholder_id, salesloft_person_id, cadence_id, added_at, salesloft_membership_id, step_id, salesloft_updated_at
FROM salesloft_memberships
WHERE organization_id = :organization_id AND salesloft_membership_id = ANY (:membership_ids::bigint[]) AND currently_on_cadence
ORDER BY salesloft_membership_id, added_at

-- name: drop_reconciliation!
-- Another team is another comparison.
DELETE FROM reconciliations WHERE organization_id = :organization_id
