"""Each protocol that is broken on purpose is caught; the same proof passes on the sound one."""

import ast
import asyncio
import inspect
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from holdfast.backend import Drop
from holdfast.backends.memory import MemoryBackend
from holdfast.errors import HoldfastError, LeaseLost
from holdfast.holding import Holdings
from holdfast.lease import Leases
from holdfast.testing import ManualClock, MovedClockConformance
from holdfast.testing.steps import KEY
from holdfast.testing.store_steps import NAMESPACE, Store
from tests import faulty, test_breaker, test_retrying, test_sealing
from tests.stores import broken_stores
from tests.testing import broken_backends
from tests.verification import mutants, network_mutants, test_network_mutants
from tests.verification.running import verified

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(?P<mutant>\w+)` \|.*\|(?P<caught>[^|]*)\|$", re.MULTILINE)

# What a short verification finds, by the name of a finding among its first ones.
FOUND: tuple[tuple[type[MemoryBackend], set[str]], ...] = (
    (broken_backends.LosesUpdates, {"lost_change", "duplicate_revision"}),
    (broken_backends.IgnoresRevisions, {"no_order"}),
    (broken_backends.IgnoresIncarnations, {"no_order"}),
    (broken_backends.IgnoresLeases, {"accepted_after_lease"}),
    (broken_backends.IgnoresTheEndOfLeases, {"accepted_after_lease", "no_order"}),
    (broken_backends.ReleasesForAnybody, {"leases_overlap"}),
    (broken_backends.RenewsForAnybody, {"leases_overlap", "accepted_after_lease"}),
    (broken_backends.LowersFences, {"fence_repeated", "fence_fell"}),
    (broken_backends.ForgetsChangeIds, {"change_applied_twice"}),
    (broken_backends.AnswersReplaysFromNow, {"change_applied_twice"}),
    (broken_backends.UsesNumbersAgain, {"log_number_twice"}),
    (broken_backends.CreatesOnWrite, {"resurrection"}),
    (broken_backends.KeepsTheLogOfTheDead, {"log_gap", "log_order", "log_item_twice"}),
    (broken_backends.KeepsHalfARefusal, {"missing_revision"}),
    (broken_backends.CrossesReplies, {"unexpected_error"}),
    (broken_stores.SwapsSessions, {"unexpected_error"}),
    (broken_stores.NeverRenews, {"leases_overlap"}),
    (mutants.BeginsAgainAfterDelete, {"order_of_changes", "duplicate_revision", "lost_change"}),
    (mutants.ReadsFromACopy, {"stale_read"}),
)


@pytest.mark.parametrize(("backend", "kinds"), FOUND, ids=lambda it: getattr(it, "__name__", ""))
async def test_a_short_verification_finds_it(backend: type[MemoryBackend], kinds: set[str]) -> None:
    """Within a few short rounds of load, under one of the names that say what is wrong."""
    found: set[str] = set()
    for seed in range(1, 7):
        result = await verified(backend(), seed=seed, seconds=0.4)
        found |= {finding.kind for finding in result.findings}
        if found & kinds:
            break
    assert found & kinds


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_short_verification_finds_nothing_wrong_with_a_sound_store(seed: int) -> None:
    """The same load on the backend that is not broken."""
    result = await verified(MemoryBackend(), seed=seed)
    assert (result.anomalies, result.undecided) == (0, 0), result.told()


async def half_open() -> None:
    test_breaker.test_half_open_it_lets_a_few_through_and_closes_when_they_are_answered()


async def cancelled() -> None:
    test_breaker.test_cancelled_calls_never_open_it(100)


async def lost_answer() -> None:
    suite = test_retrying.TestRepeating()
    await suite.test_what_may_have_been_applied_is_sent_again_only_if_recognised(Drop(KEY))


async def moved_value() -> None:
    test_sealing.test_a_value_opens_at_its_place_only()


# Where a test makes the part that is broken, and the test.
NAMED: tuple[tuple[ModuleType, str, type[Any], Callable[[], Any]], ...] = (
    (test_breaker, "Breaker", mutants.LetsEverybodyTry, half_open),
    (test_breaker, "Breaker", mutants.CountsTheImpatient, cancelled),
    (test_retrying, "Resilient", mutants.RepeatsBlindly, lost_answer),
    (test_sealing, "SessionSeal", mutants.SealsForAnyPlace, moved_value),
)


@pytest.mark.parametrize(
    ("module", "name", "mutant", "proof"), NAMED, ids=[row[2].__name__ for row in NAMED]
)
async def test_a_named_test_catches_it(
    module: ModuleType,
    name: str,
    mutant: type[Any],
    proof: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test passes with the sound part and fails with the broken one in its place."""
    await proof()
    monkeypatch.setattr(module, name, mutant)
    with pytest.raises((AssertionError, pytest.fail.Exception, HoldfastError)):
        await proof()


async def test_leases_by_the_wall_clock_are_caught() -> None:
    """By the test that sets that clock."""
    suite = MovedClockConformance()

    async def run(backend_class: type[MemoryBackend]) -> None:
        clock = ManualClock()
        async with backend_class(clock=clock.clock) as backend:
            await suite.test_setting_the_wall_clock_moves_no_lease_and_no_limit(backend, clock)

    await run(MemoryBackend)
    with pytest.raises(AssertionError):
        await run(mutants.LeasesByTheWallClock)


async def opened(
    stack: AsyncExitStack, *, holdings: type[Holdings] = Holdings, leases: type[Leases] = Leases
) -> tuple[Store, faulty.Faulty]:
    """Open a store with its own way of leasing, and a session in it."""
    backend = faulty.faulty_memory()
    store = await stack.enter_async_context(faulty.store_on(backend))
    store.leases = leases(backend, namespace=NAMESPACE, entropy=store._entropy)
    store._holdings = holdings(store.leases, apply=store.apply)
    await store.create("s")
    return store, backend


async def renewals_after_the_block(holdings: type[Holdings]) -> int:
    async with AsyncExitStack() as stack:
        store, backend = await opened(stack, holdings=holdings)
        async with store.lease("s", ttl=0.09):
            await asyncio.sleep(0.05)
        before = backend.sent["renew"]
        await asyncio.sleep(0.1)
        return backend.sent["renew"] - before


async def test_a_renewal_stops_with_its_block() -> None:
    """Afterwards nobody asks for it; a holder that goes on renewing is seen."""
    assert await renewals_after_the_block(Holdings) == 0
    assert await renewals_after_the_block(mutants.KeepsRenewing) > 0


async def seconds_until_a_loss_is_told(holdings: type[Holdings]) -> float:
    async with AsyncExitStack() as stack:
        store, _ = await opened(stack, holdings=holdings)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with store.lease("s", ttl=0.6):
                await store.leases.acquire("s", ttl=5, wait=0, steal=True)
                await asyncio.sleep(5)
        except LeaseLost:
            return loop.time() - began
        raise AssertionError("the loss was never told")


async def test_a_loss_is_told_at_the_next_renewal() -> None:
    """At a third of the ttl; a holder that takes the refusal for an outage learns it at the end."""
    assert 0.1 < await seconds_until_a_loss_is_told(Holdings) < 0.5
    assert await seconds_until_a_loss_is_told(mutants.SwallowsLosses) > 0.55


async def seconds_waited_after_a_release(leases: type[Leases]) -> float:
    """Release just after a contender was told that the session is held."""
    async with AsyncExitStack() as stack:
        store, backend = await opened(stack, leases=leases)
        grant = await store.leases.acquire("s", ttl=30, wait=0)
        contender = asyncio.create_task(store.leases.acquire("s", ttl=30, wait=0.4))
        while backend.sent["acquire"] < 2:
            await asyncio.sleep(0)
        assert await store.leases.release("s", grant.token)
        began = asyncio.get_running_loop().time()
        await contender
        return asyncio.get_running_loop().time() - began


async def test_a_release_is_heard_however_early() -> None:
    """Who listens before asking is woken; who listens afterwards waits to the end."""
    assert await seconds_waited_after_a_release(Leases) < 0.2
    assert await seconds_waited_after_a_release(mutants.ListensTooLate) > 0.3


def test_every_mutant_is_in_the_table_with_tests_that_exist() -> None:
    """At least fourteen; each names a class, and a test or the verification that catches it."""
    rows = ROW.findall((ROOT / "docs" / "verification.md").read_text("utf-8"))
    own = {*_classes(mutants), *_classes(network_mutants)} - {"BrokenScript", "AnyNonce"}
    written = {*own, *_classes(broken_backends), *_classes(broken_stores)}
    tests = set(_tests())
    found = {backend.__name__ for backend, _ in FOUND}
    found |= {mutant.__name__ for mutant, *_ in test_network_mutants.FOUND}
    assert len(rows) >= 14
    assert own <= {mutant for mutant, _ in rows}
    for mutant, caught in rows:
        named = re.findall(r"`(test_\w+)`", caught)
        assert mutant in written, mutant
        assert set(named) <= tests, f"{mutant}: {set(named) - tests} do not exist"
        assert named or "`holdfast verify`" in caught, mutant
        assert ("`holdfast verify`" in caught) == (mutant in found), mutant


def _classes(module: ModuleType) -> list[str]:
    return [
        name
        for name, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__ and not name.startswith("_")
    ]


def _tests() -> list[str]:
    return [
        node.name
        for folder in ("tests", "src/holdfast/testing")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]
