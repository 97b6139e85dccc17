"""Leases on Redis: a line across processes, woken by the release, that dead ones do not hold up."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Acquire, Delete, Deleted, Granted, Held, Release, Released, Renew
from holdfast.backends.redis import RedisBackend
from holdfast.testing.steps import HOUR, KEY, ask, create, expect
from tests.backends.redis.lines import (
    count_calls,
    line_up,
    processes,
    queue,
    release,
    stand,
)
from tests.redis_servers import RedisServer

Processes = list[RedisBackend]
LEASE = f"hf:{{0}}:l:{KEY}"
LINE = f"hf:{{0}}:q:{KEY}"


def looked_at(server: RedisServer) -> int:
    """Say how many fields of hashes were looked up, scripts included."""
    return int(server.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"])


@pytest.fixture
async def workers(redis_server: RedisServer) -> AsyncIterator[Processes]:
    """Give three processes, with a session that the first of them holds as `first`."""
    async with processes(redis_server, 3) as backends:
        await create(backends[0])
        await ask(backends[0], Acquire(KEY, "first", HOUR), Granted)
        yield backends


async def test_processes_are_served_in_the_order_in_which_they_came(workers: Processes) -> None:
    """Whoever releases and comes again stands behind all the others."""
    order: list[str] = []
    tasks: list[asyncio.Task[Granted]] = []
    for turn in range(9):
        task = await line_up(workers[turn % 3], f"t{turn}")
        task.add_done_callback(lambda _, name=f"t{turn}": order.append(name))  # type: ignore[misc]
        tasks.append(task)
    await release(workers[0], "first")
    for turn, task in enumerate(tasks):
        await task
        await release(workers[turn % 3], f"t{turn}")
    assert order == [f"t{turn}" for turn in range(9)]


async def test_a_release_wakes_the_next_process_at_once(workers: Processes) -> None:
    """Long before it would have asked again, and no other."""
    next_one = await line_up(workers[1], "next")
    other = await line_up(workers[2], "other")
    began = time.monotonic()
    await release(workers[0], "first")
    await next_one
    assert time.monotonic() - began < 0.5
    assert other.done() is False
    await release(workers[1], "next")
    await other


async def test_nobody_passes_those_in_line(workers: Processes) -> None:
    """Neither who would wait nor who would not, though nobody has the lease any more."""
    await stand(workers[1], "waiting")
    await release(workers[0], "first")
    held = await ask(workers[0], Acquire(KEY, "passing", HOUR), Held)
    assert 0 < held.remaining <= 2_500_000
    await stand(workers[0], "behind")
    await ask(workers[1], Acquire(KEY, "waiting", HOUR, waits=True), Granted)


async def test_a_thief_passes_the_line(workers: Processes) -> None:
    """And the line stands behind the thief."""
    waiting = await line_up(workers[1], "waiting")
    await ask(workers[2], Acquire(KEY, "thief", HOUR, steal=True), Granted)
    await expect(workers[0], Release(KEY, "first"), Released(False))
    await stand(workers[1], "waiting")
    await release(workers[2], "thief")
    await waiting


async def test_who_asks_without_waiting_leaves_the_line(workers: Processes) -> None:
    """The one behind it is the next."""
    await stand(workers[1], "leaving")
    await stand(workers[2], "staying")
    await ask(workers[1], Acquire(KEY, "leaving", HOUR), Held)
    await release(workers[0], "first")
    await ask(workers[2], Acquire(KEY, "staying", HOUR, waits=True), Granted)


async def test_who_leaves_passes_its_call_on(workers: Processes) -> None:
    """Woken and gone at the same moment: the next one is woken instead."""
    await stand(workers[1], "called")
    behind = await line_up(workers[2], "behind")
    await release(workers[0], "first")
    began = time.monotonic()
    await expect(workers[1], Release(KEY, "called"), Released(False))
    await behind
    assert time.monotonic() - began < 0.5


async def test_who_left_behind_the_first_costs_nobody_anything(
    workers: Processes, redis_server: RedisServer
) -> None:
    """Those who come, give up and leave take their places along."""
    await stand(workers[1], "head")
    for number in range(200):
        await stand(workers[2], f"pair {number}")
        await stand(workers[2], f"leaving {number}")
        await ask(workers[2], Release(KEY, f"pair {number}"), Released)
        await ask(workers[2], Acquire(KEY, f"leaving {number}", HOUR), Held)
    assert looked_at(redis_server) > 0
    redis_server.ask("CONFIG", "RESETSTAT")
    await ask(workers[1], Release(KEY, "head"), Released)
    await stand(workers[2], "new")
    await release(workers[0], "first")
    await ask(workers[2], Acquire(KEY, "new", HOUR, waits=True), Granted)
    assert looked_at(redis_server) < 20


async def test_many_who_left_are_passed_in_steps(
    workers: Processes, redis_server: RedisServer
) -> None:
    """No call walks for long, and whoever is behind them is served soon."""
    await stand(workers[1], "head")
    tokens = [f"leaving {number}" for number in range(2_500)]
    await asyncio.gather(*(stand(workers[2], token) for token in tokens))
    behind = await line_up(workers[2], "behind")
    await asyncio.gather(*(ask(workers[2], Release(KEY, token), Released) for token in tokens))
    redis_server.ask("CONFIG", "RESETSTAT")
    await ask(workers[1], Release(KEY, "head"), Released)
    assert 1_000 <= looked_at(redis_server) < 1_010
    await release(workers[0], "first")
    assert looked_at(redis_server) < 2_020
    assert (await behind).remaining == HOUR


async def test_a_lease_that_ends_by_itself_is_waited_for_exactly(workers: Processes) -> None:
    """The first in line comes when its time is over, not a beat later."""
    await ask(workers[0], Acquire(KEY, "first", 400_000), Granted)
    began = time.monotonic()
    await (await line_up(workers[1], "next"))
    assert 0.35 < time.monotonic() - began < 0.8


async def test_one_in_line_asks_again_within_the_beat(workers: Processes) -> None:
    """Who is told so is also told how long the lease itself lasts."""
    held = await stand(workers[1], "waiting")
    assert held.beat == 1_250_000
    assert HOUR - 60_000_000 < held.remaining <= HOUR


@pytest.mark.slow
async def test_a_dead_one_at_the_head_is_passed_over(workers: Processes) -> None:
    """It was woken in vain; after three seconds at most the next has the lease."""
    await stand(workers[1], "dead")
    next_one = await line_up(workers[2], "next")
    began = time.monotonic()
    await release(workers[0], "first")
    await next_one
    assert 1 < time.monotonic() - began < 3


async def test_a_lost_wake_up_costs_a_beat(workers: Processes, redis_server: RedisServer) -> None:
    """Here the lease ends without anybody being told."""
    waiting = await line_up(workers[1], "waiting")
    began = time.monotonic()
    redis_server.ask("DEL", LEASE)
    await waiting
    assert time.monotonic() - began < 1.5


async def test_a_lost_connection_loses_no_wake_up(
    workers: Processes, redis_server: RedisServer
) -> None:
    """Who waits asks again as soon as there is another one."""
    waiting = [await line_up(workers[1], "second"), await line_up(workers[2], "third")]
    began = time.monotonic()
    redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    redis_server.ask("DEL", LEASE)
    await waiting[0]
    await release(workers[1], "second")
    await waiting[1]
    assert time.monotonic() - began < 1


async def test_waiting_costs_no_more_than_a_command_a_second(redis_server: RedisServer) -> None:
    """However many wait in a process, one of them asks."""
    async with processes(redis_server, 8) as backends:
        await create(backends[0])
        await ask(backends[0], Acquire(KEY, "holder", HOUR), Granted)
        waiting = [
            await line_up(backend, f"w{place}") for place, backend in enumerate(backends[1:])
        ]
        before = count_calls(redis_server, "evalsha")
        await asyncio.sleep(1.9)
        asked = count_calls(redis_server, "evalsha") - before
        assert 0 < asked <= len(waiting) * 2
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_waiting_leaves_nothing(workers: Processes, redis_server: RedisServer) -> None:
    """The line is gone when the last one has left it."""
    for turn in range(3):
        await stand(workers[1], f"t{turn}")
    await release(workers[0], "first")
    for turn in range(3):
        await ask(workers[1], Acquire(KEY, f"t{turn}", HOUR, waits=True), Granted)
        await release(workers[1], f"t{turn}")
    assert redis_server.ask("EXISTS", LINE) == 0
    await stand_and_die(workers)
    assert 0 < redis_server.ask("PTTL", LINE) <= 10_000


async def stand_and_die(workers: Processes) -> None:
    """Wait for a lease, and never come back."""
    await ask(workers[0], Acquire(KEY, "first", HOUR), Granted)
    await stand(workers[1], "dead")


async def test_those_in_line_of_an_ended_session_find_it_absent(workers: Processes) -> None:
    """Lease and line end with the session; one of the same name has neither."""
    await stand(workers[1], "waiting")
    await ask(workers[0], Delete(KEY), Deleted)
    with pytest.raises(AssertionError, match="Absent"):
        await stand(workers[1], "waiting")
    await create(workers[0])
    await ask(workers[2], Acquire(KEY, "other", HOUR), Granted)


class TestClocks:
    """The server's clock is the only one, and it may be set."""

    async def test_a_lease_from_before_the_clock_was_set_back_is_over(
        self, workers: Processes, redis_server: RedisServer
    ) -> None:
        """Its end is further off than it can be."""
        fence = stored_fence(redis_server)
        until = time.time_ns() // 1000 + HOUR + 60_000_000
        store_lease(redis_server, until=until, ttl=HOUR, fence=fence)
        await expect(workers[0], Release(KEY, "first"), Released(False))
        store_lease(redis_server, until=until, ttl=HOUR, fence=fence)
        granted = await ask(workers[1], Acquire(KEY, "second", HOUR), Granted)
        assert granted.fence > fence

    async def test_a_fence_grows_though_the_clock_was_set_back(
        self, workers: Processes, redis_server: RedisServer
    ) -> None:
        """By one, from where it was."""
        ahead = time.time_ns() // 1000 + HOUR
        store_lease(redis_server, until=0, ttl=0, fence=ahead)
        assert (await ask(workers[1], Acquire(KEY, "second", HOUR), Granted)).fence == ahead + 1
        renewed = await ask(workers[1], Renew(KEY, "second", HOUR), Granted)
        assert renewed.fence == ahead + 1
        await release(workers[1], "second")
        assert (await ask(workers[1], Acquire(KEY, "third", HOUR), Granted)).fence == ahead + 2

    async def test_those_in_line_stay_though_the_clock_was_set_back(
        self, workers: Processes, redis_server: RedisServer
    ) -> None:
        """They are passed over, and stand in line again when they next ask."""
        waiting = await line_up(workers[1], "waiting")
        place = redis_server.ask("HGET", LINE, "@waiting")
        later = struct.pack("<q", time.time_ns() // 1000 + HOUR)
        entry = redis_server.ask("HGET", LINE, b"#" + place)
        redis_server.ask("HSET", LINE, b"#" + place, later + entry[8:])
        await release(workers[0], "first")
        await ask(workers[2], Acquire(KEY, "passing", HOUR), Granted)
        await stand(workers[1], "waiting")
        await release(workers[2], "passing")
        await waiting


def stored_fence(server: RedisServer) -> int:
    """Look up the fence of the lease as it is stored."""
    return int(struct.unpack_from("<3q", server.ask("GET", LEASE))[2])


def store_lease(server: RedisServer, *, until: int, ttl: int, fence: int) -> None:
    """Put a lease of `first` in place."""
    server.ask("SET", LEASE, struct.pack("<3q", until, ttl, fence) + b"first")


async def test_the_same_session_is_handed_over_in_milliseconds(workers: Processes) -> None:
    """Twenty times, between two processes that wait for each other."""
    took: list[float] = []
    holder = "first"
    for turn in range(20):
        waiting = await line_up(workers[(turn + 1) % 2], f"t{turn}")
        began = time.perf_counter()
        await release(workers[turn % 2], holder)
        await waiting
        took.append(time.perf_counter() - began)
        holder = f"t{turn}"
    assert sorted(took)[10] < 0.05


async def test_a_free_lease_is_had_at_once(workers: Processes) -> None:
    """By whoever asks first, in line or not."""
    await release(workers[0], "first")
    assert (await queue(workers[2], "alone")).fence > 0
