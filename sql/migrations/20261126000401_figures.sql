-- migrate:up

-- The figures of each organization's days, kept once they are published.
CREATE TABLE figures (
  organization_id     text NOT NULL REFERENCES organizations,
  since               timestamptz NOT NULL,
  until               timestamptz NOT NULL,
  accuracy_part       bigint NOT NULL,              -- decisions that come out the same when they are made again
  accuracy_whole      bigint NOT NULL,
  completeness_part   bigint NOT NULL,              -- units that Salesloft showed and that are accounted for
  completeness_whole  bigint NOT NULL,
  consistency_part    bigint NOT NULL,              -- enrollments carried out as approved
  consistency_whole   bigint NOT NULL,
  counted_at          timestamptz NOT NULL,
  PRIMARY KEY (organization_id, since)
);
SELECT keep_organizations_apart('figures');

CREATE INDEX salesloft_memberships_made ON salesloft_memberships (organization_id, created_at) WHERE enrollment_id IS NOT NULL;

-- migrate:down

DROP INDEX salesloft_memberships_made;
DROP TABLE figures;
