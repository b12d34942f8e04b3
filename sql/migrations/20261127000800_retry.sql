-- migrate:up

-- A person may have a failed enrollment tried again.
ALTER TABLE steerings DROP CONSTRAINT steerings_action_check;
ALTER TABLE steerings ADD CONSTRAINT steerings_action_check
  CHECK (action IN ('pause', 'resume', 'skip', 'restart', 'change_sender', 'remove', 'retry'));

-- migrate:down

DELETE FROM steerings WHERE action = 'retry';
ALTER TABLE steerings DROP CONSTRAINT steerings_action_check;
ALTER TABLE steerings ADD CONSTRAINT steerings_action_check
  CHECK (action IN ('pause', 'resume', 'skip', 'restart', 'change_sender', 'remove'));
