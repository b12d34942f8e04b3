-- name: ensure_organizations
-- Make an organization on its first event, and answer those made; sorted, so that two batches cannot lock each other out.
INSERT INTO organizations (organization_id, created_at, updated_at)
SELECT o.organization_id, :now, :now FROM unnest(:organization_ids::text[]) AS o (organization_id) ORDER BY 1
ON CONFLICT (organization_id) DO NOTHING
RETURNING organization_id

-- name: read_decision_versions
-- The organizations' versions, to see what a decider's memory still holds.
SELECT organization_id, decision_version FROM organizations WHERE organization_id = ANY (:organization_ids::text[])

-- name: read_organizations
-- What deciding reads of organizations besides mappings, cadences and users.
SELECT o.organization_id, o.decision_version, o.time_zone, o.settings, coalesce(c.status = 'connected', false) AS connected, c.team_id,
       EXISTS (SELECT FROM suppressions s WHERE s.organization_id = o.organization_id AND s.removed_at IS NULL) AS suppresses
FROM organizations o LEFT JOIN salesloft_connections c USING (organization_id)
WHERE o.organization_id = ANY (:organization_ids::text[])

-- name: read_published_mappings
-- The mapping versions that count now; parked are those of another team than the one that is connected.
SELECT m.organization_id, m.id, m.version, m.trigger_type, m.segment, m.purpose, m.cadence_id, m.start_step_id, m.sender,
       m.stakeholder_criteria, m.customer_criteria, m.policy, m.priority, m.exclusivity_group, m.enabled,
       coalesce(m.team_id <> c.team_id, false) AS parked
FROM salesloft_cadence_mappings m LEFT JOIN salesloft_connections c USING (organization_id)
WHERE m.organization_id = ANY (:organization_ids::text[]) AND m.status = 'published'

-- name: read_cadences
-- The organizations' cadences as Salesloft last showed them.
SELECT organization_id, cadence_id, name, people_addable, team_cadence, owner_user_id, steps
FROM salesloft_cadences WHERE organization_id = ANY (:organization_ids::text[])

-- name: read_senders
-- The organizations' active Salesloft users.
SELECT organization_id, user_id, email, name FROM salesloft_users
WHERE organization_id = ANY (:organization_ids::text[]) AND active AND email IS NOT NULL

-- name: advance_decision_version$
-- Say that something a decision reads has moved; answers the new version. Holds the organization's row until the commit.
UPDATE organizations SET decision_version = decision_version + 1, updated_at = :now
WHERE organization_id = :organization_id RETURNING decision_version

-- name: record_mapping_set!
-- Keep which mapping versions count under a decision version.
INSERT INTO mapping_sets (organization_id, decision_version, members, created_at)
SELECT :organization_id, :decision_version,
       coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'version', m.version, 'enabled', m.enabled, 'priority', m.priority,
                                             'parked', coalesce(m.team_id <> c.team_id, false)) ORDER BY m.id), '[]'),
       :now
FROM salesloft_cadence_mappings m LEFT JOIN salesloft_connections c USING (organization_id)
WHERE m.organization_id = :organization_id AND m.status = 'published'

-- name: retire_mapping!
-- A newer version of the mapping takes the place of this one.
UPDATE salesloft_cadence_mappings SET status = 'retired' WHERE organization_id = :organization_id AND id = :id AND status = 'published'

-- name: add_mapping!
-- Store one version of a mapping.
INSERT INTO salesloft_cadence_mappings (
  id, version, organization_id, status, trigger_type, segment, purpose, cadence_id, cadence_name, start_step_id, sender,
  stakeholder_criteria, customer_criteria, policy, priority, exclusivity_group, enabled, created_at, created_by, published_at, published_by,
  team_id)
VALUES (
  :id, :version, :organization_id, :status, :trigger_type, :segment, :purpose, :cadence_id, :cadence_name, :start_step_id,
  :sender::text::jsonb, :stakeholder_criteria::text::jsonb, :customer_criteria::text::jsonb, :policy::text::jsonb, :priority,
  :exclusivity_group, :enabled, :created_at, :created_by, :published_at, :published_by,
  (SELECT c.team_id FROM salesloft_connections c WHERE c.organization_id = :organization_id AND c.status <> 'disconnected'))

