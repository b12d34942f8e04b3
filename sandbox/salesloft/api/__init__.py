"""The handlers of ``/v2``, one module per resource: plain functions from a call to an answer."""
