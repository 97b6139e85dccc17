"""A cursor is a place in a listing, or refused."""

import base64

import pytest

from holdfast.errors import InvalidSession
from holdfast.paging import read_cursor, write_cursor


def cursor(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize("position", [(0, "a"), (2**63 - 1, "a/b"), (1_700_000_000_000_000, "")])
def test_a_position_comes_back(position: tuple[int, str]) -> None:
    """From the first microsecond to the last one that a store can keep."""
    assert read_cursor(write_cursor(position)) == position


@pytest.mark.parametrize("created", ["-1", str(2**63), "9" * 40, "9" * 5000, "1.5", ""])
def test_a_time_that_no_session_was_created_at_is_refused(created: str) -> None:
    """No page came with such a cursor, and no store could compare it."""
    with pytest.raises(InvalidSession, match="cursor"):
        read_cursor(cursor(f"{created}/a"))
