-- migrate:up

-- A browser asks before it asks on behalf of a page of others, and says nothing of whose organization it is for.
CREATE INDEX organizations_embedding_origins ON organizations USING gin ((settings -> 'embedding_origins'))
WITH (fastupdate = off);

-- migrate:down

DROP INDEX organizations_embedding_origins;
