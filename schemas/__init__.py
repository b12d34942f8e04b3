"""What crosses the bus: the CloudEvents envelope, the topics and their keys, and a model for every event type."""
