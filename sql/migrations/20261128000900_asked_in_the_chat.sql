-- migrate:up

-- By which way somebody asked: what was asked in the chat is told as the chat's doing.
ALTER TABLE steerings ADD COLUMN asked_by_kind text NOT NULL DEFAULT 'user' CHECK (asked_by_kind IN ('user', 'chat'));
ALTER TABLE pauses
  ADD COLUMN asked_by_kind text NOT NULL DEFAULT 'user' CHECK (asked_by_kind IN ('user', 'chat')),
  ADD COLUMN moved_by_kind text NOT NULL DEFAULT 'user' CHECK (moved_by_kind IN ('user', 'chat'));

-- migrate:down

ALTER TABLE pauses DROP COLUMN moved_by_kind, DROP COLUMN asked_by_kind;
ALTER TABLE steerings DROP COLUMN asked_by_kind;
