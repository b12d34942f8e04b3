-- name: note_audit!
-- Note what was done; the commit makes it so.
INSERT INTO audit_entries (id, organization_id, done_at, action, subject, actor, way, correlation_id, digest, detail)
SELECT e.id, e.organization_id, :now, e.action, e.subject, e.actor, e.way, e.correlation_id, e.digest, e.detail::jsonb
FROM unnest(:ids::uuid[], :organization_ids::text[], :actions::text[], :subjects::text[], :actors::text[], :ways::text[],
            :correlation_ids::text[], :digests::text[], :details::text[])
     WITH ORDINALITY AS e (id, organization_id, action, subject, actor, way, correlation_id, digest, detail, place)
ORDER BY e.place

-- name: open_audit_chains!
-- Begin the chains of organizations that have something to seal and none yet.
INSERT INTO audit_chains (organization_id, sequence, hash, sealed_at)
SELECT c.organization_id, 0, c.hash, clock_timestamp() FROM unnest(:organization_ids::text[], :hashes::bytea[]) AS c (organization_id, hash)
-- A conflict with a row that somebody else has locked would wait for them.
WHERE NOT EXISTS (SELECT FROM audit_chains o WHERE o.organization_id = c.organization_id)
ON CONFLICT DO NOTHING

-- name: organizations_to_seal
-- Whose entries wait for their seals: a step from organization to organization, however many entries each has.
WITH RECURSIVE waiting AS (
  (SELECT organization_id FROM audit_entries WHERE sequence IS NULL ORDER BY organization_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.organization_id FROM audit_entries e
          WHERE e.sequence IS NULL AND e.organization_id > w.organization_id ORDER BY e.organization_id LIMIT 1)
  FROM waiting w WHERE w.organization_id IS NOT NULL
)
SELECT organization_id FROM waiting WHERE organization_id IS NOT NULL LIMIT :at_most

-- name: lock_audit_chains
-- Be the one who seals these organizations' entries until the commit; those that somebody else seals now are left out.
SELECT organization_id, sequence, hash FROM audit_chains
WHERE organization_id = ANY (:organization_ids::text[]) ORDER BY organization_id FOR UPDATE SKIP LOCKED

-- name: unsealed_audit
-- An organization's entries that wait for their seals, in the order in which they were noted.
SELECT id, organization_id, done_at, recorded_at, action, subject, actor, way, correlation_id, digest, detail
FROM audit_entries WHERE organization_id = :organization_id AND sequence IS NULL ORDER BY position LIMIT :at_most

-- name: seal_audit!
-- Give entries their places in their chain.
UPDATE audit_entries e SET sequence = s.sequence, hash = s.hash, sealed_at = clock_timestamp()
FROM unnest(:ids::uuid[], :sequences::bigint[], :hashes::bytea[]) AS s (id, sequence, hash)
WHERE e.id = s.id

-- name: advance_audit_chain!
-- The chain ends here now.
UPDATE audit_chains SET sequence = :sequence, hash = :hash, sealed_at = clock_timestamp() WHERE organization_id = :organization_id

-- name: read_audit_chains
-- How far chains are; all where no organization is named.
SELECT organization_id, sequence, hash, sealed_at FROM audit_chains
WHERE (:organization_id::text IS NULL OR organization_id = :organization_id) ORDER BY organization_id

-- name: audit_organizations
-- Whoever has a chain, or sealed entries without one.
SELECT organization_id FROM audit_chains
UNION SELECT DISTINCT organization_id FROM audit_entries WHERE sequence IS NOT NULL
ORDER BY 1

-- name: read_audit
-- A page of an organization's sealed entries after a place in its chain.
SELECT sequence, hash, sealed_at, id, organization_id, done_at, recorded_at, action, subject, actor, way, correlation_id, digest, detail
FROM audit_entries WHERE organization_id = :organization_id AND sequence > :after ORDER BY sequence LIMIT :at_most

-- name: latest_audit
-- An organization's entries before one of them, the newest first; those that are not sealed yet have no sequence.
SELECT sequence, hash, sealed_at, id, organization_id, done_at, recorded_at, action, subject, actor, way, correlation_id, digest, detail
FROM audit_entries
WHERE organization_id = :organization_id AND (:actor::text IS NULL OR actor = :actor) AND (:action::text IS NULL OR action = :action)
  AND (:subject::text IS NULL OR subject = :subject)
  AND (:before_at::timestamptz IS NULL OR (recorded_at, id) < (:before_at, :before_id::uuid))
ORDER BY recorded_at DESC, id DESC LIMIT :at_most

-- name: audit_hash$
-- The hash at a place in a chain, null where there is none.
SELECT hash FROM audit_entries WHERE organization_id = :organization_id AND sequence = :sequence
