-- name: note_owed!
-- Records that could not be taken in; one that is known already waits longer this time.
INSERT INTO owed_records AS known (organization_id, stream, record_id, units, changed_at, since, reason, due_at)
SELECT :organization_id, :stream, o.record_id, o.units, o.changed_at, :now::timestamptz, o.reason, :now::timestamptz + interval '15 minutes'
FROM unnest(:record_ids::text[], :units::integer[], :changed_at::timestamptz[], :reasons::text[]) AS o (record_id, units, changed_at, reason)
ORDER BY o.record_id
ON CONFLICT (organization_id, stream, record_id) DO UPDATE SET
  units = excluded.units, changed_at = excluded.changed_at, reason = excluded.reason, attempts = known.attempts + 1,
  due_at = :now::timestamptz + least(interval '1 day', interval '15 minutes' * 2 ^ least(known.attempts, 10))

-- name: put_off_owed!
-- Records that were asked for and not answered.
UPDATE owed_records SET attempts = attempts + 1, reason = :reason,
  due_at = :now::timestamptz + least(interval '1 day', interval '15 minutes' * 2 ^ least(attempts, 10))
WHERE organization_id = :organization_id AND stream = :stream AND record_id = ANY (:record_ids::text[])

-- name: settle_owed!
-- Records that are owed no more.
DELETE FROM owed_records WHERE organization_id = :organization_id AND stream = :stream AND record_id = ANY (:record_ids::text[])

-- name: settle_due_owed!
-- Records that were due and are owed no more: those that were refused once more are due later.
DELETE FROM owed_records
WHERE organization_id = :organization_id AND stream = :stream AND record_id = ANY (:record_ids::text[]) AND due_at <= :now::timestamptz

-- name: due_owed
-- Records to be read again, those without a readable id or the others, whoever waited longest first.
SELECT record_id, changed_at FROM owed_records
WHERE organization_id = :organization_id AND stream = :stream AND due_at <= :now AND starts_with(record_id, '@') = :nameless
ORDER BY due_at, record_id LIMIT :limit

-- name: owed_among
-- Those of some records that are owed.
SELECT record_id FROM owed_records
WHERE organization_id = :organization_id AND stream = :stream AND record_id = ANY (:record_ids::text[])

-- name: hasten_owed!
-- Have all that an organization is owed read again with the next cycles.
UPDATE owed_records SET due_at = least(due_at, :now) WHERE organization_id = :organization_id

-- name: count_owed$
-- What is owed of a stream, all organizations together.
SELECT coalesce(sum(units), 0)::bigint FROM owed_records WHERE stream = :stream

-- name: drop_owed!
-- Records of a team that is not read any more.
DELETE FROM owed_records WHERE organization_id = :organization_id
