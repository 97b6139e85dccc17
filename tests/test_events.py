"""A watcher's events wait for it in order, folded where that loses nothing, and not without end."""

import asyncio

from holdfast.events import LOST, Event, Feed, Feeds


def event(kind: str, name: str = "a") -> Event:
    reason = "deleted" if kind == "destroyed" else None
    return Event(kind, name, reason)  # type: ignore[arg-type]


async def read(feed: Feed, count: int) -> list[Event]:
    return [await asyncio.wait_for(anext(feed), 5) for _ in range(count)]


class TestFeed:
    """One watcher."""

    async def test_changes_of_one_session_are_folded(self) -> None:
        """Until the watcher has seen one, or the session begins anew."""
        feed = Feed()
        for kind in ("created", "changed", "changed", "destroyed", "created", "changed"):
            feed.tell(event(kind))
        feed.tell(event("changed", "b"))
        feed.tell(event("changed"))
        assert [(seen.kind, seen.session_id) for seen in await read(feed, 6)] == [
            ("created", "a"), ("changed", "a"), ("destroyed", "a"), ("created", "a"),
            ("changed", "a"), ("changed", "b"),
        ]  # fmt: skip
        feed.tell(event("changed"))
        assert await read(feed, 1) == [event("changed")]

    async def test_too_many_are_lost_together(self) -> None:
        """The watcher begins anew from there on."""
        feed = Feed(limit=3)
        for name in "abcd":
            feed.tell(event("created", name))
        feed.tell(event("changed", "e"))
        assert await read(feed, 2) == [LOST, event("changed", "e")]

    async def test_a_loss_takes_the_place_of_what_waits(self) -> None:
        """It says that everything is to be looked at."""
        feed = Feed()
        feed.tell(event("changed"))
        feed.tell(LOST)
        feed.tell(event("changed"))
        assert await read(feed, 2) == [LOST, event("changed")]

    async def test_what_waits_is_told_before_the_end(self) -> None:
        """Then the watcher is let go, whether it waits already or comes later."""
        feed = Feed()
        feed.tell(event("created"))
        waiting = asyncio.create_task(_all(feed))
        await asyncio.sleep(0)
        feed.tell(event("destroyed"))
        feed.end()
        assert await asyncio.wait_for(waiting, 5) == [event("created"), event("destroyed")]
        assert await _all(feed) == []


async def _all(feed: Feed) -> list[Event]:
    return [event async for event in feed]


class TestFeeds:
    """All watchers of a process."""

    async def test_each_namespace_has_its_watchers(self) -> None:
        """A loss and the end concern all."""
        feeds = Feeds()
        with feeds.watch("one") as one, feeds.watch("one") as again, feeds.watch("two") as two:
            assert (len(feeds), feeds.watched("one"), feeds.watched("three")) == (3, True, False)
            feeds.tell("one", event("created"))
            feeds.tell("three", event("created"))
            feeds.lose()
            feeds.tell("two", event("changed"))
            feeds.end()
            assert await _all(one) == await _all(again) == [LOST]
            assert await _all(two) == [LOST, event("changed")]
        assert (len(feeds), feeds.watched("one")) == (0, False)
