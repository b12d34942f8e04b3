-- name: read_organization_settings
-- An organization's settings with their version, and who made it so; all that is chosen, in one object.
SELECT o.settings_version, o.settings, o.time_zone, s.changed_at, s.changed_by
FROM organizations o LEFT JOIN organization_settings s USING (organization_id, settings_version)
WHERE o.organization_id = :organization_id

-- name: settings_history
-- The settings under each version of them, the oldest first.
SELECT settings_version, settings, changed_at, changed_by FROM organization_settings
WHERE organization_id = :organization_id ORDER BY settings_version

-- name: settings_before
-- The settings under their latest versions, the latest first; those before a version where one is given.
SELECT settings_version, settings, changed_at, changed_by FROM organization_settings
WHERE organization_id = :organization_id AND (:before::bigint IS NULL OR settings_version < :before)
ORDER BY settings_version DESC LIMIT :limit

-- name: is_embedding_origin$
-- Whether any organization lets the pages of an origin show its people.
SELECT EXISTS (SELECT FROM organizations WHERE settings -> 'embedding_origins' ? :origin)
