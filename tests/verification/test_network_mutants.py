"""Each protocol of the network that is broken on purpose is caught; the sound one passes."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from holdfast import HoldfastError
from holdfast.backend import Acquire, Granted
from holdfast.backends import redis
from holdfast.opening import RedisSessionStore
from holdfast.testing import BackendConformance
from holdfast.testing.steps import HOUR, KEY, ask, create
from holdfast.testing.store_steps import ID, KEYS, NAMESPACE, Account
from tests import test_retrying
from tests.backends.redis import lines, test_pushes_leases, test_pushes_near, test_wire_faults
from tests.redis_servers import RedisServer
from tests.verification import network_mutants as mutants
from tests.verification import test_swallowing
from tests.verification.running import verified_on

CUTS = frozenset({"cut", "swallow"})
CANCELS = frozenset({"cancel"})
NOTHING: frozenset[Any] = frozenset()

# What a short verification finds under these faults, by the name of a finding among its first ones.
FOUND: tuple[tuple[type[Any], frozenset[Any], set[str]], ...] = (
    (mutants.RemembersNoChange, CUTS, {"lost_change", "missing_revision", "change_applied_twice"}),
    (mutants.RepeatsUnderANewId, CUTS, {"missing_revision", "wrong_value", "log_item_twice"}),
    (mutants.ReadsThenWrites, NOTHING, {"wrong_value", "lost_change", "flag_won_twice"}),
    (mutants.TakesAnyToken, NOTHING, {"leases_overlap", "accepted_after_lease", "no_order"}),
    (mutants.LeasesByItsOwnClock, NOTHING, {"leases_overlap"}),
    (mutants.ForgetsTheCancelled, CANCELS, {"crossed_replies", "unexpected_error"}),
    (mutants.ListensAfterReading, NOTHING, {"missed_wake_up"}),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "faults", "kinds"), FOUND, ids=[row[0].__name__ for row in FOUND]
)
async def test_a_short_verification_finds_it(
    mutant: type[Any],
    faults: frozenset[Any],
    kinds: set[str],
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within a few rounds on a real server, under one of the names that say what is wrong."""
    mutant.put_in(monkeypatch)
    found: set[str] = set()
    for seed in range(1, 9):
        with pytest.MonkeyPatch.context() as patch:
            result = await verified_on(redis_server, patch, faults=faults, seed=seed)
        found |= {finding.kind for finding in result.findings}
        if result.statistics["crossed_replies"]:
            found.add("crossed_replies")
        if found & kinds:
            return
    raise AssertionError(f"only {found} found")


@pytest.mark.slow
@pytest.mark.parametrize("faults", [CUTS, CANCELS], ids=["cuts", "cancels"])
async def test_a_short_verification_finds_nothing_wrong_with_the_sound_one(
    faults: frozenset[Any], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same faults."""
    result = await verified_on(redis_server, monkeypatch, faults=faults, seed=1, seconds=2)
    assert result.ok, result.told()


# Where a named test catches it


def conformance(name: str) -> Callable[[RedisServer], Awaitable[None]]:
    async def run(server: RedisServer) -> None:
        async with redis.RedisBackend(redis.parse(server.url())) as backend:
            await getattr(BackendConformance(), name)(backend)

    return run


def near(test: Callable[..., Awaitable[None]], *more: str) -> Callable[..., Awaitable[None]]:
    async def run(server: RedisServer) -> None:
        async with AsyncExitStack() as stack:
            open_one = stack.enter_async_context
            writer = await open_one(
                RedisSessionStore(server.url(), keys=KEYS, model=Account, namespace=NAMESPACE)
            )
            await writer.create(ID)
            url = server.url(query="?client_name=reader")
            reader = await open_one(test_pushes_near.near_store(url))
            await test(writer, reader, *([server] if more else []))

    return run


def swallowing(act: str) -> Callable[[RedisServer], Awaitable[None]]:
    test = test_swallowing.test_an_operation_whose_answer_was_swallowed_ends_as_if_it_had_come
    return lambda server: test(getattr(test_swallowing, act), 2, server)


async def wake_up(server: RedisServer) -> None:
    async with lines.processes(server, 3) as workers:
        await create(workers[0])
        await ask(workers[0], Acquire(KEY, "first", HOUR), Granted)
        await test_pushes_leases.test_a_release_wakes_the_next_process_at_once(workers)


async def increments(server: RedisServer) -> None:
    await test_swallowing.test_every_increment_is_counted_exactly_once(1, server)


async def unknown_once(server: RedisServer) -> None:
    suite = test_retrying.TestRepeating()
    await suite.test_what_was_unknown_once_is_not_known_by_a_later_refusal(
        ("lose_answer", "refuse", "refuse"), "unknown"
    )


NAMED: tuple[tuple[type[Any], Callable[[RedisServer], Awaitable[None]]], ...] = (
    (mutants.RemembersNoChange, increments),
    (mutants.LendsToAStranger, swallowing("acquire")),
    (mutants.WakesNobody, wake_up),
    (mutants.BelievesTheLastRefusal, unknown_once),
    (mutants.TakesAnyToken, conformance("test_only_the_holder_releases")),
    (
        mutants.GuessesWhatItForgot,
        conformance("test_a_repetition_that_comes_too_late_is_not_guessed"),
    ),
    (
        mutants.AppliesToTheNextLife,
        conformance("test_a_repetition_is_not_guessed_after_a_deletion"),
    ),
    (mutants.BringsBackWhatEnded, conformance("test_a_repeated_create_brings_nothing_back")),
    (mutants.DeletesTwice, conformance("test_a_repeated_deletion_ends_no_later_session")),
    (mutants.ReadsThenWrites, conformance("test_a_hundred_increments_return_each_number_once")),
    (mutants.ComparesNoNonce, test_wire_faults.test_a_foreign_answer_is_never_given),
    (
        mutants.FillsAfterInvalidation,
        near(test_pushes_near.test_no_racing_fill_is_left_stale),
    ),
    (
        mutants.KeepsWhatALostConnectionPromised,
        near(test_pushes_near.test_a_killed_connection_leaves_nothing_stale, "server"),
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "proof"), NAMED, ids=[row[0].__name__ for row in NAMED])
async def test_a_named_test_catches_it(
    mutant: type[Any],
    proof: Callable[[RedisServer], Awaitable[None]],
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test passes with the sound part and fails with the broken one in its place."""
    await proof(redis_server)
    redis_server.ask("FLUSHALL")
    mutant.put_in(monkeypatch)
    # Foreign answers may be of any kind, and break what is done with them.
    with pytest.raises((AssertionError, pytest.fail.Exception, HoldfastError, TypeError)):
        await proof(redis_server)
