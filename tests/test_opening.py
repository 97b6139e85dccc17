"""From a URL to a store: what is understood, what is refused, and who is told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast import (
    Change,
    DecryptionFailed,
    InMemorySessionStore,
    InvalidSession,
    Keyring,
    RedisSessionStore,
    SessionStore,
    SQLiteSessionStore,
    SupportSession,
    open_store,
)
from holdfast.testing.store_steps import KEYS, NEWER_KEYS, OTHER_KEYS
from tests.redis_servers import RedisServer

BAD_URLS: dict[str, str] = {
    "": "url",
    "sessions.db": "url",
    "http://127.0.0.1/": "url",
    "postgresql://user:hunter2@127.0.0.1/db": "url",
    "redis://": "url",
    "redis://127.0.0.1/many": "url",
    "redis+nothing://127.0.0.1": "url",
    "redis+sentinel://127.0.0.1": "url",
    "Memory": "url",
    "sqlite://": "url",
    "sqlite:///": "url",
    "sqlite://host/file.db": "url",
    "sqlite://[half": "url",
    "memory://host": "url",
    "memory:///path": "url",
    "memory://?size=5": "url",
    "memory://?max_sessions=many": "max_sessions",
    "memory://?max_sessions=0": "max_sessions",
    "memory://?max_sessions=99999999": "max_sessions",
    "sqlite:///file.db?mode=fast": "url",
    "sqlite:///file.db?synchronous=PERHAPS": "synchronous",
}


async def use(store: SessionStore[Any]) -> None:
    """Make sure that a store works."""
    async with store:
        await store.create("a", note=1)
        assert await store.exists("a")
        assert (await store.health_check()).healthy


@pytest.mark.parametrize("url", ["memory://", "memory://?max_sessions=5", "memory:"])
async def test_a_store_in_memory_needs_nothing(url: str) -> None:
    """Not even keys: a random one is made."""
    store = open_store(url)
    assert store.backend.name == "memory"
    await use(store)


@pytest.mark.parametrize("options", ["", "?synchronous=NORMAL", "?synchronous=full"])
async def test_a_store_in_a_file_has_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    """From the root with four slashes, from here with three; anything can be in its name."""
    monkeypatch.chdir(tmp_path)
    await use(open_store(f"sqlite:///{tmp_path}/a%20b%3F.db{options}", keys=KEYS))
    await use(open_store(f"sqlite:///here.db{options}", keys=KEYS))
    assert {path.name for path in tmp_path.glob("*.db")} == {"a b?.db", "here.db"}


def test_a_namespace_of_the_products_own_cannot_be_named() -> None:
    """Sign-ins, budgets and limits live in those that begin with ~."""
    with pytest.raises(InvalidSession) as caught:
        open_store("memory://", keys=KEYS, namespace="~login")
    assert caught.value.field == "namespace"


async def test_sessions_in_a_file_outlive_the_store(tmp_path: Path) -> None:
    """Whichever way it is opened."""
    path = tmp_path / "sessions.db"
    async with open_store(f"sqlite:///{path}", keys=KEYS, model=SupportSession) as store:
        made = await store.create("a", note=[1], message_count=5)
        await store.append("a", "item")
        await store.apply("a", Change(change_id="mine", add={"message_count": 1}))
    async with SQLiteSessionStore(path, keys=NEWER_KEYS, model=SupportSession) as again:
        session = await again.get("a")
        assert session is not None
        assert (session.message_count, session.metadata) == (6, {"note": [1]})
        assert session.incarnation == made.incarnation
        assert [item.value for item in await again.items("a")] == ["item"]
        replay = await again.apply("a", Change(change_id="mine", add={"message_count": 1}))
        assert replay.replayed is True


async def test_a_wrong_key_opens_the_store_and_no_session(tmp_path: Path) -> None:
    """Its reads fail loudly; nothing is overwritten."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    async with open_store(url, keys=KEYS) as store:
        made = await store.create("a", note=1)
    async with open_store(url, keys=OTHER_KEYS) as wrong:
        with pytest.raises(DecryptionFailed):
            await wrong.get("a")
        with pytest.raises(DecryptionFailed):
            await wrong.get_or_create("a")
    async with open_store(url, keys=KEYS) as store:
        assert await store.get("a") == made


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_of_no_known_store_is_refused(url: str) -> None:
    """The error names what is wrong, and shows no password."""
    with pytest.raises(InvalidSession) as caught:
        open_store(url, keys=KEYS)
    assert caught.value.field == BAD_URLS[url]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///sessions.db", "redis://127.0.0.1/0"])
def test_what_outlives_the_process_needs_keys(url: str) -> None:
    """Sessions sealed with a random key would be lost when the process ends."""
    with pytest.raises(InvalidSession, match="keys: are needed"):
        open_store(url)


