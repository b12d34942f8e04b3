-- migrate:up

-- What people were told to look at, so that they are told once. `since` makes it another matter of the same subject.
CREATE TABLE attention (
  organization_id  text NOT NULL REFERENCES organizations,
  kind             text NOT NULL,
  subject          text NOT NULL,
  since            timestamptz NOT NULL,
  told_at          timestamptz NOT NULL,
  PRIMARY KEY (organization_id, kind, subject, since)
);
SELECT keep_organizations_apart('attention');

CREATE INDEX enrollment_history_failed ON enrollment_history (changed_at) WHERE to_state = 'failed';

-- migrate:down

DROP INDEX enrollment_history_failed;
DROP TABLE attention;
