-- migrate:up

-- Whoever has left a customer may be another's since: that they left is said of the one alone. Null: of whichever they are now.
ALTER TABLE directory_stakeholders ADD COLUMN left_customer_id text;

CREATE FUNCTION has_left(s directory_stakeholders) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT s.left_at IS NOT NULL AND (s.listed_at > s.left_at) IS NOT TRUE AND (s.left_customer_id <> s.customer_id) IS NOT TRUE
$$;

-- migrate:down

DROP FUNCTION has_left;
ALTER TABLE directory_stakeholders DROP COLUMN left_customer_id;
