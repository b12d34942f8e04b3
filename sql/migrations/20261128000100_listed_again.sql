-- migrate:up

-- An entry may be put on the list, taken off and put on again within one instant: what tells its times there apart is not when they
-- began.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_pkey;
ALTER TABLE suppressions ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
CREATE INDEX suppressions_ever ON suppressions (organization_id, kind, value);

-- migrate:down

DROP INDEX suppressions_ever;
ALTER TABLE suppressions DROP COLUMN position;
ALTER TABLE suppressions ADD PRIMARY KEY (organization_id, kind, value, added_at);
