-- name: lock_customers
-- Lock customers in one order and answer them; those never heard of are noted first, so that there is a row to lock.
WITH asked AS (
  SELECT DISTINCT a.organization_id, a.customer_id
  FROM unnest(:customers::subject_key[]) AS a (organization_id, customer_id)
), noted AS (
  INSERT INTO directory_customers (organization_id, customer_id, as_of, as_of_offset, from_directory)
  SELECT organization_id, customer_id, '-infinity', -1, false FROM asked ORDER BY 1, 2
  ON CONFLICT (organization_id, customer_id) DO UPDATE SET organization_id = excluded.organization_id
  RETURNING organization_id, customer_id, data, as_of, from_directory, erased_at
)
SELECT * FROM noted

-- name: apply_customers
-- Apply snapshots of customers and lock them all; answers those applied. A snapshot is applied only if it is newer; between
-- equal times the directory's own counts, and within its topic the later offset. What is erased stays erased for all that is older.
INSERT INTO directory_customers AS known (organization_id, customer_id, data, as_of, as_of_offset, from_directory)
SELECT s.organization_id, s.customer_id, s.data::json, s.as_of, s.as_of_offset, s.from_directory
FROM unnest(:snapshots::customer_snapshot[]) AS s
ORDER BY 1, 2
ON CONFLICT (organization_id, customer_id) DO UPDATE SET
  data = excluded.data, as_of = excluded.as_of, as_of_offset = excluded.as_of_offset, from_directory = excluded.from_directory,
  erased_at = NULL
WHERE (excluded.as_of, excluded.from_directory, excluded.as_of_offset) > (known.as_of, known.from_directory, known.as_of_offset)
RETURNING organization_id, customer_id

-- name: apply_stakeholders
-- Apply snapshots of stakeholders by the same rule; answers those applied.
INSERT INTO directory_stakeholders AS known (
  organization_id, stakeholder_id, customer_id, email, data, as_of, as_of_offset, from_directory, listed_at)
SELECT s.organization_id, s.stakeholder_id, s.customer_id, s.email, s.data::json, s.as_of, s.as_of_offset, s.from_directory,
       CASE WHEN s.from_directory THEN s.as_of END
FROM unnest(:snapshots::stakeholder_snapshot[]) AS s
ORDER BY 1, 2
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET
  customer_id = excluded.customer_id, email = excluded.email, data = excluded.data, as_of = excluded.as_of,
  as_of_offset = excluded.as_of_offset, from_directory = excluded.from_directory, erased_at = NULL,
  listed_at = greatest(known.listed_at, excluded.listed_at),
  former_customer_ids = CASE WHEN known.customer_id = ANY (known.former_customer_ids || ARRAY[excluded.customer_id, ''])
    THEN known.former_customer_ids ELSE known.former_customer_ids || known.customer_id END
WHERE (excluded.as_of, excluded.from_directory, excluded.as_of_offset) > (known.as_of, known.from_directory, known.as_of_offset)
RETURNING organization_id, stakeholder_id, CASE WHEN has_left(known) THEN left_at END AS left_at

-- name: note_named!
-- Events of these customers name stakeholders who are others' by now, and are kept with what they say of them.
UPDATE directory_stakeholders s SET former_customer_ids = s.former_customer_ids || n.customer_id
FROM (SELECT DISTINCT * FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :customer_ids::text[]))
  AS n (organization_id, stakeholder_id, customer_id)
WHERE s.organization_id = n.organization_id AND s.stakeholder_id = n.stakeholder_id
  AND n.customer_id <> ALL (s.former_customer_ids || s.customer_id)

-- name: note_listed!
-- The directory lists these stakeholders, be its snapshot the newest or not: whoever left before is back.
UPDATE directory_stakeholders s SET listed_at = greatest(s.listed_at, l.listed_at)
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :listed_at::timestamptz[]) AS l (organization_id, stakeholder_id, listed_at)
WHERE s.organization_id = l.organization_id AND s.stakeholder_id = l.stakeholder_id

-- name: read_stakeholders_of_customers
-- Every stakeholder of some customers, the left and the erased among them.
SELECT s.organization_id, s.stakeholder_id, s.customer_id, s.data, s.as_of, s.from_directory,
       CASE WHEN has_left(s) THEN s.left_at END AS left_at, s.erased_at
FROM unnest(:customers::subject_key[]) AS c (organization_id, customer_id)
JOIN directory_stakeholders s USING (organization_id, customer_id)
ORDER BY s.organization_id, s.stakeholder_id

-- name: read_stakeholders
-- Some stakeholders.
SELECT s.organization_id, s.stakeholder_id, s.customer_id, s.data, s.as_of, s.from_directory,
       CASE WHEN has_left(s) THEN s.left_at END AS left_at, s.erased_at
FROM unnest(:stakeholders::subject_key[]) AS a (organization_id, stakeholder_id)
JOIN directory_stakeholders s USING (organization_id, stakeholder_id)

-- name: hold_known_stakeholders
-- Those of some stakeholders of whom something is known, in one order; an erasure waits until the commit.
SELECT stakeholder_id FROM directory_stakeholders
WHERE organization_id = :organization_id AND stakeholder_id = ANY (:stakeholder_ids::text[]) AND data IS NOT NULL
ORDER BY stakeholder_id
FOR SHARE

