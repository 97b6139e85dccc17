"""Each backend that is broken on purpose fails a test of the suite; a sound one passes it."""

import inspect
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from holdfast.backend import Backend
from holdfast.backends.memory import MemoryBackend
from holdfast.clock import Clock
from holdfast.testing import BackendConformance, BackendMachine, ManualClock
from tests.testing import broken_backends as broken
from tests.testing import broken_drafting as drafting
from tests.testing import broken_resealing as resealing
from tests.testing import broken_telling as telling

CAUGHT: tuple[tuple[type[MemoryBackend], str], ...] = (
    (broken.LosesUpdates, "test_a_hundred_increments_return_each_number_once"),
    (broken.LosesUpdates, "test_fifty_changes_are_all_there"),
    (broken.RevivesTheExpired, "test_each_kind_of_write_meets_an_expired_session_first"),
    (broken.RaisesAFlagTwice, "test_a_flag_is_raised_by_one_of_fifty"),
    (broken.CutsIdleTimes, "test_a_deadline_is_not_rounded"),
    (broken.CrossesReplies, "test_a_thousand_operations_at_once_are_answered_apart"),
    (broken.CrossesReplies, "test_cancelled_callers_leave_whole_sessions"),
    (broken.ForgetsChangeIds, "test_a_change_sent_twice_is_applied_once"),
    (broken.ForgetsChangeIds, "test_a_change_sent_many_times_at_once_is_applied_once"),
    (broken.RemembersFewChanges, "test_the_last_256_changes_are_remembered"),
    (broken.AnswersReplaysFromNow, "test_a_replay_gives_the_first_answer_after_later_changes"),
    (broken.IgnoresContent, "test_an_id_with_another_content_is_refused"),
    (broken.ChecksBeforeItRemembers, "test_a_known_change_is_answered_before_it_is_checked"),
    (broken.IgnoresRevisions, "test_one_revision_is_followed_by_one_change"),
    (broken.IgnoresIncarnations, "test_a_new_session_is_not_deleted_for_the_old_one"),
    (broken.IgnoresLeases, "test_a_write_under_a_lost_lease_is_refused"),
    (broken.IgnoresTheEndOfLeases, "test_a_lease_ends_by_itself"),
    (broken.ReleasesForAnybody, "test_only_the_holder_releases"),
    (broken.RenewsForAnybody, "test_only_the_holder_renews"),
    (broken.ForgetsItsHolder, "test_the_own_lease_is_granted_again"),
    (broken.LowersFences, "test_the_fence_only_grows"),
    (broken.UsesNumbersAgain, "test_the_newest_item_is_popped"),
    (broken.UsesNumbersAgain, "test_a_cleared_log_goes_on_counting"),
    (broken.ReadsLogsFromTheBeginning, "test_the_oldest_items_make_room"),
    (broken.KeepsHalfARefusal, "test_refusals_come_in_the_documented_order"),
    (broken.CountsTheExpired, "test_the_count_is_exact"),
    (broken.ListsByActivity, "test_pages_stay_whole_while_deadlines_move"),
    (broken.MovesDeadlines, "test_changes_do_not_move_the_deadline"),
    (broken.OutlivesItsAge, "test_nothing_passes_the_greatest_age"),
    (broken.CreatesOnWrite, "test_a_deleted_session_is_absent_to_every_operation"),
    (broken.RefusesRepeatedCreations, "test_a_repeated_create_is_answered_like_the_first"),
    (broken.KeepsTheLogOfTheDead, "test_an_id_created_again_has_nothing_of_the_old_session"),
    (broken.FoldsCase, "test_similar_ids_name_different_sessions"),
    (broken.RoundsCounters, "test_counters_reach_the_largest_exact_integer"),
    (broken.ReplacesForAnybody, "test_a_session_is_not_replaced_by_one_of_another_user"),
    (broken.TakesTooMuch, "test_exactly_the_burst_of_a_hundred_at_once_passes"),
    (broken.ForgetsRings, "test_a_ring_that_came_before_the_waiting_is_kept"),
    (broken.CollectsTheLiving, "test_purging_takes_no_live_session"),
    (telling.GuessesRepetitions, "test_a_repetition_that_comes_too_late_is_not_guessed"),
    (telling.AppliesToTheNextLife, "test_a_repetition_is_for_the_incarnation_that_was_known"),
    (telling.GivesRepetitionsUp, "test_a_repetition_of_what_never_arrived_is_applied"),
    (telling.GivesRepetitionsUp, "test_a_repetition_within_what_is_remembered_is_applied"),
    (telling.ForgetsBeforeItLooks, "test_a_repetition_that_is_remembered_gets_the_first_answer"),
    (telling.WaitsForWhoeverLeft, "test_whoever_leaves_the_line_is_not_waited_for"),
    (telling.TellsTwice, "test_each_creation_and_each_end_is_told_once"),
    (telling.TellsOfRefusals, "test_what_changes_nothing_is_not_told"),
    (telling.TellsNothingOfTheExpired, "test_a_collected_session_is_told_once"),
    (telling.TellsEverybody, "test_other_namespaces_are_not_told_of"),
    (telling.KeepsEveryEvent, "test_whoever_does_not_keep_up_is_told_so"),
    (drafting.IgnoresLeasesOfDrafts, "test_a_draft_under_a_lost_lease_is_refused"),
    (drafting.KeepsDraftsQuietly, "test_a_draft_rings"),
    (drafting.TakesDraftsAwayQuietly, "test_a_draft_rings"),
    (drafting.KeepsDraftsAsChanges, "test_a_draft_is_no_change"),
    (drafting.TakesDraftsForActivity, "test_a_draft_is_no_change"),
    (drafting.TellsOfDrafts, "test_a_draft_is_no_event"),
    (drafting.LosesDraftsToChanges, "test_no_change_moves_a_draft"),
    (drafting.KeepsDraftsById, "test_a_draft_ends_with_its_session"),
    (drafting.SharesDrafts, "test_a_session_has_a_draft_of_its_own"),
    (resealing.ResealsBlindly, "test_what_was_written_anew_stays"),
    (resealing.ResealsAsAChange, "test_it_is_no_change"),
    (resealing.RingsForResealing, "test_it_is_not_told"),
    (resealing.ForgetsItems, "test_every_part_is_exchanged"),
    (resealing.LeavesTheOldName, "test_every_part_is_exchanged"),
    (resealing.LeavesTheUser, "test_the_user_is_found_by_the_new_tag"),
    (drafting.CreatesForDrafts, "test_a_deleted_session_is_absent_to_every_operation"),
)

