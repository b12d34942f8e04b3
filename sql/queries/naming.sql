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

-- name: names_of_steps
-- What some steps of some cadences are called, and each one's place among those of its cadence.
SELECT (k.step ->> 'id')::bigint AS step_id, k.place::integer AS number, k.step ->> 'name' AS name, k.step ->> 'type' AS type
FROM salesloft_cadences c CROSS JOIN LATERAL jsonb_array_elements(c.steps) WITH ORDINALITY AS k (step, place)
WHERE c.organization_id = :organization_id AND c.cadence_id = ANY (:cadence_ids::bigint[]) AND (k.step ->> 'id')::bigint = ANY (:ids::bigint[])

-- name: names_of_senders
-- What some of Salesloft's users are called, else their addresses.
SELECT user_id, coalesce(name, email) AS name FROM salesloft_users
WHERE organization_id = :organization_id AND user_id = ANY (:ids::bigint[]) AND coalesce(name, email) IS NOT NULL

-- name: names_of_stakeholders
-- What some stakeholders are called.
SELECT stakeholder_id, name FROM directory_stakeholders
WHERE organization_id = :organization_id AND stakeholder_id = ANY (:stakeholder_ids::text[]) AND name IS NOT NULL

-- name: names_of_users
-- What some users of the platform are called, as far as anybody has said: as an approver, else by the address of a customer's owner at
-- Salesloft, else that address. Of several customers' owners with that id, whoever Salesloft knows.
SELECT a.user_id, coalesce(d.name, o.name, o.email) AS name
FROM (SELECT DISTINCT u.user_id FROM unnest(:user_ids::text[]) AS u (user_id)) AS a
LEFT JOIN LATERAL (
  SELECT e.decision #>> '{decided_by,name}' AS name
  FROM (
    SELECT k.enrollment_id, k.received_at FROM approval_decisions k
    WHERE k.organization_id = :organization_id AND k.decided_by = a.user_id
    ORDER BY k.received_at DESC LIMIT 5
  ) AS latest
  JOIN enrollments e ON e.id = latest.enrollment_id AND e.decision #>> '{decided_by,user_id}' = a.user_id
  WHERE e.decision #>> '{decided_by,name}' IS NOT NULL
  ORDER BY latest.received_at DESC LIMIT 1
) AS d ON true
LEFT JOIN LATERAL (
  SELECT c.data #>> '{owner,email}' AS email, s.name
  FROM (
    SELECT k.customer_id FROM directory_customers k
    WHERE k.organization_id = :organization_id AND k.owner_user_id = a.user_id ORDER BY k.customer_id DESC LIMIT 5
  ) AS one
  JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = one.customer_id
  LEFT JOIN salesloft_users s ON s.organization_id = :organization_id AND s.email = lower(trim(c.data #>> '{owner,email}'))
  ORDER BY s.name IS NULL, c.customer_id DESC LIMIT 1
) AS o ON true
WHERE coalesce(d.name, o.name, o.email) IS NOT NULL
