"""What goes wrong with the application database."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection

from holdfast.errors import HoldfastError


class DatabaseUnavailable(HoldfastError):
    """The application database did not do what was asked; nothing of it was kept."""

    def __init__(self, *, retry_after: float = 1.0) -> None:
        super().__init__(
            "The application database did not answer. Nothing was changed; "
            f"try again in {retry_after:.3g} s."
        )
        self.retry_after = retry_after


class InvalidDatabase(HoldfastError):
    """What was to be opened is no application database that this release can use."""

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location} cannot be used as application database: {reason}.")
        self.location, self.reason = location, reason


@contextmanager
def translated() -> Generator[None]:
    """Turn what the driver says into our error; a broken constraint is the caller's to name."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, NoConnection) as exc:
        raise DatabaseUnavailable from exc
