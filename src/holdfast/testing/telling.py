"""Events: whoever watches a namespace is told of each creation and each end exactly once."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from typing import Final

from holdfast.backend import Acquire, Backend, Delete, Drop, Purge, Purged, Read, Release, Touch
from holdfast.events import LOST, Event
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    change,
    create,
    creation,
)

SOON: Final = 5.0
ID: Final = KEY.partition("/")[2]
CREATED: Final = Event("created", ID)
CHANGED: Final = Event("changed", ID)
DELETED: Final = Event("destroyed", ID, "deleted")
EXPIRED: Final = Event("destroyed", ID, "expired")


async def one(events: AsyncIterator[Event]) -> Event:
    """Wait for the next event, and not for ever."""
    try:
        return await asyncio.wait_for(anext(events), SOON)
    except TimeoutError as exc:
        raise AssertionError("nothing more was told") from exc


async def told(events: AsyncIterator[Event], *, until: Event = DELETED) -> list[Event]:
    """Read on until an event; what is told of one session comes in order."""
    seen = [await one(events)]
    while seen[-1] != until:
        seen.append(await one(events))
    return seen


async def told_of_all(
    events: AsyncIterator[Event], session_ids: Collection[str], *, last: str
) -> dict[str, list[tuple[str, str | None]]]:
    """Read on until each session had its last event; give what was told of each."""
    seen: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    missing = set(session_ids)
    while missing:
        event = await one(events)
        seen[event.session_id].append((event.kind, event.reason))
        if event.kind == last and len(seen[event.session_id]) > 1:
            missing.discard(event.session_id)
    return seen


class Telling:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_the_life_of_a_session_is_told(self, backend: Backend) -> None:
        """Its creation, its changes (several may be one event), and its end, in this order."""
        async with backend.events(NAMESPACE) as events:
            await create(backend)
            assert await told(events, until=CREATED) == [CREATED]
            await apply(backend)
            assert await told(events, until=CHANGED) == [CHANGED]
            await apply(backend, append=(b"item",))
            await backend.execute(Drop(KEY))
            await backend.execute(Delete(KEY))
            seen = await told(events)
            assert seen in ([CHANGED, DELETED], [CHANGED, CHANGED, DELETED])

    async def test_what_changes_nothing_is_not_told(self, backend: Backend) -> None:
        """Reads, touches, leases, refusals, a repeated creation, and what found no session."""
        again = creation()
        await backend.execute(again)
        async with backend.events(NAMESPACE) as events:
            for operation in (
                again, creation(), Read(KEY), Touch(KEY, slide=True), change(expect_revision=9),
                Delete(KEY, expect_revision=9), Acquire(KEY, "t", HOUR), Release(KEY, "t"),
                Delete(OTHER_KEY), change(OTHER_KEY), Purge(NAMESPACE, 100), Delete(KEY),
            ):  # fmt: skip
                await backend.execute(operation)
            assert await told(events) == [DELETED]

    async def test_a_replayed_change_is_told_once(self, backend: Backend) -> None:
        """The repetition changes nothing."""
        await create(backend)
        once = change(change_id="c", remember=True)
        async with backend.events(NAMESPACE) as events:
            await backend.execute(once)
            assert await told(events, until=CHANGED) == [CHANGED]
            await backend.execute(once)
            await backend.execute(Delete(KEY))
            assert await told(events) == [DELETED]

    async def test_each_creation_and_each_end_is_told_once(self, backend: Backend) -> None:
        """However many happen at the same time."""
        names = [f"s{number}" for number in range(200)]

        async def live(name: str) -> None:
            await create(backend, f"{NAMESPACE}/{name}")
            await backend.execute(Delete(f"{NAMESPACE}/{name}"))
            await create(backend, f"{NAMESPACE}/{name}")

        async with backend.events(NAMESPACE) as events:
            await asyncio.gather(*map(live, names))
            seen = await told_of_all(events, names, last="created")
        assert set(seen) == set(names)
        for lived in seen.values():
            assert lived == [("created", None), ("destroyed", "deleted"), ("created", None)]

    async def test_a_collected_session_is_told_once(
        self, backend: Backend, advance: Advance
    ) -> None:
        """With the reason; another look for expired sessions tells nothing more."""
        await create(backend, ttl=10 * self.second)
        async with backend.events(NAMESPACE) as events:
            await advance(11)
            await ask(backend, Purge(NAMESPACE, 100), Purged)
            await ask(backend, Purge(NAMESPACE, 100), Purged)
            await create(backend)
            assert await told(events, until=CREATED) == [EXPIRED, CREATED]

    async def test_a_session_in_the_place_of_an_expired_one_is_told_after_its_end(
        self, backend: Backend, advance: Advance
    ) -> None:
        """The new one takes the id of one that nobody has collected yet."""
        await create(backend, ttl=10 * self.second)
        async with backend.events(NAMESPACE) as events:
            await advance(11)
            await create(backend)
            assert await told(events, until=CREATED) == [EXPIRED, CREATED]

    async def test_other_namespaces_are_not_told_of(self, backend: Backend) -> None:
        """Each watcher hears of one namespace."""
        async with backend.events(NAMESPACE) as events, backend.events("elsewhere") as others:
            await create(backend, f"elsewhere/{ID}")
            await create(backend)
            await backend.execute(Delete(KEY))
            await backend.execute(Delete(f"elsewhere/{ID}"))
            assert await told(events) == [CREATED, DELETED]
            assert await told(others) == [CREATED, DELETED]

    async def test_every_watcher_is_told(self, backend: Backend) -> None:
        """One who leaves takes nothing from the others; one who comes hears from then on."""
        async with backend.events(NAMESPACE) as first:
            async with backend.events(NAMESPACE):
                await create(backend)
            assert await told(first, until=CREATED) == [CREATED]
            async with backend.events(NAMESPACE) as second:
                await backend.execute(Delete(KEY))
                assert await told(first) == [DELETED]
                assert await told(second) == [DELETED]

    async def test_whoever_does_not_keep_up_is_told_so(self, backend: Backend) -> None:
        """No more than so many events wait for a watcher; it can begin anew."""
        async with backend.events(NAMESPACE) as slow, backend.events(NAMESPACE) as quick:
            for start in range(0, 3000, 300):
                names = {f"s{number}" for number in range(start, start + 300)}
                await asyncio.gather(*(create(backend, f"{NAMESPACE}/{name}") for name in names))
                assert {(await one(quick)).session_id for _ in names} == names
            await create(backend)
            assert LOST in await told(slow, until=CREATED)
