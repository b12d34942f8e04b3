-- migrate:up

-- The person whose records were read from the start for this link. Another one in the link has to be read again.
ALTER TABLE stakeholder_people ADD COLUMN backfilled_person_id bigint;
CREATE INDEX stakeholder_people_backfill ON stakeholder_people (organization_id)
  WHERE backfilled_person_id IS DISTINCT FROM person_id;

-- A later stakeholder finds its person by the digest of the address.
CREATE INDEX unlinked_people_digest ON unlinked_people (organization_id, email_digest);

-- What the engagement is folded from, and the number that orders its events.
ALTER TABLE engagements
  ADD COLUMN tallies  jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN sequence integer NOT NULL DEFAULT 0;

-- Who waited longest is served first; a stream that fails waits for a while.
ALTER TABLE sync_streams
  ADD COLUMN served_at    timestamptz NOT NULL DEFAULT '-infinity',  -- real time
  ADD COLUMN retry_after  timestamptz NOT NULL DEFAULT '-infinity',  -- real time
  ADD COLUMN failures     integer NOT NULL DEFAULT 0;                -- in a row

-- migrate:down

ALTER TABLE sync_streams DROP COLUMN served_at, DROP COLUMN retry_after, DROP COLUMN failures;
ALTER TABLE engagements DROP COLUMN tallies, DROP COLUMN sequence;
DROP INDEX unlinked_people_digest;
DROP INDEX stakeholder_people_backfill;
ALTER TABLE stakeholder_people DROP COLUMN backfilled_person_id;
