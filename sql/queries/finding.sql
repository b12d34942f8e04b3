-- name: look_for_people
-- Stakeholders by name, whose name has all of some patterns in it, or whose address it is.
SELECT f.stakeholder_id, f.name, s.customer_id, c.name AS customer_name, s.data ->> 'title' AS title, s.data ->> 'role' AS role,
       has_left(s) AS "left"
FROM (
  SELECT organization_id, stakeholder_id, name FROM directory_stakeholders
  WHERE organization_id = :organization_id AND name IS NOT NULL
    AND (:patterns::text[] IS NULL OR email = :email OR lower(name) LIKE ALL (ARRAY(SELECT lower(p) FROM unnest(:patterns::text[]) AS p)))
    AND (:after_name::text IS NULL OR (name, stakeholder_id) > (:after_name, :after_id::text))
  ORDER BY name, stakeholder_id LIMIT :at_most
) AS f
JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
LEFT JOIN directory_customers c ON c.organization_id = s.organization_id AND c.customer_id = s.customer_id
ORDER BY f.name, f.stakeholder_id

-- name: look_for_customers
-- Customers by name, whose name has all of some patterns in it; how many people of each are on a cadence, and who looks after it.
SELECT f.customer_id, f.name, c.segment, c.owner_user_id,
       (SELECT count(DISTINCT e.stakeholder_id) FROM enrollments e WHERE e.id IN (
          SELECT n.id FROM enrollments n
          WHERE n.organization_id = :organization_id AND n.customer_id = f.customer_id AND n.state IN ('enrolled', 'paused')
        ))::integer AS people_on_cadence
FROM (
  SELECT organization_id, customer_id, name FROM directory_customers
  WHERE organization_id = :organization_id AND name IS NOT NULL
    AND (:patterns::text[] IS NULL OR lower(name) LIKE ALL (ARRAY(SELECT lower(p) FROM unnest(:patterns::text[]) AS p)))
    AND (:owner_user_id::text IS NULL OR owner_user_id = :owner_user_id)
    AND (:after_name::text IS NULL OR (name, customer_id) > (:after_name, :after_id::text))
  ORDER BY name, customer_id LIMIT :at_most
) AS f
JOIN directory_customers c USING (organization_id, customer_id)
ORDER BY f.name, f.customer_id
