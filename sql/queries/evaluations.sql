-- name: read_evaluations
-- An organization's evaluations of an event, a customer or a stakeholder, or what several of them share; the newest first. Of a
-- stakeholder those are looked through whose customer it is or was enrolled for.
SELECT v.id, v.organization_id, v.customer_id, v.cause, v.event_id, v.event_type, v.business_key, v.decision_version, v.evaluated_at, v.facts, v.outcomes, v.digest
FROM evaluations v
WHERE v.organization_id = :organization_id
  AND (:event_id::text IS NULL OR v.event_id = :event_id)
  AND (:customer_id::text IS NULL OR v.customer_id = :customer_id)
  AND (:stakeholder_id::text IS NULL OR (
    v.customer_id IN (
      SELECT customer_id FROM directory_stakeholders WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id
      UNION SELECT customer_id FROM enrollments WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id)
    AND v.outcomes::jsonb @> jsonb_build_array(jsonb_build_object('stakeholder_id', :stakeholder_id::text))))
ORDER BY v.evaluated_at DESC, v.id DESC
LIMIT :at_most

-- name: read_evaluations_made
-- An organization's evaluations by their ids, each with its instant, by which they are found.
SELECT v.id, v.organization_id, v.customer_id, v.cause, v.event_id, v.event_type, v.business_key, v.decision_version, v.evaluated_at, v.facts, v.outcomes, v.digest
FROM evaluations v
WHERE v.organization_id = :organization_id AND v.evaluated_at = ANY(:evaluated_at::timestamptz[]) AND v.id = ANY(:ids::uuid[])

-- name: read_evaluations_between
-- An organization's evaluations from an instant until before another, oldest first. Read page by page from one cursor: whoever
-- asked for each page by itself would have everybody else's evaluations passed over, or its own sorted, once for each.
SELECT v.id, v.organization_id, v.customer_id, v.cause, v.event_id, v.event_type, v.business_key, v.decision_version, v.evaluated_at, v.facts, v.outcomes, v.digest
FROM evaluations v
WHERE v.organization_id = :organization_id AND v.evaluated_at >= :since AND v.evaluated_at < :until
ORDER BY v.evaluated_at, v.id

-- name: count_evaluations_between$
-- How many evaluations an organization has from an instant until before another.
SELECT count(*) AS counted FROM evaluations
WHERE organization_id = :organization_id AND evaluated_at >= :since AND evaluated_at < :until
