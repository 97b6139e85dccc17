"""Scripts that leave out a step are caught by the tests of the contract."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from inspect import isawaitable, signature
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import redis

from holdfast.backends.redis import RedisBackend, parse, scripts
from holdfast.errors import HoldfastError
from holdfast.testing import BackendConformance
from tests.backends.redis import test_redis_backlog as backlog
from tests.backends.redis import test_redis_changes as changes
from tests.backends.redis import test_redis_damage as damage
from tests.backends.redis import test_redis_index as index
from tests.redis_servers import RedisServer

Test = Callable[..., Awaitable[None] | None]


class Mutant(NamedTuple):
    """A step of a script, what stands in its place, and the test that misses it."""

    script: str
    step: str
    instead: str
    caught_by: str


MUTANTS = {
    "any revision": Mutant(
        "apply", "expected ~= -1 and expected ~= revision", "false",
        "test_one_revision_is_followed_by_one_change",
    ),
    "any incarnation": Mutant(
        "apply", "    expected = -2\n", "", "test_a_change_keeps_its_conditions"
    ),
    "any lease": Mutant(
        "apply", "token_size < 65535 then\n  local", "false then\n  local",
        "test_refusals_come_in_the_documented_order",
    ),
    "flags taken twice": Mutant(
        "apply", "if value ~= 0 then", "if false then", "test_a_flag_is_raised_by_one_of_fifty"
    ),
    "no limit": Mutant(
        "apply", "sum > limit", "false", "test_a_limit_lets_exactly_its_number_pass"
    ),
    "no size": Mutant(
        "apply", "sets > 0 and size > most_bytes", "false",
        "test_refusals_come_in_the_documented_order",
    ),
    "changes not remembered": Mutant(
        "apply", "if remember == 1 then", "if false then",
        "test_a_change_sent_many_times_at_once_is_applied_once",
    ),
    "written before it is checked": Mutant(
        "apply", "-- Is anything against it?", "call('HSET', KEYS[1], 'early', 'x')",
        "test_a_refused_change_leaves_no_item",
    ),
    "a late change creates": Mutant(
        "touch", "  return {nonce, 0}\n", "  meta = ('\\0'):rep(90)\n",
        "test_an_unknown_session_is_absent",
    ),
    "leftovers of an ended session": Mutant(
        "create", "call('DEL',", "call('EXISTS',",
        "test_an_expired_id_can_be_created_anew",
    ),
    "an id given twice": Mutant(
        "create", "if #found > 0 then", "if false then", "test_a_session_is_created_once"
    ),
    "no native expiry": Mutant(
        "create", "call('PEXPIREAT', KEYS[1], due - 1)", "",
        "test_a_session_lives_until_its_deadline",
    ),
    "a deadline a second later": Mutant(
        "create", "KEYS[1], due - 1", "KEYS[1], due + 1000",
        "test_an_expired_session_is_absent_to_every_operation",
    ),
    "the count's deadline stays": Mutant(
        "touch", "    move(created, due, KEYS[1]:match('/(.*)$'))\n", "",
        "test_purging_is_bounded_and_takes_the_oldest_first",
    ),
    "the log's end stays": Mutant(
        "apply", "call('LTRIM', KEYS[4], -most_items, -1)", "",
        "test_the_oldest_items_make_room",
    ),
    "no room in a limit": Mutant(
        "take", "if after > now + window then", "if false then",
        "test_exactly_the_burst_of_a_hundred_at_once_passes",
    ),
    "changes known to nobody": Mutant(
        "apply", "local fresh = minted == 1", "local fresh = true",
        "test_a_change_sent_many_times_at_once_is_applied_once",
    ),
    "an expired session's end untold": Mutant(
        "create", "if earlier and leave(earlier, id) then", "if false then",
        "test_a_session_in_the_place_of_an_expired_one_is_told_after_its_end",
    ),
    "pages by creation alone": Mutant(
        "walk", "if created >= earliest", "if created > earliest",
        "test_sessions_of_one_moment_are_listed_by_id",
    ),
}  # fmt: skip
OF_REDIS = {
    "pages of a user by creation alone": Mutant(
        "page", "call('ZRANK', KEYS[1], id) + 1", "call('ZCOUNT', KEYS[1], '-inf', least)",
        "test_the_sessions_of_a_user_are_listed_by_creation_and_id",
    ),
    "forgotten changes are applied": Mutant(
        "apply", "known_revision < floor", "false",
        "test_a_change_from_before_what_is_remembered_is_forgotten",
    ),
    "older changes are not asked": Mutant(
        "apply", "if older >= 0 and not known[1] and not fresh then", "if false then",
        "test_what_a_caller_named_is_remembered_as_long_as_the_session_lives",
    ),
    "every change moves the deadline": Mutant(
        "apply", "math.min(1000, ttl / 1000000)", "0",
        "test_a_deadline_moves_a_thousandth_of_the_idle_time_at_least",
    ),
    "deletions are not remembered": Mutant(
        "delete", "call('HSET', KEYS[10]", "call('EXISTS', KEYS[10]",
        "test_a_deletion_sent_again_ends_no_session_that_came_since",
    ),
    "the deleted stay in the index": Mutant(
        "delete", "leave(created, id)\n", "\n", "test_a_deleted_session_leaves_nothing"
    ),
    "what has expired is collected twice": Mutant(
        "purge", "if not leave(created, id) then", "if not leave(created, id) and false then",
        "test_an_expired_session_leaves_nothing_once_it_is_collected",
    ),
}  # fmt: skip

OF_THE_INDEX = {
    "one moment in two leaves": Mutant(
        "entering", "while half > 1 and together(half) do", "while false do",
        "test_what_is_put_in_is_there",
    ),
    "leaves of any length of time": Mutant(
        "entering", "created - moment_of(start) >= SPAN", "false", "test_what_is_put_in_is_there"
    ),
    "a leaf keeps its first deadline": Mutant(
        "entering", "call('ZADD', deadlines, 'LT', due, start)",
        "call('ZADD', deadlines, 'NX', due, start)", "test_what_is_put_in_is_there",
    ),
    "the deadline of who left stays": Mutant(
        "leaving", "call('ZADD', deadlines, least, start)", "", "test_what_is_put_in_is_there"
    ),
    "who left is counted": Mutant(
        "leaving", "call('HINCRBY', leaves, '', -1)", "", "test_what_is_put_in_is_there"
    ),
    "who moves moves the others": Mutant(
        "leaving", "math.min(due, least or due)", "due", "test_what_is_put_in_is_there"
    ),
    "an empty index stays": Mutant(
        "leaving", "if call('HLEN', leaves) == 1 then", "if false then",
        "test_an_empty_index_leaves_no_keys",
    ),
    "who comes back leaves for the earlier": Mutant(
        "leaving", "if born == created and name == id then", "if name == id then",
        "test_an_id_that_came_back_is_another_entry",
    ),
    "any that are due": Mutant(
        "due", "if earlier >= limit then", "if #due >= limit then", "test_what_is_put_in_is_there"
    ),
    "the expired are counted": Mutant(
        "count", "sessions = sessions - 1", "", "test_what_is_put_in_is_there"
    ),
    "only the first of those that are due": Mutant(
        "leaves", "until #starts < size / 2", "until true",
        "test_a_creation_looks_at_so_many_leaves_and_no_more",
    ),
    "a creation looks at all that are due": Mutant(
        "create", "seek(id, now, 100)", "seek(id, now)",
        "test_a_creation_looks_at_so_many_leaves_and_no_more",
    ),
    "leftovers behind many that are due": Mutant(
        "create", "  call('DEL', KEYS[2]", "  call('EXISTS', KEYS[2]",
        "test_a_creation_looks_at_so_many_leaves_and_no_more",
    ),
    "the damaged stay in the index": Mutant(
        "delete", "leave(seek(id, math.huge) or 0, id)", "",
        "test_a_damaged_session_is_not_counted_once_it_is_deleted",
    ),
    "a name within another is found": Mutant(
        "leaving", "name == id and due <= till", "due <= till",
        "test_a_damaged_session_is_not_counted_once_it_is_deleted",
    ),
    "a lost end is not told of": Mutant(
        "purge", "call('SPUBLISH', bucket .. 'e:' .. namespace, 'l')", "",
        "test_the_end_of_a_session_whose_id_came_back_is_a_loss_to_who_watches",
    ),
    "a key of another kind stays": Mutant(
        "purge", "local other = kind or ", "local other = ",
        "test_others_are_collected_beside_a_key_of_another_kind",
    ),
    "too few in a stretch": Mutant(
        "walk", "(created > earliest and 1 or 0)", "1",
        "test_it_is_walked_in_the_order_of_creation",
    ),
    "stretches without an end": Mutant(
        "walk", "created * 1000 <= latest", "true", "test_it_is_walked_in_the_order_of_creation"
    ),
}  # fmt: skip


class Contract(BackendConformance):
    """The suite's tests, called by name."""

    __test__ = False
    second = 30_000


