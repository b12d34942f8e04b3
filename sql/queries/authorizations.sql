-- name: begin_authorization!
-- A user begins an authorization, in the place of the one before.
INSERT INTO salesloft_authorizations (organization_id, user_id, nonce, expires_at)
VALUES (:organization_id, :user_id, :nonce, :expires_at)
ON CONFLICT (organization_id, user_id) DO UPDATE SET nonce = excluded.nonce, expires_at = excluded.expires_at, used_at = NULL

-- name: redeem_authorization$
-- The authorization has come back; answers nothing where it is used, overtaken or over.
UPDATE salesloft_authorizations SET used_at = :now
WHERE organization_id = :organization_id AND user_id = :user_id AND nonce = :nonce AND used_at IS NULL AND expires_at > :now
RETURNING user_id
