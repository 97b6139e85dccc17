"""Stored values open where they belong, through rotations of keys and changes of the model."""

import pytest

from holdfast import DecryptionFailed, Session, SessionStore
from holdfast.backend import StoredItem
from holdfast.backends.memory import MemoryBackend
from holdfast.decoding import LARGEST_KEPT, SNAPSHOTS_KEPT
from holdfast.keyring import Keyring
from holdfast.testing import ManualClock
from tests.encoding_bench import NOW, Bench, Mine


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


class TestRotating:
    """New keys in front, old ones behind until nothing needs them."""

    old = Keyring.generate("old")
    both = Keyring.from_text(f"{Keyring.generate('new').to_text()},{old.to_text()}")

    def test_old_sessions_open_and_move_to_the_new_key(self) -> None:
        """A value that is written again replaces the old one, whose tag was another."""
        record = Bench(keyring=self.old).create("ann", topic="a", k=1, kept=2)
        bench = Bench(keyring=self.both)
        assert bench.read(record).topic == "a"
        moved = bench.changed(record, set={"topic": "b", "k": 2})
        assert len(moved.values) == len(record.values)
        session = bench.read(moved)
        assert (session.topic, session.metadata) == ("b", {"k": 2, "kept": 2})
        assert bench.read(bench.changed(moved, unset=["k", "kept"])).metadata == {}

    def test_a_session_written_with_the_new_key_alone_needs_no_other(self) -> None:
        """Once everything was written again the old key can go."""
        bench = Bench(keyring=self.both)
        record = bench.create("ann", topic="a")
        new = Keyring.from_text(self.both.to_text().split(",")[0])
        assert Bench(keyring=new).read(record).topic == "a"
        with pytest.raises(DecryptionFailed, match="does not hold"):
            Bench(keyring=self.old).read(record)


class TestOpening:
    """What was altered in the backend is never shown, and never taken for empty."""

    def test_every_missing_or_moved_value_is_noticed_or_absent(self, bench: Bench) -> None:
        """Two values exchanged, one under another tag, one that is no envelope."""
        record = bench.create("ann", topic="a", k=1)
        tags = [*record.values]
        exchanged = {**record.values, tags[0]: record.values[tags[1]]}
        plain = {**record.values, tags[0]: b'f"topic":"b"'}
        empty = {**record.values, tags[0]: b""}
        foreign = {**record.values, b"x" * 16: record.values[tags[0]]}
        for values in (exchanged, plain, empty, foreign):
            with pytest.raises(DecryptionFailed):
                bench.read(record._replace(values=values))

    def test_a_session_without_its_user_is_no_session(self, bench: Bench) -> None:
        """Every session has at least that one sealed value: stripped bare, it does not open."""
        record = bench.create()
        assert len(record.values) == 1
        with pytest.raises(DecryptionFailed, match="user_id"):
            bench.read(record._replace(values={}))

    def test_another_sessions_record_does_not_open(self, bench: Bench) -> None:
        """A crossed answer cannot be read."""
        with pytest.raises(DecryptionFailed):
            bench.decoder.session("beta", bench.create("ann", topic="a"))

    def test_an_item_opens_at_its_origin_only(self, bench: Bench) -> None:
        """Its place in the change and the change's id belong to it."""
        (sealed,) = bench.change(append=["a"], change_id="c").append
        for origin in ("c:2", "d:1", "c", ""):
            with pytest.raises(DecryptionFailed):
                bench.decoder.item("alpha", StoredItem(1, NOW, origin, sealed))

    def test_what_the_model_no_longer_allows_is_said_to_be_so(self) -> None:
        """A stored value that fails today's model is a failure to open, not a wrong value."""

        class Before(Session):
            size: str = ""

        class After(Session):
            size: int = 0

        keyring = Keyring.generate()
        record = Bench(Before, keyring).create(size="large")
        with pytest.raises(DecryptionFailed, match="what the model declares"):
            Bench(After, keyring).read(record)

    def test_a_field_that_is_new_has_its_default(self) -> None:
        """Sessions from before it was declared can still be read."""
        keyring = Keyring.generate()
        record = Bench(Session, keyring).create("ann", k=1)
        session = Bench(Mine, keyring).read(record)
        assert (session.topic, session.visits, session.up, session.words) == (None, 0, False, ())


class TestRemembering:
    """An unchanged record gives the same snapshot; what is kept for that is bounded."""

    def test_an_unchanged_record_is_opened_once(self, bench: Bench) -> None:
        """The same object again, also for an equal record; another revision is another one."""
        record = bench.create("ann", topic="a")
        session = bench.read(record)
        assert bench.read(record) is session
        assert bench.read(record._replace(values=dict(record.values))) is session
        assert bench.read(record._replace(active=NOW + 1)) is not session
        assert bench.read(bench.changed(record)).revision == 2

    def test_the_same_content_of_another_incarnation_is_another_session(self, bench: Bench) -> None:
        """A re-created session is never answered from what was kept of the old one."""
        record = bench.create("ann", topic="a")
        first = bench.read(record)
        second = bench.read(record._replace(incarnation="another"))
        assert (first.incarnation, second.incarnation) == (record.incarnation, "another")

    def test_the_snapshots_that_are_kept_are_bounded(self) -> None:
        """However many sessions are read."""
        bench = Bench(Session)
        blank = bench.create()
        for number in range(SNAPSHOTS_KEPT + 50):
            values = bench.encoder.initial(f"s{number}", None, {}).values
            bench.decoder.session(f"s{number}", blank._replace(values=values))
        assert len(bench.decoder) == SNAPSHOTS_KEPT

    def test_large_sessions_are_not_kept(self) -> None:
        """They are opened each time; a small one that has grown is not kept either."""
        bench = Bench()
        small = bench.create("ann", topic="a")
        assert bench.read(small) is bench.read(small)
        assert len(bench.decoder) == 1
        large = bench.changed(small, set={"k": "x" * LARGEST_KEPT})
        first, second = bench.read(large), bench.read(large)
        assert first == second
        assert first is not second
        assert len(bench.decoder) == 0
        again = bench.changed(large, unset=["k"])
        assert bench.read(again) is bench.read(again)

    async def test_nothing_is_kept_of_a_session_that_is_known_to_be_gone(self) -> None:
        """Collected, deleted, or found to be absent."""
        clock = ManualClock()
        backend = MemoryBackend(clock=clock.clock)
        async with SessionStore(backend, model=Session, keys=Keyring.generate()) as store:
            for name in ("collected", "deleted", "expired"):
                await store.create(name, ttl=60)
            assert (await store.get_stats()).cached_snapshots == 3
            await store.delete("deleted")
            assert (await store.get_stats()).cached_snapshots == 2
            await store.create("new", ttl=600)
            clock.advance(61)
            assert await store.get("expired") is None
            assert await store.cleanup_expired() == 1
            assert (await store.get_stats()).cached_snapshots == 1
