"""Pages of a listing, and the text that says where the next one begins."""

import base64
import binascii
from typing import Final, Generic, NamedTuple, TypeVar

from holdfast.errors import InvalidSession
from holdfast.session import Session

M = TypeVar("M", bound=Session)

# The last microsecond that a backend can compare.
LATEST: Final = 2**63 - 1


class Page(NamedTuple, Generic[M]):
    """Sessions in the order of creation. A page may be short; without a cursor it is the last."""

    sessions: tuple[M, ...]
    next_cursor: str | None


def write_cursor(position: tuple[int, str] | None) -> str | None:
    """Write a position in a listing as opaque text."""
    if position is None:
        return None
    created, session_id = position
    return base64.urlsafe_b64encode(f"{created}/{session_id}".encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> tuple[int, str] | None:
    """Read a position again.

    Raises:
        InvalidSession: the text is no cursor that a page came with.
    """
    if text is None:
        return None
    if type(text) is not str:
        raise InvalidSession("cursor", "must be a string")
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        text_of_time, session_id = plain.decode("ascii").split("/", 1)
        created = int(text_of_time)
    except (binascii.Error, ValueError) as exc:
        raise _no_cursor() from exc
    if not 0 <= created <= LATEST:
        raise _no_cursor()
    return created, session_id


def _no_cursor() -> InvalidSession:
    return InvalidSession("cursor", "is not one that a page of this listing came with")
