"""What the Salesloft client reports, as metrics."""

from telemetry import metrics

__all__ = ["CallMetrics"]


class CallMetrics:
    """Counts every call to Salesloft. An `Observer` of the client."""

    def on_response(
        self,
        *,
        method: str,
        path_template: str,
        status: int,
        cost: int,
        remaining: int | None,  # noqa: ARG002  # told by team elsewhere, which this hook does not know
        elapsed_s: float,
    ) -> None:
        """An answer was read."""
        metrics.SALESLOFT_CALL_DURATION.labels(method, path_template, str(status)).observe(elapsed_s)
        metrics.SALESLOFT_COST.labels(path_template).inc(cost)
        if status == 429:
            metrics.SALESLOFT_THROTTLES.labels("too_many_requests").inc()

    def on_failure(self, *, method: str, path_template: str, problem: str, elapsed_s: float) -> None:  # noqa: ARG002
        """No answer was read."""
        metrics.SALESLOFT_CALL_DURATION.labels(method, path_template, "error").observe(elapsed_s)

    def on_retry(self, *, method: str, path_template: str, attempt: int, reason: str, wait_s: float) -> None:
        """Retries show as calls."""
