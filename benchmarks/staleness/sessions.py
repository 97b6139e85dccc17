"""The sessions of the measurement, and a store of them."""

from typing import Final

from holdfast import Keyring, open_store
from holdfast.session import Counter, Session
from holdfast.store import SessionStore

NAMESPACE: Final = "staleness"


class Counted(Session):
    """A session whose state is a number that only grows."""

    visits: Counter = 0


def opened(url: str, keys: str) -> SessionStore[Counted]:
    """Make the store; it is opened with `async with`."""
    return open_store(url, model=Counted, keys=Keyring.from_text(keys), namespace=NAMESPACE)
