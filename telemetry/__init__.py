"""Logs, metrics, traces and health: the same in every role, each name in one place.

* :mod:`telemetry.logs` writes structured lines that hold no secret and no address.
* :mod:`telemetry.metrics` names every metric, says what it means and what to do when it moves.
* :mod:`telemetry.traces` carries the W3C trace context over Kafka.
* :mod:`telemetry.health` tells being alive (progress) from being ready (neighbours).
"""
