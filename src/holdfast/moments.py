"""Between the store's whole microseconds since 1970 and the aware UTC times that users see."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """Turn the store's time into a UTC one."""
    return _EPOCH + timedelta(0, 0, microseconds)


def microseconds(time: datetime) -> int:
    """Turn an aware time into the store's."""
    return (time - _EPOCH) // _MICROSECOND