# What random steps come upon soon, one at a time.
FOUND_BY_THE_MODEL = (
    broken.AnswersReplaysFromNow, broken.CountsTheExpired, broken.CreatesOnWrite,
    broken.CutsIdleTimes, broken.ForgetsChangeIds, broken.IgnoresLeases, broken.IgnoresRevisions,
    broken.KeepsHalfARefusal, broken.MovesDeadlines, broken.ReleasesForAnybody,
    broken.RevivesTheExpired, broken.UsesNumbersAgain,
)  # fmt: skip


async def run(test: str, backend_class: type[MemoryBackend]) -> None:
    """Run one test of the suite on a backend, outside of pytest."""
    suite = BackendConformance()
    clock = ManualClock()

    async def advance(seconds: float) -> None:
        clock.advance(seconds)

    async with backend_class(clock=clock.clock) as backend:
        fixtures = {"backend": backend, "clock": clock, "advance": advance}
        method = getattr(suite, test)
        await method(**{name: fixtures[name] for name in inspect.signature(method).parameters})


@pytest.mark.parametrize(
    ("backend_class", "test"), CAUGHT, ids=[f"{row[0].__name__}-{row[1]}" for row in CAUGHT]
)
async def test_a_broken_backend_is_caught(backend_class: type[MemoryBackend], test: str) -> None:
    """The named test passes on the sound backend and fails on the broken one."""
    await run(test, MemoryBackend)
    with pytest.raises(AssertionError):
        await run(test, backend_class)


def test_every_broken_backend_is_caught() -> None:
    """None of those in the modules was forgotten here."""
    written = {
        name
        for module in (broken, telling, drafting, resealing)
        for name, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, MemoryBackend) and member is not MemoryBackend
    }
    assert written == {backend.__name__ for backend, _ in CAUGHT}


@pytest.mark.parametrize("backend_class", FOUND_BY_THE_MODEL)
def test_the_model_catches_it_too(backend_class: type[MemoryBackend]) -> None:
    """Random steps, compared with the model, come upon the same fault without being told of it."""

    class Machine(BackendMachine):
        def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
            return backend_class(clock=clock)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=300,
                stateful_step_count=40,
                phases=[Phase.generate],
                derandomize=True,
                database=None,
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
            ),
        )
