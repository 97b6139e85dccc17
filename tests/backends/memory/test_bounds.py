"""What the memory backend keeps is bounded, and who makes room is chosen well."""

import pytest

from holdfast.backend import Allowance, Found, Read, Take, Touch
from holdfast.backends.memory import MemoryBackend
from holdfast.errors import StoreUnavailable
from holdfast.testing import ManualClock
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    apply,
    ask,
    change,
    count,
    create,
    is_absent,
    read,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def backend(clock: ManualClock) -> MemoryBackend:
    return MemoryBackend(max_sessions=3, clock=clock.clock)


def keys(*names: str) -> list[str]:
    return [f"{NAMESPACE}/{name}" for name in names]


async def test_the_least_recently_active_session_makes_room(backend: MemoryBackend) -> None:
    """Changes and touches count as activity, reads do not."""
    a, b, c, d, e = keys(*"abcde")
    for key in (a, b, c):
        await create(backend, key)
    await apply(backend, a)
    await ask(backend, Touch(b), Found)
    await ask(backend, Read(c), Found)
    await create(backend, d)
    await create(backend, e)
    assert [await is_absent(backend, key) for key in (a, b, c, d, e)] == [True, False, True] + [
        False
    ] * 2
    assert await count(backend) == 3
    assert backend.statistics()["evictions"] == 2


async def test_an_evicted_session_rings(backend: MemoryBackend) -> None:
    """Whoever listens to it learns that it has ended."""
    await create(backend)
    with backend.listen(KEY) as bell:
        for key in keys("b", "c", "d"):
            await create(backend, key)
        assert await bell.rung(1)
    assert await is_absent(backend)


async def test_an_expired_session_makes_room_first(
    backend: MemoryBackend, clock: ManualClock
) -> None:
    """Nobody alive is evicted while somebody dead is kept."""
    a, b, c, d = keys(*"abcd")
    await create(backend, a)
    await create(backend, b, ttl=1_000_000)
    await create(backend, c)
    clock.advance(2)
    await create(backend, d)
    assert [await is_absent(backend, key) for key in (a, b, c, d)] == [False, True, False, False]
    assert backend.statistics()["evictions"] == 0


async def test_changing_a_session_at_the_cap_evicts_nobody(backend: MemoryBackend) -> None:
    """Only a new session needs room."""
    for key in keys("a", "b", "c"):
        await create(backend, key)
    for _ in range(10):
        await apply(backend, keys("a")[0], set={b"a": b"1"})
    assert backend.statistics()["evictions"] == 0
    assert await count(backend) == 3


async def test_namespaces_make_no_room_for_each_other(backend: MemoryBackend) -> None:
    """Each holds as many sessions as it may."""
    for namespace in ("one", "two"):
        for name in "abc":
            await create(backend, f"{namespace}/{name}")
    assert [await count(backend, namespace) for namespace in ("one", "two")] == [3, 3]


async def test_more_than_256_changes_are_not_remembered(backend: MemoryBackend) -> None:
    """The oldest is forgotten; what is kept for a session stays bounded."""
    await create(backend)
    first = change(change_id="0", remember=True)
    await backend.execute(first)
    for number in range(1, 257):
        await apply(backend, change_id=str(number), remember=True)
    assert (await apply(backend, change_id="0", remember=True)).replayed is False
    assert (await apply(backend, change_id="256", remember=True)).replayed is True


async def test_full_limits_are_forgotten(backend: MemoryBackend, clock: ManualClock) -> None:
    """A thousand visitors, each once, do not stay in memory when their limits say nothing."""
    for number in range(1000):
        await ask(backend, Take(f"visitor/{number}", 1_000_000, 5), Allowance)
    assert backend.statistics()["limits"] == 1000
    clock.advance(10)
    for _ in range(1000):
        await ask(backend, Take("visitor/last", 1_000_000, 5), Allowance)
    assert backend.statistics()["limits"] == 1


async def test_sessions_that_come_and_go_leave_no_trace(
    backend: MemoryBackend, clock: ManualClock
) -> None:
    """Deadlines that moved and sessions that ended do not pile up in the orders kept of them."""
    for number in range(2000):
        await create(backend, keys(f"s{number}")[0], ttl=HOUR)
        await ask(backend, Touch(keys(f"s{number}")[0], ttl=1_000_000 + number), Found)
    space = backend._spaces[NAMESPACE]
    assert (len(space._entries), len(space)) == (3, 3)
    assert len(space._deadlines) + len(space._by_creation) < 500


async def test_closing_forgets_everything(backend: MemoryBackend) -> None:
    """A backend opened again is empty."""
    async with backend:
        await create(backend)
        assert (await read(backend)).revision == 1
    async with backend:
        assert await is_absent(backend)


async def test_a_closed_backend_is_no_empty_one(backend: MemoryBackend) -> None:
    """Whoever still asks, or listens, is told that it is closed."""
    async with backend:
        await create(backend)
        with backend.listen(KEY) as bell:
            await backend.__aexit__(None, None, None)
            assert await bell.rung(1)
        with pytest.raises(StoreUnavailable):
            await read(backend)
