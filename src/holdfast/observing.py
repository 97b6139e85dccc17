"""Who is told of what the store does: metrics and spans plug in here."""


class Observer:
    """Is told of events, in the event loop, while the caller waits: be quick and do not raise.

    Subclass it and write the methods you want; the others do nothing. `operation` is the name of a
    backend operation in lower case ("read", "apply"), `store` the backend's name.
    """

    def operation_finished(
        self, *, operation: str, store: str, status: str, seconds: float
    ) -> None:
        """One operation was answered: `ok`, `absent`, `refused`, `unavailable`, `cancelled`."""

    def operation_retried(self, *, operation: str, store: str, attempt: int) -> None:
        """An operation is sent again; `attempt` is 2 for the first repetition."""

    def breaker_moved(self, *, store: str, state: str) -> None:
        """A circuit breaker is now `closed`, `open` or `half_open`.

        Where parts of a backend fail alone each has its own: `store` is then `<name>/<part>`.
        """

    def lease_waited(self, *, store: str, seconds: float, granted: bool) -> None:
        """Somebody waited for a lease, and got it or not."""