-- name: read_customers
-- Some customers, without locking them.
SELECT c.organization_id, c.customer_id, c.data, c.as_of, c.from_directory, c.erased_at
FROM unnest(:customers::subject_key[]) AS a (organization_id, customer_id)
JOIN directory_customers c USING (organization_id, customer_id)

-- name: list_customers
-- An organization's customers of whom something is known, by id, from one on.
SELECT customer_id FROM directory_customers
WHERE organization_id = :organization_id AND data IS NOT NULL AND customer_id > :after
ORDER BY customer_id LIMIT :at_most

-- name: count_customers$
-- How many customers of an organization something is known of.
SELECT count(*) FROM directory_customers WHERE organization_id = :organization_id AND data IS NOT NULL

-- name: read_person_records
-- What Salesloft said of the people that some stakeholders are linked to: by our link, else by the address.
SELECT DISTINCT ON (a.organization_id, a.stakeholder_id)
       a.organization_id, a.stakeholder_id, p.person_id, p.do_not_contact, 'email' = ANY (p.contact_restrictions) AS email_restricted,
       p.bouncing, p.account_id IS NOT NULL AS has_account, acc.do_not_contact AS account_do_not_contact, p.read_at, p.account_id,
       p.email, l.person_id IS NOT NULL AS linked
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :emails::text[]) AS a (organization_id, stakeholder_id, email)
LEFT JOIN stakeholder_people l ON l.organization_id = a.organization_id AND l.stakeholder_id = a.stakeholder_id
JOIN salesloft_people p ON p.organization_id = a.organization_id AND NOT p.deleted
 AND (p.person_id = l.person_id OR (l.person_id IS NULL AND p.email = a.email))
LEFT JOIN salesloft_accounts acc ON acc.organization_id = p.organization_id AND acc.account_id = p.account_id
ORDER BY a.organization_id, a.stakeholder_id,
  (p.do_not_contact OR p.bouncing OR 'email' = ANY (p.contact_restrictions) OR coalesce(acc.do_not_contact, false)) DESC, p.person_id

-- name: has_opted_out_as_another$
-- Whether another stakeholder with the same address, or who is the same person at Salesloft, may not be written to.
SELECT EXISTS (
  SELECT 1 FROM directory_stakeholders s
  WHERE s.organization_id = :organization_id AND s.email = :email AND s.stakeholder_id <> :stakeholder_id
    AND s.data #>> '{contact_preferences,email}' = 'blocked'
  UNION ALL
  SELECT 1 FROM stakeholder_people l JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
  WHERE l.organization_id = :organization_id AND l.person_id = :person_id AND l.stakeholder_id <> :stakeholder_id
    AND s.data #>> '{contact_preferences,email}' = 'blocked')

-- name: erase_customers
-- Keep the mark and nothing else; answers whom it concerned.
UPDATE directory_customers c SET data = NULL, as_of = e.as_of, as_of_offset = e.as_of_offset, from_directory = true, erased_at = e.as_of
FROM unnest(:organization_ids::text[], :customer_ids::text[], :as_of::timestamptz[], :offsets::bigint[]) AS e (organization_id, customer_id, as_of, as_of_offset)
WHERE c.organization_id = e.organization_id AND c.customer_id = e.customer_id
  AND (e.as_of, e.as_of_offset) >= (c.as_of, c.as_of_offset)
RETURNING c.organization_id, c.customer_id

-- name: erase_stakeholders
-- Keep the mark and nothing else; answers whose customer they were.
INSERT INTO directory_stakeholders AS known (organization_id, stakeholder_id, customer_id, as_of, as_of_offset, from_directory, erased_at)
SELECT e.organization_id, e.stakeholder_id, '', e.as_of, e.as_of_offset, true, e.as_of
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :as_of::timestamptz[], :offsets::bigint[]) AS e (organization_id, stakeholder_id, as_of, as_of_offset)
ORDER BY 1, 2
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET
  data = NULL, email = NULL, as_of = excluded.as_of, as_of_offset = excluded.as_of_offset, from_directory = true, erased_at = excluded.erased_at
WHERE (excluded.as_of, excluded.as_of_offset) >= (known.as_of, known.as_of_offset)
RETURNING organization_id, stakeholder_id, customer_id

-- name: mark_stakeholders_left!
-- They have left their customer and are no candidates any more, also those of whom nothing else is known yet.
INSERT INTO directory_stakeholders AS known
  (organization_id, stakeholder_id, customer_id, as_of, as_of_offset, from_directory, left_at, left_customer_id)
SELECT DISTINCT ON (1, 2) l.organization_id, l.stakeholder_id, l.customer_id, '-infinity'::timestamptz, -1, false, l.left_at, l.customer_id
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[], :customer_ids::text[], :left_at::timestamptz[])
     AS l (organization_id, stakeholder_id, customer_id, left_at)
ORDER BY 1, 2, l.left_at DESC, l.customer_id
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET left_at = excluded.left_at, left_customer_id = excluded.left_customer_id
WHERE known.left_at IS NULL OR excluded.left_at > known.left_at

-- name: customers_of_stakeholders
-- Whose stakeholders they are, before any lock is taken.
SELECT s.organization_id, s.stakeholder_id, s.customer_id
FROM unnest(:stakeholders::subject_key[]) AS a (organization_id, stakeholder_id)
JOIN directory_stakeholders s USING (organization_id, stakeholder_id)

-- name: has_segment$
-- Whether some customer of an organization is of a segment, written just so.
SELECT EXISTS (SELECT FROM directory_customers WHERE organization_id = :organization_id AND segment = :segment)
