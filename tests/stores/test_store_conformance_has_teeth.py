"""Each store or backend that is broken on purpose fails a test of the suite."""

import asyncio
import inspect
from collections import Counter as Tally
from typing import Any

import pytest

from holdfast.backends.memory import MemoryBackend
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import DecryptionFailed, HoldfastError
from holdfast.testing import ManualClock, StoreConformance
from holdfast.testing.store_steps import stores_on, together
from tests.stores import broken_stores as broken
from tests.testing import broken_backends, broken_drafting

CAUGHT: tuple[tuple[type[Any], str], ...] = (
    (broken_backends.LosesUpdates, "test_a_hundred_increments_return_each_value_once"),
    (broken_backends.LosesUpdates, "test_fifty_updates_are_all_there"),
    (broken_backends.RevivesTheExpired, "test_a_late_writer_revives_nothing"),
    (broken_backends.RaisesAFlagTwice, "test_one_of_fifty_claims_a_flag"),
    (broken_backends.CutsIdleTimes, "test_a_session_ends_after_its_ttl"),
    (broken_backends.CrossesReplies, "test_creating_using_and_deleting_at_once"),
    (broken_backends.ForgetsChangeIds, "test_a_known_change_is_answered_and_not_applied"),
    (broken_backends.ForgetsChangeIds, "test_a_change_sent_twenty_times_at_once_is_applied_once"),
    (broken_backends.IgnoresLeases, "test_a_write_under_a_stolen_lease_is_refused"),
    (broken_backends.IgnoresRevisions, "test_a_transaction_begins_again_after_a_conflict"),
    (broken_backends.UsesNumbersAgain, "test_a_number_is_never_used_twice"),
    (broken_backends.MovesDeadlines, "test_forty_updates_cost_a_session_no_time"),
    (broken.SwapsSessions, "test_creating_using_and_deleting_at_once"),
    (broken.KeepsTheUnsealed, "test_the_backend_keeps_no_plaintext"),
    (broken.NeverRenews, "test_a_lease_of_one_second_lasts_through_three_seconds_of_work"),
    (broken.WritesWhatItRead, "test_fifty_transactions_lose_nothing"),
    (broken.SendsRepetitionsAsNew, "test_a_repetition_that_comes_too_late_is_not_guessed"),
    (broken.CreatesTwice, "test_get_or_create_creates_once_among_fifty"),
    (broken.RevivesOnSet, "test_a_late_writer_revives_nothing"),
    (broken.CreatesOnUpdate, "test_an_absent_session_is_absent_to_every_method"),
    (broken.CreatesOverOthers, "test_a_taken_id_is_refused"),
    (broken.ShowsNothingForAWrongKey, "test_a_wrong_key_is_an_error_and_never_an_empty_session"),
    (broken.ExtendsWhenTouched, "test_a_touch_records_activity_and_nothing_else"),
    (broken.ExtendsWhenRead, "test_reading_never_extends"),
    (broken.SharesWhatItRead, "test_what_was_read_cannot_be_altered"),
    (broken.RoundsNumbers, "test_values_come_back_exactly"),
    (broken.GivesUpABatch, "test_each_snapshot_of_a_batch_has_its_own_answer"),
    (broken.DropsBeforeItOpens, "test_a_wrong_key_does_not_take_an_item_away"),
    (broken.CountsAttempts, "test_ten_contenders_all_get_their_turn"),
    (broken.WritesWithoutTheLease, "test_a_write_under_a_stolen_lease_is_refused"),
    (broken.KeepsDraftsAsMetadata, "test_a_draft_stands_beside_the_revision"),
    (broken.KeepsDraftsAsMetadata, "test_a_watch_gives_no_revision_for_a_draft"),
    (broken.KeepsDraftsForAnybody, "test_a_draft_under_a_lost_lease_is_refused"),
    (broken.OpensAnyDraft, "test_a_draft_opens_where_it_was_kept"),
    (broken.KeepsDraftsUnsealed, "test_a_draft_is_sealed"),
    (broken_drafting.KeepsDraftsQuietly, "test_whoever_listens_is_rung_for_a_draft"),
    (broken_drafting.KeepsDraftsById, "test_a_draft_belongs_to_one_session"),
    (broken.WatchesByPolling, "test_a_watch_does_not_go_on_to_another_life"),
)
FAILURES = (AssertionError, pytest.fail.Exception, HoldfastError, TimeoutError)


async def run(test: str, broken_part: type[Any]) -> None:
    """Run one test of the suite, outside of pytest, with one part that is broken."""
    is_backend = issubclass(broken_part, MemoryBackend)
    backend = broken_part if is_backend else MemoryBackend
    method = getattr(StoreConformance(), test)
    names = inspect.signature(method).parameters.keys()
    manual = ManualClock()
    clock = SYSTEM_CLOCK if names & {"live", "stores_live"} else manual.clock

    async def advance(seconds: float) -> None:
        manual.advance(seconds)

    make = StoreConformance.make_store if is_backend else broken_part
    async with stores_on(backend(clock=clock), clock=clock, make=make) as stores:
        store = await stores.open()
        fixtures = {"store": store, "live": store, "stores": stores, "stores_live": stores}
        arguments: dict[str, Any] = {**fixtures, "advance": advance, "way": "deleted"}
        await method(**{name: arguments[name] for name in names})


@pytest.mark.parametrize(
    ("broken_part", "test"), CAUGHT, ids=[f"{row[0].__name__}-{row[1]}" for row in CAUGHT]
)
async def test_a_broken_store_is_caught(broken_part: type[Any], test: str) -> None:
    """The named test, which sound stores pass, fails."""
    with pytest.raises(FAILURES):
        await run(test, broken_part)


def test_every_broken_store_is_caught() -> None:
    """None of them was written and forgotten."""
    parts = {
        part
        for part in vars(broken).values()
        if inspect.isclass(part) and part.__module__ == broken.__name__ and part != broken.Broken
    }
    assert parts <= {part for part, _ in CAUGHT}


def test_no_test_of_the_suite_hides_another() -> None:
    """The suite is put together from many classes: no two tests have one name."""
    names = Tally(
        name for part in StoreConformance.__mro__ for name in vars(part) if name.startswith("test_")
    )
    assert [name for name, times in names.items() if times > 1] == []


async def test_crossed_replies_never_open() -> None:
    """Whoever gets another's session is told that it does not open: never what is in it."""
    async with stores_on(
        broken.SwapsSessions(), clock=SYSTEM_CLOCK, make=StoreConformance.make_store
    ) as stores:
        writer, reader = await stores.open(), await stores.open()
        await together(writer.create(f"s{place}", topic=f"s{place}") for place in range(20))

        async def read(session_id: str) -> str | None:
            try:
                session = await reader.get(session_id)
            except DecryptionFailed:
                return None
            assert session is not None
            assert session.topic == session_id
            return session.topic

        answers = await asyncio.gather(*(read(f"s{place % 20}") for place in range(200)))
        assert answers.count(None) > 150
