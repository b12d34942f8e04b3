-- migrate:up

-- Records that could not be taken in: read again with growing pauses until they are, or until Salesloft no longer has them. The name of
-- one whose id nobody could read is an @ and the instant from which its page was read.
CREATE TABLE owed_records (
  organization_id  text NOT NULL REFERENCES organizations,
  stream           text NOT NULL CHECK (stream IN ('memberships', 'emails', 'calls', 'people', 'accounts', 'histories')),
  record_id        text NOT NULL,
  units            integer NOT NULL,            -- how many units it shows at least
  changed_at       timestamptz NOT NULL,        -- its updated_at, or an instant before that: from here on it is found by cursor
  since            timestamptz NOT NULL,        -- business time
  attempts         integer NOT NULL DEFAULT 1,  -- how often it was read
  reason           text NOT NULL,
  due_at           timestamptz NOT NULL,        -- business time
  PRIMARY KEY (organization_id, stream, record_id)
);
CREATE INDEX owed_records_due ON owed_records (organization_id, stream, due_at);
SELECT keep_organizations_apart('owed_records');

-- migrate:down

DROP TABLE owed_records;
