-- name: names_of_enrollments
-- Whom some enrollments are about, and which cadence.
SELECT e.id, e.stakeholder_id, s.name, e.cadence_id, coalesce(k.name, e.request #>> '{action,cadence,name}') AS cadence_name
FROM enrollments e
LEFT JOIN directory_stakeholders s ON s.organization_id = e.organization_id AND s.stakeholder_id = e.stakeholder_id
LEFT JOIN salesloft_cadences k ON k.organization_id = e.organization_id AND k.cadence_id = e.cadence_id
WHERE e.organization_id = :organization_id AND e.id = ANY (:ids::uuid[])

-- name: names_of_mappings
-- What some mappings are of, and some runs of mappings, as their latest versions say it.
SELECT DISTINCT ON (a.id) a.id, m.id AS mapping_id, m.trigger_type, m.segment
FROM (
  SELECT id, id AS mapping_id FROM unnest(:ids::uuid[]) AS i (id)
  UNION ALL SELECT r.id, r.mapping_id FROM mapping_runs r WHERE r.organization_id = :organization_id AND r.id = ANY (:ids::uuid[])
) AS a
JOIN salesloft_cadence_mappings m ON m.id = a.mapping_id AND m.organization_id = :organization_id
ORDER BY a.id, m.version DESC

-- name: names_of_cadences
-- What some cadences are called.
SELECT cadence_id, name FROM salesloft_cadences WHERE organization_id = :organization_id AND cadence_id = ANY (:ids::bigint[])
