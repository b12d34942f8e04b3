-- name: lock_organization$
-- Whoever changes an organization's mappings takes its row first; answers the decision version. Null where it is unknown.
SELECT decision_version FROM organizations WHERE organization_id = :organization_id FOR NO KEY UPDATE

-- name: list_mapping_versions
-- An organization's drafts and published versions, or every version of one mapping, in the order in which they are asked.
SELECT m.id, m.version, m.status, m.trigger_type, m.segment, m.purpose, m.cadence_id, m.cadence_name, m.start_step_id, m.sender,
       m.stakeholder_criteria, m.customer_criteria, m.policy, m.priority, m.exclusivity_group, m.enabled, m.created_at, m.created_by,
       m.published_at, m.published_by, coalesce(m.team_id <> c.team_id, false) AS parked
FROM salesloft_cadence_mappings m LEFT JOIN salesloft_connections c USING (organization_id)
WHERE m.organization_id = :organization_id
  AND CASE WHEN :id::uuid IS NULL THEN m.status <> 'retired' ELSE m.id = :id END
ORDER BY m.trigger_type, m.segment NULLS LAST, m.priority, m.id, m.version

-- name: put_draft!
-- Write a draft, or write it anew; what was published is never touched.
INSERT INTO salesloft_cadence_mappings AS m (
  id, version, organization_id, status, trigger_type, segment, purpose, cadence_id, cadence_name, start_step_id, sender,
  stakeholder_criteria, customer_criteria, policy, priority, exclusivity_group, enabled, created_at, created_by)
VALUES (
  :id, :version, :organization_id, :status, :trigger_type, :segment, :purpose, :cadence_id, :cadence_name, :start_step_id,
  :sender::text::jsonb, :stakeholder_criteria::text::jsonb, :customer_criteria::text::jsonb, :policy::text::jsonb, :priority,
  :exclusivity_group, :enabled, :created_at, :created_by)
ON CONFLICT (id, version) DO UPDATE SET
  status = excluded.status, trigger_type = excluded.trigger_type, segment = excluded.segment, purpose = excluded.purpose,
  cadence_id = excluded.cadence_id, cadence_name = excluded.cadence_name, start_step_id = excluded.start_step_id,
  sender = excluded.sender, stakeholder_criteria = excluded.stakeholder_criteria, customer_criteria = excluded.customer_criteria,
  policy = excluded.policy, priority = excluded.priority, exclusivity_group = excluded.exclusivity_group, enabled = excluded.enabled,
  created_at = excluded.created_at, created_by = excluded.created_by
WHERE m.organization_id = excluded.organization_id AND m.status IN ('draft', 'validated')

-- name: set_draft_status!
-- Whether something speaks against publishing a draft.
UPDATE salesloft_cadence_mappings SET status = :status
WHERE organization_id = :organization_id AND id = :id AND status IN ('draft', 'validated')

-- name: publish_draft!
-- A draft counts from now on, for the team that is connected.
UPDATE salesloft_cadence_mappings SET status = 'published', cadence_name = :cadence_name, published_at = :now, published_by = :by,
  team_id = (SELECT c.team_id FROM salesloft_connections c WHERE c.organization_id = :organization_id AND c.status <> 'disconnected')
WHERE organization_id = :organization_id AND id = :id AND status IN ('draft', 'validated')

-- name: discard_draft!
-- Nobody will publish this draft.
DELETE FROM salesloft_cadence_mappings WHERE organization_id = :organization_id AND id = :id AND status IN ('draft', 'validated')

-- name: set_mapping_enabled!
-- Whether the published version counts.
UPDATE salesloft_cadence_mappings SET enabled = :enabled
WHERE organization_id = :organization_id AND id = :id AND status = 'published'

-- name: set_mapping_priority!
-- Where the published version stands among those of its segment.
UPDATE salesloft_cadence_mappings SET priority = :priority
WHERE organization_id = :organization_id AND id = :id AND status = 'published'

-- name: note_mapping_change!
-- Keep who did what to a mapping.
INSERT INTO mapping_changes (organization_id, mapping_id, version, change, detail, changed_at, changed_by)
VALUES (:organization_id, :mapping_id, :version, :change, :detail, :now, :by)

-- name: list_mapping_changes
-- What was done to a mapping, the first first.
SELECT version, change, detail, changed_at, changed_by FROM mapping_changes
WHERE organization_id = :organization_id AND mapping_id = :mapping_id ORDER BY position

-- name: page_population
-- Stakeholders whom a trigger of their customer may concern, in the order of their ids, after one of them.
SELECT s.stakeholder_id, s.customer_id, s.data AS stakeholder, c.data AS customer, e.data AS engagement, e.tallies
FROM directory_stakeholders s
JOIN directory_customers c USING (organization_id, customer_id)
LEFT JOIN engagements e USING (organization_id, stakeholder_id)
WHERE s.organization_id = :organization_id AND s.stakeholder_id > :after AND s.data IS NOT NULL AND c.data IS NOT NULL
  AND NOT has_left(s)
ORDER BY s.stakeholder_id LIMIT :limit
