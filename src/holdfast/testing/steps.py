"""The steps that the tests of a backend are made of."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeVar

from holdfast.backend import (
    Absent,
    Apply,
    Backend,
    Changed,
    Count,
    Counted,
    Create,
    Created,
    Found,
    ItemsFound,
    Operation,
    Outcome,
    Read,
    ReadItems,
    Record,
)

NAMESPACE: Final = "conformance"
KEY: Final = f"{NAMESPACE}/alpha"
OTHER_KEY: Final = f"{NAMESPACE}/beta"
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR

Advance = Callable[[float], Awaitable[None]]
Answer = TypeVar("Answer", bound=Outcome)


def fresh() -> str:
    """Make an id that nothing else has."""
    return secrets.token_hex(16)


async def ask(backend: Backend, operation: Operation, kind: type[Answer]) -> Answer:
    """Have an operation answered, and the answer be of this kind."""
    outcome = await backend.execute(operation)
    asked = type(operation).__name__
    assert isinstance(outcome, kind), f"{asked} was answered with {outcome!r:.300}"
    return outcome


async def expect(backend: Backend, operation: Operation, expected: Outcome) -> None:
    """Have an operation answered with exactly this (as tuples, two kinds may be equal)."""
    assert await ask(backend, operation, type(expected)) == expected


def creation(
    key: str = KEY,
    *,
    ttl: int = HOUR,
    max_age: int = DAY,
    user_tag: bytes = b"",
    integers: Mapping[str, int] | None = None,
    values: Mapping[bytes, bytes] | None = None,
) -> Create:
    """Describe a new session of a new incarnation."""
    return Create(key, fresh(), ttl, max_age, user_tag, integers or {}, values or {})


def change(key: str = KEY, **parts: Any) -> Apply:
    """Describe a change under a new change id, unless one is given."""
    parts.setdefault("change_id", fresh())
    return Apply(key, **parts)


async def create(backend: Backend, key: str = KEY, **parts: Any) -> Record:
    """Create a session."""
    return (await ask(backend, creation(key, **parts), Created)).record


async def apply(backend: Backend, key: str = KEY, **parts: Any) -> Changed:
    """Change a session."""
    return await ask(backend, change(key, **parts), Changed)


async def read(backend: Backend, key: str = KEY) -> Record:
    """Read a session that is there."""
    return (await ask(backend, Read(key), Found)).record


async def read_log(backend: Backend, key: str = KEY) -> ItemsFound:
    """Read the whole log of a session that is there."""
    return await ask(backend, ReadItems(key, after=0, limit=100_000), ItemsFound)


async def numbers(backend: Backend, key: str = KEY) -> list[int]:
    """Say which numbers the log holds."""
    return [item.number for item in (await read_log(backend, key)).items]


async def count(backend: Backend, namespace: str = NAMESPACE) -> int:
    """Count the live sessions."""
    return (await ask(backend, Count(namespace), Counted)).sessions


async def is_absent(backend: Backend, key: str = KEY) -> bool:
    """Say whether reading answers that there is no such session."""
    return isinstance(await backend.execute(Read(key)), Absent)


class Sight(NamedTuple):
    """All that can be seen of a session and its neighbours."""

    record: Record
    log: ItemsFound
    sessions: int


async def look(backend: Backend, key: str = KEY) -> Sight:
    """See everything."""
    return Sight(await read(backend, key), await read_log(backend, key), await count(backend))


@asynccontextmanager
async def untouched(backend: Backend, key: str = KEY) -> AsyncGenerator[None, None]:
    """Fail unless the session is, after the block, exactly as it was before."""
    before = await look(backend, key)
    yield
    assert await look(backend, key) == before, "a refused operation left a trace"
