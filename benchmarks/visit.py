"""The sessions that the parts work on, and what is written to them."""

from collections.abc import Iterable
from hashlib import sha256

from holdfast import Change, Counter, Session, SessionStore

TEXT = (
    "A guest asks where the parcel is that was to come on Tuesday, and for a refund if lost. " * 3
)


class Visit(Session):
    topic: str = ""
    visits: Counter = 0


def topic(number: int) -> str:
    """Make a value of 200 bytes, another one for each number."""
    return f"{number:08d}{TEXT[:192]}"


def change(number: int) -> Change:
    """Set one value of 200 bytes and add to one counter."""
    return Change(set={"topic": topic(number)}, add={"visits": 1})


def names(count: int) -> list[str]:
    """Name some sessions."""
    return [f"visit-{number:06d}" for number in range(count)]


def shuffled(ids: list[str]) -> list[str]:
    """Put them in an order that is not the one they lie in, and the same in every run."""
    return sorted(ids, key=lambda name: sha256(name.encode()).digest())


async def fill(store: SessionStore[Visit], ids: Iterable[str]) -> None:
    """Create the sessions that are worked on."""
    for number, session_id in enumerate(ids):
        await store.create(session_id, user_id=f"user-{number}", topic=topic(number))
