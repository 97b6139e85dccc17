"""Secrets of sessions are exchanged while they are in use, on every store."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast import InvalidSession, Keyring, SessionStore, open_store
from holdfast.clock import Clock
from holdfast.rotation import Opened, Rotating, Rotation, new_secret, secret_hash
from tests.redis_servers import RedisServer

KEYS = Keyring.generate("k1")
Store = SessionStore[Rotating]


class Watch:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: time.time_ns() // 1000 + round(self.ahead * 1e6), boot=lambda: 0)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/s.db"}.get(request.param)
    if url is None:
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url()
    async with open_store(url, model=Rotating, keys=KEYS) as store:
        yield store


async def begin(store: Store) -> str:
    secret = new_secret()
    await store.create("s", secret_hash=secret_hash(secret))
    return secret


async def opened(rotation: Rotation[Rotating], secret: str) -> Opened[Rotating]:
    found = await rotation.open("s", secret)
    assert found is not None
    return found


async def test_a_secret_opens_its_session_and_no_other_does(store: Store, watch: Watch) -> None:
    """A wrong secret, a missing session and a session without a secret are answered alike."""
    secret = await begin(store)
    await store.create("none")
    rotation = Rotation(store, KEYS, clock=watch.clock)
    assert (await opened(rotation, secret)).renewed is None
    for session_id, given in (("s", new_secret()), ("s", ""), ("gone", secret), ("none", "")):
        assert await rotation.open(session_id, given) is None


async def test_fifty_at_once_get_one_new_secret(store: Store, watch: Watch) -> None:
    """Round after round, one of them exchanges it, and all are given the same."""
    secret = await begin(store)
    rotations = [Rotation(store, KEYS, clock=watch.clock) for _ in range(2)]
    for turn in range(3):
        watch.ahead += 901
        every = await asyncio.gather(
            *(rotations[number % 2].open("s", secret) for number in range(50))
        )
        renewed = {one.renewed for one in every if one is not None}
        assert len(renewed) == 1
        assert sum(one is not None and one.rotated for one in every) == 1
        session = await store.get("s")
        assert session is not None
        assert session.rotations == turn + 1
        secret = next(iter(renewed)) or ""
        assert secret_hash(secret) == session.secret_hash


async def test_the_old_secret_opens_for_the_overlap(store: Store, watch: Watch) -> None:
    """Up to its last moment it opens, and its holder is told the new one; then it does not."""
    old = await begin(store)
    rotation = Rotation(store, KEYS, every=900, overlap=10, clock=watch.clock)
    watch.ahead += 899
    assert (await opened(rotation, old)).renewed is None
    watch.ahead += 2
    new = (await opened(rotation, old)).renewed
    assert new not in {None, old}
    watch.ahead += 9
    assert (await opened(rotation, old))[1:] == (new, False)
    assert (await opened(rotation, new or "")).renewed is None
    watch.ahead += 2
    assert await rotation.open("s", old) is None
    assert (await opened(rotation, new or "")).renewed is None


async def test_one_who_cannot_be_told_keeps_the_secret(store: Store, watch: Watch) -> None:
    """A socket, whose answer has no cookies, exchanges nothing."""
    secret = await begin(store)
    watch.ahead += 1000
    found = await Rotation(store, KEYS, clock=watch.clock).open("s", secret, rotate=False)
    assert found is not None
    assert found.renewed is None
    assert found.session.rotations == 0


async def test_it_goes_on_through_a_rotation_of_keys(store: Store, watch: Watch) -> None:
    """Processes that seal with different keys of one ring still give one new secret."""
    secret = await begin(store)
    both = Keyring.from_text(f"{Keyring.generate('k2').to_text()},{KEYS.to_text()}")
    late = Keyring.from_text(",".join(reversed(both.to_text().split(","))))
    watch.ahead += 901
    first = await opened(Rotation(store, both, clock=watch.clock), secret)
    second = await opened(Rotation(store, late, clock=watch.clock), secret)
    assert first.renewed == second.renewed != secret


async def test_a_new_secret_cannot_be_guessed_from_the_old_one(watch: Watch) -> None:
    """Another key, or another session with the same secret, has another successor."""
    secret = new_secret()
    successors: set[str | None] = set()
    for keys in (KEYS, Keyring.generate("k1")):
        async with open_store("memory://", model=Rotating, keys=keys) as store:
            for name in ("a", "b"):
                await store.create(name, secret_hash=secret_hash(secret))
                watch.ahead += 1000
                found = await Rotation(store, keys, clock=watch.clock).open(name, secret)
                assert found is not None
                successors.add(found.renewed)
    assert len(successors) == 4


@pytest.mark.parametrize(("every", "overlap"), [(10, 11), (10, 0), (0, 0)])
async def test_an_overlap_is_shorter_than_the_time_between(every: float, overlap: float) -> None:
    """Two old secrets never open a session."""
    async with open_store("memory://", model=Rotating, keys=KEYS) as store:
        with pytest.raises(InvalidSession, match="overlap"):
            Rotation(store, KEYS, every=every, overlap=overlap)
