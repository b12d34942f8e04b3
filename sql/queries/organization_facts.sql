-- name: keep_organization_facts
-- Keep what decisions rest on of their organizations; answers what was committed by others before, so that nobody need keep it
-- again. Sorted, so that two batches cannot lock each other out.
WITH told AS (
  SELECT f.organization_id, f.digest, f.facts
  FROM unnest(:organization_ids::text[], :digests::text[], :facts::text[]) AS f (organization_id, digest, facts)
), added AS (
  INSERT INTO organization_facts (organization_id, digest, facts, first_used_at)
  SELECT organization_id, digest, facts::json, :now FROM told ORDER BY 1, 2
  ON CONFLICT DO NOTHING
)
SELECT o.organization_id, o.digest FROM told JOIN organization_facts o USING (organization_id, digest)
WHERE o.xmin <> pg_current_xact_id()::xid

-- name: read_organization_facts
-- What some of an organization's decisions rest on.
SELECT digest, facts FROM organization_facts WHERE organization_id = :organization_id AND digest = ANY (:digests::text[])
