"""The store that is verified, as this process and all workers open it."""

from collections.abc import Iterable

from holdfast.keyring import Keyring
from holdfast.observing import Observer
from holdfast.opening import open_store
from holdfast.testing.histories import CheckedSession
from holdfast.testing.histories.calls import Store
from holdfast.verification.plan import MAX_ITEMS


def open_checked(
    url: str, *, keys: Keyring, namespace: str, observers: Iterable[Observer] = ()
) -> Store:
    """Make the store; open it with `async with`."""
    return open_store(
        url,
        model=CheckedSession,
        keys=keys,
        namespace=namespace,
        max_items=MAX_ITEMS,
        observers=observers,
    )
