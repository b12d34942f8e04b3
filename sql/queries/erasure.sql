-- name: scrub_evaluations!
-- Delete what stored decisions know of erased customers and their people; who was decided on stays as ids and digests.
UPDATE evaluations v SET facts = '{"erased": true}'
FROM unnest(:organization_ids::text[], :customer_ids::text[]) AS e (organization_id, customer_id)
WHERE v.organization_id = e.organization_id AND v.customer_id = e.customer_id

-- name: scrub_evaluations_of_stakeholders!
-- Delete what stored decisions about some customers know of erased stakeholders; what they know of others is still needed.
UPDATE evaluations v SET facts = (
  without_people(v.facts::jsonb, :stakeholder_ids::text[])
  || jsonb_build_object('erased', true, 'event', without_people(v.facts::jsonb -> 'event', :stakeholder_ids::text[])))::json
FROM unnest(:organization_ids::text[], :customer_ids::text[]) AS e (organization_id, customer_id)
WHERE v.organization_id = e.organization_id AND v.customer_id = e.customer_id AND v.facts::jsonb ? 'event'

-- name: scrub_enrollments!
-- Delete names, addresses and what was seen or said of them from the requests of erased stakeholders and the decisions on them.
UPDATE enrollments n SET
  request = (jsonb_set(n.request::jsonb, '{why,verdicts}', (
      SELECT coalesce(jsonb_agg(CASE WHEN one ->> 'predicate' LIKE 'stakeholder.%' THEN one || '{"value": null}' ELSE one END
                                ORDER BY place), '[]')
      FROM jsonb_array_elements(n.request::jsonb #> '{why,verdicts}') WITH ORDINALITY AS seen (one, place)))
    || jsonb_build_object('erased', true, 'changed_since', NULL, 'stakeholder',
      jsonb_build_object('id', n.stakeholder_id, 'name', NULL, 'email', '', 'title', NULL, 'role', NULL)))::json,
  decision = (n.decision::jsonb || '{"reason": null, "changes": null}')::json
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
WHERE n.organization_id = e.organization_id AND n.stakeholder_id = e.stakeholder_id

-- name: scrub_enrollments_of_customers!
-- Delete the names of erased customers, and what was seen of them, from the requests that were made for their people.
UPDATE enrollments n SET request = (
  jsonb_set(n.request::jsonb, '{why,verdicts}', (
    SELECT coalesce(jsonb_agg(CASE WHEN one ->> 'predicate' LIKE 'customer.%' THEN one || '{"value": null}' ELSE one END
                              ORDER BY place), '[]')
    FROM jsonb_array_elements(n.request::jsonb #> '{why,verdicts}') WITH ORDINALITY AS seen (one, place)))
  || jsonb_build_object('customer', jsonb_build_object('id', n.customer_id, 'name', NULL)))::json
FROM unnest(:organization_ids::text[], :customer_ids::text[]) AS e (organization_id, customer_id)
WHERE n.organization_id = e.organization_id AND n.customer_id = e.customer_id

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
-- Forget the deferred triggers of erased customers, whose data name people, but for those that came after the erasure.
DELETE FROM deferrals d
USING unnest(:organization_ids::text[], :customer_ids::text[], :erased_at::timestamptz[]) AS e (organization_id, customer_id, erased_at)
WHERE d.organization_id = e.organization_id AND d.customer_id = e.customer_id AND d.event_time <= e.erased_at

-- name: scrub_deferrals!
-- Delete what deferred triggers say of erased stakeholders; for the others they are decided again.
UPDATE deferrals d SET
  data = convert_to(without_people(convert_from(d.data, 'UTF8')::jsonb, e.stakeholder_ids)::text, 'UTF8')
FROM (
  SELECT organization_id, array_agg(stakeholder_id)
  FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS one (organization_id, stakeholder_id)
  GROUP BY organization_id
) AS e (organization_id, stakeholder_ids)
WHERE d.organization_id = e.organization_id AND d.stakeholder_ids && e.stakeholder_ids

-- name: scrub_unsent!
-- An approval request that has not left yet must not carry an erased person out. `keys` are those of the customers who had one.
WITH scrubbed AS (
  DELETE FROM outbox_unsent u
  USING outbox o, unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
  WHERE o.position = u.position AND o.key = ANY (:keys::bytea[]) AND o.type = 'ai.cscx.salesloft.approval-requested.v1'
    AND convert_from(o.payload, 'UTF8')::jsonb ->> 'organization_id' = e.organization_id
    AND convert_from(o.payload, 'UTF8')::jsonb #>> '{stakeholder,id}' = e.stakeholder_id
  RETURNING u.position
)
DELETE FROM outbox o USING scrubbed WHERE o.position = scrubbed.position
