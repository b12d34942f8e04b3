-- migrate:up

-- Of which other customers' evaluations somebody may be named in: an erasure looks there, too.
ALTER TABLE directory_stakeholders ADD COLUMN former_customer_ids text[] NOT NULL DEFAULT '{}';

-- migrate:down

ALTER TABLE directory_stakeholders DROP COLUMN former_customer_ids;
