-- name: read_connection
-- An organization's connection to its Salesloft team.
SELECT organization_id, team_id, team_name, status, status_reason, status_since, credential_kind, secret, key_id, token_generation, expires_at,
       scopes, connected_at, connected_by
FROM salesloft_connections WHERE organization_id = :organization_id

-- name: lock_connection
-- The same, locked until the commit: whoever changes the credential or the status takes this lock first.
SELECT organization_id, team_id, team_name, status, status_reason, status_since, credential_kind, secret, key_id, token_generation, expires_at,
       scopes, connected_at, connected_by
FROM salesloft_connections WHERE organization_id = :organization_id
FOR UPDATE

-- name: bound_lock_wait!
-- No lock of this transaction is waited for longer than this.
SELECT set_config('lock_timeout', :milliseconds, true)

-- name: organization_of_team$
-- Which organization has this team, if one has.
SELECT organization_id FROM salesloft_connections WHERE team_id = :team_id AND status <> 'disconnected'

-- name: put_connection$
-- Connect an organization, or connect it again; answers the credential's new generation.
INSERT INTO salesloft_connections AS c (organization_id, team_id, team_name, status, status_since, credential_kind, secret, key_id,
  token_generation, expires_at, scopes, connected_by, connected_at)
VALUES (:organization_id, :team_id, :team_name, 'connected', :now, :credential_kind, :secret, :key_id, 1, :expires_at, :scopes::text[],
  :connected_by, :now)
ON CONFLICT (organization_id) DO UPDATE SET
  team_id = excluded.team_id, team_name = excluded.team_name, status = 'connected', status_reason = NULL, status_since = excluded.status_since,
  credential_kind = excluded.credential_kind, secret = excluded.secret, key_id = excluded.key_id,
  token_generation = c.token_generation + 1, expires_at = excluded.expires_at, scopes = excluded.scopes,
  connected_by = excluded.connected_by, connected_at = excluded.connected_at
RETURNING token_generation

-- name: put_credential$
-- Replace a credential that nobody has replaced meanwhile; answers the new generation, nothing if somebody has. A connection that
-- was given up in the meantime for want of this very credential lives again.
UPDATE salesloft_connections SET
  secret = :secret, key_id = :key_id, expires_at = :expires_at, token_generation = token_generation + 1,
  status = 'connected', status_reason = NULL, status_since = CASE WHEN status = 'connected' THEN status_since ELSE :now END
WHERE organization_id = :organization_id AND token_generation = :generation AND status <> 'disconnected'
RETURNING token_generation

-- name: give_up_connection$
-- The credential is no longer accepted: a person has to connect the team again. Answers nothing if that was known.
UPDATE salesloft_connections SET status = 'needs_reauthorization', status_reason = :reason, status_since = :now
WHERE organization_id = :organization_id AND token_generation = :generation AND status = 'connected'
RETURNING team_id

-- name: connected_organizations
-- Organizations with a living connection.
SELECT organization_id, team_id FROM salesloft_connections WHERE status = 'connected' ORDER BY organization_id

-- name: stale_catalogues
-- Connected organizations whose cadences were read before an instant, or before a later one where they are said to have changed,
-- and that have no reading of them waiting.
SELECT o.organization_id FROM salesloft_connections o
WHERE o.status = 'connected'
  AND coalesce((SELECT c.read_at FROM salesloft_catalogues c WHERE c.organization_id = o.organization_id), o.connected_at)
      < CASE WHEN EXISTS (SELECT FROM salesloft_webhooks w WHERE w.organization_id = o.organization_id AND w.catalogue_hinted)
             THEN greatest(:before::timestamptz, :hinted_before::timestamptz) ELSE :before::timestamptz END
  AND NOT EXISTS (SELECT FROM commands c WHERE c.organization_id = o.organization_id AND c.kind = 'refresh_cadences' AND c.state = 'pending')
ORDER BY o.organization_id
LIMIT :limit
FOR UPDATE OF o SKIP LOCKED

-- name: ensure_streams!
-- The streams of the team's records that are read from now on.
INSERT INTO sync_streams (organization_id, stream, next_cycle_at)
SELECT :organization_id, s.stream, :now FROM unnest(:streams::text[]) AS s (stream)
ON CONFLICT (organization_id, stream) DO NOTHING

-- name: forget_streams!
-- Another team's records begin at their start.
DELETE FROM sync_streams WHERE organization_id = :organization_id

-- name: forget_people!
-- Another team's people are other people.
WITH links AS (DELETE FROM stakeholder_people WHERE organization_id = :organization_id),
     accounts AS (DELETE FROM salesloft_accounts WHERE organization_id = :organization_id),
     users AS (DELETE FROM salesloft_users WHERE organization_id = :organization_id),
     unlinked AS (DELETE FROM unlinked_people WHERE organization_id = :organization_id)
DELETE FROM salesloft_people WHERE organization_id = :organization_id

-- name: bind_mappings!
-- What was published while nothing was connected belongs to the team that was connected first.
UPDATE salesloft_cadence_mappings SET team_id = :team_id
WHERE organization_id = :organization_id AND team_id IS NULL AND status <> 'draft'

-- name: disconnect$
-- Drop the credential; answers the team that it was for, nothing where none is connected.
UPDATE salesloft_connections SET
  status = 'disconnected', status_reason = NULL, status_since = :now, secret = NULL, key_id = NULL, expires_at = NULL, scopes = NULL,
  token_generation = token_generation + 1
WHERE organization_id = :organization_id AND status <> 'disconnected'
RETURNING team_id

-- name: sealed_under_other_keys
-- Organizations with a secret that is not under this key.
SELECT organization_id FROM salesloft_connections WHERE key_id <> :key_id
UNION
SELECT organization_id FROM salesloft_webhooks WHERE key_id <> :key_id
ORDER BY 1

-- name: reseal_connection!
-- The same credential under another key, which makes no new generation of it.
UPDATE salesloft_connections SET secret = :secret, key_id = :key_id WHERE organization_id = :organization_id