@pytest.fixture
def mutated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mutant], None]]:
    """Let scripts be read with a step of one of them changed."""

    def mutate(mutant: Mutant) -> None:
        def read(package: str) -> Any:
            return _Folder(files(package), mutant)

        monkeypatch.setattr(scripts, "files", read)
        scripts.script.cache_clear()

    yield mutate
    monkeypatch.undo()
    scripts.script.cache_clear()


class _Folder:
    def __init__(self, folder: Any, mutant: Mutant) -> None:
        self._folder = folder
        self._mutant = mutant

    def __truediv__(self, name: str) -> Any:
        there = self._folder / name
        if not name.endswith(".lua"):
            return _Folder(there, self._mutant)
        source = there.read_text()
        if name == f"{self._mutant.script}.lua":
            assert self._mutant.step in source, "the step to be changed is not there any more"
            source = source.replace(self._mutant.step, self._mutant.instead)
        return SimpleNamespace(read_text=lambda _: source)


async def advance(seconds: float) -> None:
    """Let at least so many seconds of the tests pass."""
    await asyncio.sleep(seconds * Contract.second / 1_000_000 + 0.002)


async def call(test: Test, **given: Any) -> None:
    """Call a test with what it asks for."""
    done = test(**{name: given[name] for name in signature(test).parameters})
    if isawaitable(done):
        await done


