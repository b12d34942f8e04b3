-- name: keep_people!
-- Keep what Salesloft answered about people; an older answer changes nothing, an equal one only says that it still holds.
INSERT INTO salesloft_people AS known (organization_id, person_id, email, account_id, owner_user_id, do_not_contact, contact_restrictions,
  bouncing, deleted, salesloft_updated_at, read_at)
SELECT p.organization_id, p.person_id, p.email, p.account_id, p.owner_user_id, p.do_not_contact, string_to_array(p.contact_restrictions, ','),
  p.bouncing, false, p.salesloft_updated_at, :read_at
FROM unnest(:organization_ids::text[], :person_ids::bigint[], :emails::text[], :account_ids::bigint[], :owner_user_ids::bigint[],
            :do_not_contact::boolean[], :contact_restrictions::text[], :bouncing::boolean[], :salesloft_updated_at::timestamptz[])
     AS p (organization_id, person_id, email, account_id, owner_user_id, do_not_contact, contact_restrictions, bouncing, salesloft_updated_at)
ORDER BY p.organization_id, p.person_id
ON CONFLICT (organization_id, person_id) DO UPDATE SET
  email = excluded.email, account_id = excluded.account_id, owner_user_id = excluded.owner_user_id, do_not_contact = excluded.do_not_contact,
  contact_restrictions = excluded.contact_restrictions, bouncing = excluded.bouncing, deleted = false,
  salesloft_updated_at = excluded.salesloft_updated_at, read_at = greatest(known.read_at, excluded.read_at)
WHERE excluded.salesloft_updated_at >= known.salesloft_updated_at

-- name: record_sent!
-- What we last sent of some stakeholders, each as the person that they are linked to.
UPDATE stakeholder_people l SET sent_digest = s.digest
FROM unnest(:stakeholder_ids::text[], :person_ids::bigint[], :digests::text[]) AS s (stakeholder_id, person_id, digest)
WHERE l.organization_id = :organization_id AND l.stakeholder_id = s.stakeholder_id AND l.person_id = s.person_id

-- name: link_people!
-- Stakeholders are these people; a link by the address alone is now one by our upsert. What another person was sent says nothing of this one.
INSERT INTO stakeholder_people AS known (organization_id, stakeholder_id, person_id, linked_by, linked_at)
SELECT :organization_id, l.stakeholder_id, l.person_id, :linked_by, :now
FROM unnest(:stakeholder_ids::text[], :person_ids::bigint[]) AS l (stakeholder_id, person_id)
ORDER BY l.stakeholder_id
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET
  person_id = excluded.person_id, linked_by = excluded.linked_by, linked_at = excluded.linked_at,
  sent_digest = CASE WHEN known.person_id = excluded.person_id THEN known.sent_digest END
WHERE known.person_id <> excluded.person_id OR (known.linked_by = 'email' AND excluded.linked_by = 'upsert')

-- name: unlink_person!
-- Salesloft no longer has this person.
WITH links AS (DELETE FROM stakeholder_people WHERE organization_id = :organization_id AND person_id = :person_id)
UPDATE salesloft_people SET deleted = true WHERE organization_id = :organization_id AND person_id = :person_id

-- name: person_of_stakeholder
-- The person that a stakeholder is linked to, and its account. Each was Salesloft's answer as late as its stream's last cycle ended: what
-- has changed since would have come with it.
SELECT p.person_id, p.email, p.account_id, p.do_not_contact, 'email' = ANY (p.contact_restrictions) AS email_restricted, p.bouncing,
       l.sent_digest, l.linked_by,
       greatest(p.read_at, people.cycle_ended_at) AS person_read_at, a.do_not_contact AS account_do_not_contact,
       greatest(a.read_at, accounts.cycle_ended_at) AS account_read_at
FROM stakeholder_people l
JOIN salesloft_people p ON p.organization_id = l.organization_id AND p.person_id = l.person_id AND NOT p.deleted
LEFT JOIN salesloft_accounts a ON a.organization_id = p.organization_id AND a.account_id = p.account_id
LEFT JOIN sync_streams people ON people.organization_id = p.organization_id AND people.stream = 'people'
LEFT JOIN sync_streams accounts ON accounts.organization_id = p.organization_id AND accounts.stream = 'accounts'
WHERE l.organization_id = :organization_id AND l.stakeholder_id = :stakeholder_id

-- name: keep_accounts!
-- Keep what Salesloft answered about accounts, by the same rule as people.
INSERT INTO salesloft_accounts AS known (organization_id, account_id, domain, do_not_contact, salesloft_updated_at, read_at)
SELECT a.organization_id, a.account_id, a.domain, a.do_not_contact, a.salesloft_updated_at, :read_at
FROM unnest(:organization_ids::text[], :account_ids::bigint[], :domains::text[], :do_not_contact::boolean[], :salesloft_updated_at::timestamptz[])
     AS a (organization_id, account_id, domain, do_not_contact, salesloft_updated_at)
ORDER BY a.organization_id, a.account_id
ON CONFLICT (organization_id, account_id) DO UPDATE SET
  domain = excluded.domain, do_not_contact = excluded.do_not_contact, salesloft_updated_at = excluded.salesloft_updated_at,
  read_at = greatest(known.read_at, excluded.read_at)
WHERE excluded.salesloft_updated_at >= known.salesloft_updated_at

-- name: accounts_of_domains
-- The accounts with some domains; of several with one the oldest.
SELECT domain, min(account_id) AS account_id FROM salesloft_accounts
WHERE organization_id = :organization_id AND domain = ANY (:domains::text[])
GROUP BY domain

-- name: forget_account!
-- Salesloft no longer has this account.
DELETE FROM salesloft_accounts WHERE organization_id = :organization_id AND account_id = :account_id

-- name: read_account
-- One account, and when what we have of it was Salesloft's answer.
SELECT a.account_id, a.do_not_contact, greatest(a.read_at, s.cycle_ended_at) AS read_at
FROM salesloft_accounts a
LEFT JOIN sync_streams s ON s.organization_id = a.organization_id AND s.stream = 'accounts'
WHERE a.organization_id = :organization_id AND a.account_id = :account_id