@pytest.mark.parametrize("spelling", ["redis", "valkey"])
async def test_a_store_in_redis_has_an_address(spelling: str, redis_server: RedisServer) -> None:
    """Valkey is spoken to in the same way; the driver's classes are the same in code."""
    url = redis_server.url().replace("redis", spelling, 1)
    store = open_store(url, keys=KEYS)
    assert store.backend.name == "redis"
    await use(store)
    await use(RedisSessionStore(f"{redis_server.url()}?near_cache=5", keys=KEYS, namespace="other"))


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    for name in [name for name in sys.modules if name.startswith("holdfast.backends.redis")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hiredis", None)
    with pytest.raises(InvalidSession, match=r'pip install "holdfast\[redis\]"'):
        open_store("redis://127.0.0.1/0", keys=KEYS)


@pytest.mark.parametrize(
    ("field", "value"),
    [("namespace", "a/b"), ("ttl", 0), ("ttl", 90_000), ("max_items", 0), ("deadline", 0)],
)
def test_terms_that_cannot_be_kept_are_refused(field: str, value: Any) -> None:
    """By every way to a store."""
    options: dict[str, Any] = {field: value}
    ways: list[Callable[[], object]] = [
        lambda: open_store("memory://", **options),
        lambda: InMemorySessionStore(**options),
        lambda: SQLiteSessionStore("file.db", keys=KEYS, **options),
    ]
    for make in ways:
        with pytest.raises(InvalidSession) as caught:
            make()
        assert caught.value.field == field


def test_an_unknown_option_is_refused() -> None:
    """A misspelt one is not ignored."""
    misspelt: dict[str, Any] = {"time_to_live": 5}
    with pytest.raises(InvalidSession, match="time_to_live"):
        open_store("memory://", **misspelt)


async def test_terms_reach_the_store() -> None:
    """All of them."""
    terms = {"namespace": "n", "ttl": 50, "max_age": 100, "sliding": True, "max_items": 5}
    given: dict[str, Any] = {**terms, "deadline": 2.0}
    async with open_store("memory://", **given) as store:
        assert store.terms._asdict() == given
        made = await store.create("a")
        assert (made.expires_at - made.created_at).total_seconds() == 50


class TestEviction:
    """A store in memory holds so many sessions, and the least recently active one makes room."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[SessionStore[SupportSession]]:
        async with InMemorySessionStore(max_sessions=3, model=SupportSession) as store:
            for name in "abc":
                await store.create(name)
            yield store

    async def ids(self, store: SessionStore[SupportSession]) -> set[str]:
        return {session.session_id for session in (await store.list_active()).sessions}

    async def test_the_least_recently_active_one_goes(
        self, store: SessionStore[SupportSession]
    ) -> None:
        """Changes and touches count as activity; reads do not."""
        await store.update("a", note=1)
        await store.touch("b")
        await store.get("c")
        await store.create("d")
        assert await self.ids(store) == {"a", "b", "d"}
        assert (await store.get_stats()).backend["evictions"] == 1
        assert await store.count_active() == 3

    async def test_changing_a_session_evicts_nobody(
        self, store: SessionStore[SupportSession]
    ) -> None:
        """Nor does replacing it, which keeps its creation."""
        made = await store.get("a")
        assert made is not None
        await store.set(made.model_copy(update={"ticket_id": "T-1"}))
        await store.update("b", note=1)
        await store.get_or_create("c")
        assert await self.ids(store) == {"a", "b", "c"}
        again = await store.get("a")
        assert again is not None
        assert (again.created_at, again.ticket_id) == (made.created_at, "T-1")
        assert (await store.get_stats()).backend["evictions"] == 0

    async def test_an_expired_session_makes_room_first(
        self, store: SessionStore[SupportSession]
    ) -> None:
        """The living stay."""
        await store.extend("c", 0.02)
        await asyncio.sleep(0.03)
        await store.create("d")
        assert await self.ids(store) == {"a", "b", "d"}
        assert (await store.get_stats()).backend["evictions"] == 0

    async def test_an_evicted_session_is_absent(self, store: SessionStore[SupportSession]) -> None:
        """Whoever watches it, or waits for it, learns so."""
        watching = [revision async for revision in store.watch("never")]
        watcher = store.watch("a")
        assert await anext(watcher) == 1
        following = asyncio.create_task(anext(watcher, None))
        await asyncio.sleep(0)
        await store.create("d")
        assert watching == []
        assert await asyncio.wait_for(following, 5) is None
        assert await store.get("a") is None

    async def test_a_long_life_leaves_nothing_behind(
        self, store: SessionStore[SupportSession]
    ) -> None:
        """Thousands of sessions, leases, watches and changes later there are three."""
        for place in range(3_000):
            name = f"s{place}"
            await store.create(name)
            await store.apply(name, Change(change_id="mine", append=[place]))
            async with store.lease(name) as lease:
                await lease.apply(Change(add={"message_count": 1}))
            if place % 3 == 0:
                await store.delete(name)
        statistics = (await store.get_stats()).backend
        assert statistics["kept_sessions"] <= 3
        assert (statistics["listeners"], statistics["limits"]) == (0, 0)
        space = store.backend._spaces["default"]  # type: ignore[attr-defined]
        assert len(space._deadlines) < 200
        assert len(space._by_creation) < 200


def test_keys_are_never_shown() -> None:
    """Neither by the store nor by its options."""
    secret = Keyring.generate("shown")
    store = open_store("memory://", keys=secret)
    text = secret.to_text().partition(":")[2]
    assert text not in repr(store) + repr(vars(store)) + repr(secret)


@pytest.mark.parametrize("url", ["sqlite:////tmp/a#b.db", "sqlite:///:memory:", "memory://#"])
def test_a_url_that_would_open_something_else_is_refused(url: str) -> None:
    """A fragment would be cut off, and `:memory:` become a file of that name."""
    with pytest.raises(InvalidSession, match="url"):
        open_store(url, keys=Keyring.generate())
