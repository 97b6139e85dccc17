"""What is kept near is never older than what has been heard, and never outlives its session."""

from collections.abc import Iterator

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from holdfast.near_cache import NearCache, Ticket
from tests.near.network import AHEAD, MICROSECONDS, Cache, Network

names = st.sampled_from("aabcd")
lives = st.sampled_from((0.5, 5.0, 60.0, 60.0))


class Machine(RuleBasedStateMachine):
    """Readers, writers, a network that breaks, and time."""

    make: type[Cache] = NearCache

    def __init__(self) -> None:
        super().__init__()
        self.network = Network(self.make, size=2)

    @rule(name=names, life=lives)
    def write(self, name: str, life: float) -> None:
        self.network.write(name, lives=life)

    @rule(name=names, steps=st.sampled_from((1, 2, 3, 4, 4)))
    def read(self, name: str, steps: int) -> None:
        """Read in one go, as most reads do, or get no further than to a reply to work on."""
        self.network.begin(name)
        for step in (self.network.answer, self.network.deliver, self.fill_last)[: steps - 1]:
            step()

    @rule(name=names, life=lives)
    def write_and_tell(self, name: str, life: float) -> None:
        """Move a session, and have all of the store's words arrive."""
        self.network.write(name, lives=life)
        for _ in range(len(self.network.arriving)):
            self.network.deliver()

    @rule()
    def answer(self) -> None:
        self.network.answer()

    @rule()
    def deliver(self) -> None:
        self.network.deliver()

    def fill_last(self) -> None:
        self.network.fill(-1)

    @rule(place=st.integers(0, 3))
    def fill(self, place: int) -> None:
        self.network.fill(place)

    @rule(name=names, life=lives)
    def move_itself(self, name: str, life: float) -> None:
        self.network.move_itself(name, lives=life)

    @rule()
    def disconnect(self) -> None:
        self.network.disconnect()

    @rule()
    def partition(self) -> None:
        self.network.partitioned = True

    @rule(seconds=st.sampled_from((0.0, 0.4, 3.0)))
    def wait(self, seconds: float) -> None:
        self.network.now += seconds
        self.network.ping()

    @invariant()
    def nothing_is_stale(self) -> None:
        self.network.check()


TestNearCache = Machine.TestCase
TestNearCache.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


class FillsAfterInvalidation(Cache):
    """Keeps what a read answered although the session has moved since."""

    def fill(self, ticket: Ticket, snapshot: int, *, expires: int) -> None:
        self._tickets[ticket.session_id] = ticket
        super().fill(ticket, snapshot, expires=expires)


class OutlivesItsConnection(Cache):
    """Goes on answering after nobody would have said what has moved."""

    def flush(self) -> None:
        pass


class TrustsASilentStore(Cache):
    """Takes silence for good news."""

    def alive_until(self, monotonic: float) -> None:
        super().alive_until(monotonic + 1000)


class KeepsTheExpired(Cache):
    """Leaves it to the store to say that a session has expired."""

    def fill(self, ticket: Ticket, snapshot: int, *, expires: int) -> None:
        super().fill(ticket, snapshot, expires=expires + 1000 * MICROSECONDS)


class KeepsItsOwnOldSnapshots(Cache):
    """Waits to be told of what this very process has written."""

    def drop(self, session_id: str) -> None:
        pass

    def forget(self, session_id: str) -> None:
        super().drop(session_id)


class FillsAfterAFlush(Cache):
    """Keeps what was read on a connection that is gone."""

    def flush(self) -> None:
        self._kept.clear()


@pytest.mark.parametrize(
    "broken",
    [
        FillsAfterInvalidation, OutlivesItsConnection, TrustsASilentStore, KeepsTheExpired,
        KeepsItsOwnOldSnapshots, FillsAfterAFlush,
    ],
)  # fmt: skip
def test_a_broken_cache_is_caught(broken: type[Cache]) -> None:
    """Each of these keeps a snapshot that a sound cache does not."""

    class Broken(Machine):
        make = broken

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Broken,
            settings=settings(
                max_examples=3000, stateful_step_count=40, deadline=None, database=None,
                derandomize=True, phases=(Phase.generate,), verbosity=Verbosity.quiet,
            ),
        )  # fmt: skip


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network(NearCache)
    yield network
    network.check()


def fetch(network: Network, name: str) -> int | None:
    """Read a session from near, or else from the store."""
    network.begin(name)
    network.answer()
    network.deliver()
    network.fill(-1)
    return network.cache.get(name)


class TestKeeping:
    """The sessions used last are answered from near."""

    def test_a_hit_is_the_snapshot_that_was_read(self, network: Network) -> None:
        """And what happened is counted."""
        network.write("a", lives=60)
        assert fetch(network, "a") == 1
        network.now += 2
        assert network.cache.get("a") == 1
        network.write("a", lives=60)
        network.deliver()
        assert network.cache.get("a") is None
        counted = dict(network.cache.statistics())
        assert counted == {
            "entries": 0, "size": 3, "hits": 2, "misses": 2, "flushes": 0, "invalidations": 1,
            "oldest_seconds": 0,
        }  # fmt: skip

    def test_the_oldest_snapshot_tells_its_age(self, network: Network) -> None:
        """However often it is used."""
        for name in "ab":
            network.write(name, lives=60)
            fetch(network, name)
            network.now += 1
        assert network.cache.get("a") == 1
        assert network.cache.statistics()["oldest_seconds"] == 2

    def test_the_least_recently_used_makes_room(self, network: Network) -> None:
        """Use counts, not age."""
        for name in "abc":
            network.write(name, lives=60)
            fetch(network, name)
        assert network.cache.get("a") == 1
        network.write("d", lives=60)
        fetch(network, "d")
        assert [network.cache.get(name) for name in "abcd"] == [1, None, 1, 1]

    def test_nothing_is_kept_before_the_store_has_said_its_time(self) -> None:
        """For nobody could tell when it expires."""
        cache: Cache = NearCache(10, monotonic=lambda: 5.0)
        cache.alive_until(100.0)
        cache.fill(cache.begin("a"), 1, expires=round((AHEAD + 60) * MICROSECONDS))
        assert cache.get("a") is None
        assert len(cache) == 0

    def test_reads_that_never_end_are_forgotten(self, network: Network) -> None:
        """Callers who went away leave no more behind than the cache may hold."""
        for number in range(1000):
            network.cache.begin(f"s{number}")
        assert len(network.cache._tickets) == 3
