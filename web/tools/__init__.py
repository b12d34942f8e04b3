"""The chat's commands as tools of a Model Context Protocol server, for the platform's own assistant."""
