-- name: scrub_evaluations!
-- Delete what stored decisions know of erased customers and their people; who was decided on stays as ids and digests.
UPDATE evaluations v SET facts = '{"erased": true}'
FROM unnest(:organization_ids::text[], :customer_ids::text[]) AS e (organization_id, customer_id)
WHERE v.organization_id = e.organization_id AND v.customer_id = e.customer_id

-- name: scrub_enrollments!
-- Delete names and addresses from the requests of erased stakeholders.
UPDATE enrollments n SET
  request = (n.request::jsonb || jsonb_build_object('erased', true, 'stakeholder',
    jsonb_build_object('id', n.stakeholder_id, 'name', NULL, 'email', '', 'title', NULL, 'role', NULL)))::json
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
WHERE n.organization_id = e.organization_id AND n.stakeholder_id = e.stakeholder_id

-- name: scrub_people!
-- Delete the addresses of the people that only erased stakeholders are linked to.
UPDATE salesloft_people p SET email = NULL
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
JOIN stakeholder_people l USING (organization_id, stakeholder_id)
WHERE p.organization_id = l.organization_id AND p.person_id = l.person_id
  AND NOT EXISTS (
    SELECT FROM stakeholder_people o JOIN directory_stakeholders d USING (organization_id, stakeholder_id)
    WHERE o.organization_id = l.organization_id AND o.person_id = l.person_id AND d.erased_at IS NULL)

-- name: drop_engagements
-- Forget the engagement of erased stakeholders; answers those that had one.
DELETE FROM engagements g
USING unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
WHERE g.organization_id = e.organization_id AND g.stakeholder_id = e.stakeholder_id
RETURNING g.organization_id, g.stakeholder_id

-- name: drop_deferrals!
-- Forget the deferred triggers of customers, whose data name people.
DELETE FROM deferrals d USING unnest(:organization_ids::text[], :customer_ids::text[]) AS e (organization_id, customer_id)
WHERE d.organization_id = e.organization_id AND d.customer_id = e.customer_id

-- name: scrub_unsent!
-- An approval request that has not left yet must not carry an erased person out.
WITH scrubbed AS (
  DELETE FROM outbox_unsent u
  USING outbox o, unnest(:enrollment_ids::uuid[]) AS e (enrollment_id)
  WHERE o.position = u.position AND o.type = 'ai.cscx.salesloft.approval-requested.v1'
    AND convert_from(o.payload, 'UTF8')::jsonb ->> 'enrollment_id' = e.enrollment_id::text
  RETURNING u.position
)
DELETE FROM outbox o USING scrubbed WHERE o.position = scrubbed.position