def of_redis(name: str) -> Test:
    """Find one of Redis's own tests."""
    classes = (
        changes.TestRemembering, changes.TestEnding, changes.TestMoving, changes.TestListing
    )  # fmt: skip
    found: list[Test] = [getattr(each(), name) for each in classes if hasattr(each, name)]
    return found[0]


def of_the_index(name: str) -> Test:
    """Find one of the tests of the index."""
    found: list[Test] = [
        getattr(each, name) for each in (index, backlog, damage) if hasattr(each, name)
    ]
    return found[0]


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
async def test_the_contract_misses_the_step(
    mutant: Mutant, mutated: Callable[[Mutant], None], redis_server: RedisServer
) -> None:
    mutated(mutant)
    async with RedisBackend(parse(redis_server.url())) as backend:
        with pytest.raises((AssertionError, HoldfastError)):
            await call(getattr(Contract(), mutant.caught_by), backend=backend, advance=advance)


@pytest.mark.parametrize("mutant", OF_REDIS.values(), ids=OF_REDIS)
async def test_the_tests_of_redis_miss_the_step(
    mutant: Mutant, mutated: Callable[[Mutant], None], redis_server: RedisServer
) -> None:
    mutated(mutant)
    async with RedisBackend(parse(redis_server.url())) as backend:
        with pytest.raises((AssertionError, HoldfastError)):
            await call(of_redis(mutant.caught_by), backend=backend, redis_server=redis_server)


@pytest.mark.parametrize("mutant", OF_THE_INDEX.values(), ids=OF_THE_INDEX)
async def test_the_tests_of_the_index_miss_the_step(
    mutant: Mutant, mutated: Callable[[Mutant], None], redis_server: RedisServer
) -> None:
    mutated(mutant)
    async with RedisBackend(parse(redis_server.url())) as backend:
        with pytest.raises((AssertionError, HoldfastError, redis.ResponseError)):
            await call(
                of_the_index(mutant.caught_by), backend=backend, redis_server=redis_server,
                seed=0, damage=b"",
            )  # fmt: skip
