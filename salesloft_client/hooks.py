"""What the client reports about itself, for metrics."""

from typing import Protocol

__all__ = ["BudgetObserver", "NothingObserved", "Observer"]


class Observer(Protocol):
    """Called on the event loop; must not block. What it raises is logged and goes no further.

    ``path_template`` has ``{id}`` where the path has an id, so it is fit for a metric's label. Every request
    is reported exactly once, by :meth:`on_response` or :meth:`on_failure`, also when its caller was cancelled.
    """

    def on_response(
        self,
        *,
        method: str,
        path_template: str,
        status: int,
        cost: int,
        remaining: int | None,
        elapsed_s: float,
    ) -> None:
        """An answer was read: ``cost`` is what it took of the team's minute, ``remaining`` what is left of it."""

    def on_failure(self, *, method: str, path_template: str, problem: str, elapsed_s: float) -> None:
        """No answer was read: ``problem`` is the error's class name, such as ``TimedOut``."""

    def on_retry(self, *, method: str, path_template: str, attempt: int, reason: str, wait_s: float) -> None:
        """The call will be made again after ``wait_s`` real seconds; ``attempt`` counts those already made."""


class BudgetObserver(Protocol):
    """Told by the budget of one team what becomes of it. Called on the event loop; must neither block nor raise.

    ``lane`` is a :class:`~salesloft_client.budget.Lane`'s value.
    """

    def on_spent(self, *, lane: str, cost: int, remaining: int | None) -> None:
        """A call was charged ``cost``; its answer, if it got one, says what the minute has ``remaining``."""

    def on_wait(self, *, lane: str, reason: str) -> None:
        """A call does not pass now: ``stopped`` after a 429, ``reserve`` kept for other lanes, ``budget`` spent."""

    def on_lease(self, *, outcome: str) -> None:
        """The ledger was asked: ``granted``, ``denied``, or ``unavailable``, and the process spends of its share."""


class NothingObserved:
    """An :class:`Observer` and :class:`BudgetObserver` that keeps nothing."""

    def on_response(
        self,
        *,
        method: str,
        path_template: str,
        status: int,
        cost: int,
        remaining: int | None,
        elapsed_s: float,
    ) -> None:
        del method, path_template, status, cost, remaining, elapsed_s

    def on_failure(self, *, method: str, path_template: str, problem: str, elapsed_s: float) -> None:
        del method, path_template, problem, elapsed_s

    def on_retry(self, *, method: str, path_template: str, attempt: int, reason: str, wait_s: float) -> None:
        del method, path_template, attempt, reason, wait_s

    def on_spent(self, *, lane: str, cost: int, remaining: int | None) -> None:
        del lane, cost, remaining

    def on_wait(self, *, lane: str, reason: str) -> None:
        del lane, reason

    def on_lease(self, *, outcome: str) -> None:
        del outcome
