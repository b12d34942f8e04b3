-- migrate:up

-- Since when somebody wants a stream read once more; the next cycle that begins takes it up.
ALTER TABLE sync_streams ADD COLUMN read_again_since timestamptz;

-- migrate:down

ALTER TABLE sync_streams DROP COLUMN read_again_since;