-- name: latest_mapping_version$
-- The highest version of a mapping, null for a new one.
SELECT max(version) FROM salesloft_cadence_mappings WHERE organization_id = :organization_id AND id = :id

-- name: upsert_cadences!
-- Keep the team's cadences as Salesloft shows them.
INSERT INTO salesloft_cadences (organization_id, cadence_id, name, people_addable, team_cadence, current_state, owner_user_id, steps, record, refreshed_at)
SELECT :organization_id, c.cadence_id, c.name, c.people_addable, c.team_cadence, c.current_state, c.owner_user_id, c.steps::jsonb, c.record::jsonb, :now
FROM unnest(:cadence_ids::bigint[], :names::text[], :people_addable::boolean[], :team_cadences::boolean[], :current_states::text[],
            :owner_user_ids::bigint[], :steps::text[], :records::text[])
     AS c (cadence_id, name, people_addable, team_cadence, current_state, owner_user_id, steps, record)
ON CONFLICT (organization_id, cadence_id) DO UPDATE SET
  name = excluded.name, people_addable = excluded.people_addable, team_cadence = excluded.team_cadence,
  current_state = excluded.current_state, owner_user_id = excluded.owner_user_id, steps = excluded.steps, record = excluded.record,
  refreshed_at = excluded.refreshed_at

-- name: drop_cadences_except!
-- Forget cadences that Salesloft no longer shows.
DELETE FROM salesloft_cadences WHERE organization_id = :organization_id AND NOT cadence_id = ANY (:cadence_ids::bigint[])

-- name: upsert_salesloft_users!
-- Keep the team's users.
INSERT INTO salesloft_users (organization_id, user_id, guid, email, name, active, refreshed_at)
SELECT :organization_id, u.user_id, u.guid, u.email, u.name, u.active, :now
FROM unnest(:user_ids::bigint[], :guids::text[], :emails::text[], :names::text[], :active::boolean[]) AS u (user_id, guid, email, name, active)
ON CONFLICT (organization_id, user_id) DO UPDATE SET
  guid = excluded.guid, email = excluded.email, name = excluded.name, active = excluded.active, refreshed_at = excluded.refreshed_at

-- name: list_published_mappings
-- For people: the published mappings with their cadences' names.
SELECT m.id, m.version, m.trigger_type, m.segment, m.purpose, m.cadence_id, m.cadence_name, m.priority, m.exclusivity_group, m.enabled,
       m.published_at, coalesce(m.team_id <> c.team_id, false) AS parked
FROM salesloft_cadence_mappings m LEFT JOIN salesloft_connections c USING (organization_id)
WHERE m.organization_id = :organization_id AND m.status = 'published'
ORDER BY m.trigger_type, m.segment NULLS LAST, m.priority, m.id

-- name: validate_mappings!
-- Somebody has seen that these mappings fit the team that is connected.
UPDATE salesloft_cadence_mappings m SET team_id = c.team_id
FROM salesloft_connections c
WHERE m.organization_id = :organization_id AND m.id = ANY (:ids::uuid[]) AND m.status = 'published'
  AND c.organization_id = m.organization_id AND c.status <> 'disconnected'

-- name: read_setting$
-- One setting of an organization.
SELECT settings -> :name FROM organizations WHERE organization_id = :organization_id

-- name: change_settings$
-- Change some settings, keep the version, and answer it.
WITH changed AS (
  UPDATE organizations SET settings = settings || :changes::text::jsonb, settings_version = settings_version + 1, updated_at = :now,
    time_zone = coalesce(:changes::text::jsonb ->> 'time_zone', time_zone)
  WHERE organization_id = :organization_id
  RETURNING organization_id, settings_version, settings
), kept AS (
  INSERT INTO organization_settings (organization_id, settings_version, settings, changed_at, changed_by)
  SELECT organization_id, settings_version, settings, :now, :by FROM changed
)
SELECT settings_version FROM changed
