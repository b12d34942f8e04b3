-- name: read_receiver
-- Whom a delivery to this receiver is for.
SELECT organization_id, receiver_id, secret, key_id FROM salesloft_webhooks WHERE receiver_id = :receiver_id

-- name: receiver_of
-- An organization's receiver.
SELECT organization_id, receiver_id, secret, key_id FROM salesloft_webhooks WHERE organization_id = :organization_id

-- name: make_receiver
-- Give an organization its receiver, and answer the one that it has.
INSERT INTO salesloft_webhooks AS known (organization_id, receiver_id, secret, key_id)
VALUES (:organization_id, :receiver_id, :secret, :key_id)
ON CONFLICT (organization_id) DO UPDATE SET receiver_id = known.receiver_id
RETURNING organization_id, receiver_id, secret, key_id

-- name: reseal_receiver!
-- The same callback token under another key.
UPDATE salesloft_webhooks SET secret = :secret, key_id = :key_id WHERE organization_id = :organization_id

-- name: webhooks_ensured!
-- Salesloft delivers to this address.
UPDATE salesloft_webhooks SET callback_url = :callback_url, ensured_at = :now WHERE organization_id = :organization_id

-- name: unensured_webhooks
-- Connected organizations whose deliveries were not ensured since an instant, or go to another address than one below this, and that
-- have no ensuring waiting.
SELECT o.organization_id FROM salesloft_connections o LEFT JOIN salesloft_webhooks w USING (organization_id)
WHERE o.status = 'connected'
  AND (w.ensured_at IS NULL OR w.ensured_at < :before OR w.ensured_at < o.connected_at OR NOT starts_with(w.callback_url, :address))
  AND NOT EXISTS (SELECT FROM commands c WHERE c.organization_id = o.organization_id AND c.kind = 'ensure_webhooks' AND c.state = 'pending')
ORDER BY o.organization_id
LIMIT :limit
FOR UPDATE OF o SKIP LOCKED

-- name: drop_webhooks!
-- Nothing that comes is Salesloft's any more.
DELETE FROM salesloft_webhooks WHERE organization_id = :organization_id

-- name: drop_hints!
-- Records of a team that is not read any more.
DELETE FROM webhook_hints WHERE organization_id = :organization_id

-- name: add_hint!
-- A record is to be read soon. That one is gone is no news twice: reading what its person did last finds it out again.
INSERT INTO webhook_hints AS known (organization_id, stream, record_id, deleted)
VALUES (:organization_id, :stream, :record_id, :deleted)
ON CONFLICT (organization_id, stream, record_id) DO UPDATE SET told = known.told + 1, deleted = known.deleted OR excluded.deleted
WHERE NOT (known.deleted AND excluded.deleted)

-- name: hint_catalogue!
-- A delivery has told of a cadence, a step or a user.
UPDATE salesloft_webhooks SET catalogue_hinted = true WHERE organization_id = :organization_id AND NOT catalogue_hinted

-- name: take_catalogue_hint!
-- What was told of the catalogue is going to be read.
UPDATE salesloft_webhooks SET catalogue_hinted = false WHERE organization_id = :organization_id AND catalogue_hinted

-- name: read_hints
-- Records to be read, so many of each stream at most.
SELECT stream, record_id, told, deleted, attempts FROM (
  SELECT stream, record_id, told, deleted, attempts, row_number() OVER (PARTITION BY stream ORDER BY record_id) AS place
  FROM webhook_hints
  WHERE organization_id = :organization_id AND due_at <= :now AND retry_after <= clock_timestamp()
) AS due WHERE place <= :limit
ORDER BY stream, record_id

-- name: settle_hints!
-- Records that were read; one that was told of meanwhile stays.
DELETE FROM webhook_hints h
USING unnest(:streams::text[], :record_ids::bigint[], :told::bigint[]) AS s (stream, record_id, told)
WHERE h.organization_id = :organization_id AND h.stream = s.stream AND h.record_id = s.record_id AND h.told = s.told

-- name: put_off_hints!
-- Some streams' records are read at another business instant, or after a real pause, or both.
UPDATE webhook_hints SET
  due_at = greatest(due_at, coalesce(:until, due_at)), retry_after = clock_timestamp() + :pause_s * interval '1 second',
  attempts = attempts + 1
WHERE organization_id = :organization_id AND stream = ANY (:streams::text[])
