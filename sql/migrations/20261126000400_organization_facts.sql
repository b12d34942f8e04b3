-- migrate:up

-- What decisions rest on of their organizations (mappings, the cadences that these name, senders, settings), kept once for all
-- evaluations that name its digest: from it and an evaluation's own facts the decision is made again.
CREATE TABLE organization_facts (
  organization_id  text NOT NULL,
  digest           text NOT NULL,                -- of the facts
  facts            json NOT NULL,
  first_used_at    timestamptz NOT NULL,
  PRIMARY KEY (organization_id, digest)
);
SELECT keep_organizations_apart('organization_facts');

-- migrate:down

DROP TABLE organization_facts;
