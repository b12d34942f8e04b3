-- migrate:up

-- Stays by how they stand, also where few do among all that the organization ever had.
CREATE INDEX salesloft_memberships_by_status ON salesloft_memberships (organization_id, status, currently_on_cadence, added_at, id);

-- migrate:down

DROP INDEX salesloft_memberships_by_status;
