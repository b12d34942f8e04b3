-- migrate:up

-- A cadence's stays, those first that were added last, of an organization that has others on many more.
CREATE INDEX salesloft_memberships_of_cadence ON salesloft_memberships (organization_id, cadence_id, currently_on_cadence, added_at, id);

-- migrate:down

DROP INDEX salesloft_memberships_of_cadence;
