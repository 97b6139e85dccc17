"""What callers see when answers are broken, foreign or missing, and how a connection heals."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest

from holdfast.backends.redis.link import Command, Link
from holdfast.backends.redis.location import Address, Settings
from holdfast.backends.redis.node import Node
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.single import Single
from holdfast.errors import StoreUnavailable
from tests.backends.redis.wires import (
    Between,
    ask,
    between,
    echo,
    location_of,
    simple,
)
from tests.redis_servers import HOST, RedisServer


@asynccontextmanager
async def through_proxy(server: RedisServer) -> AsyncIterator[tuple[Single, Between]]:
    async with between(server) as proxy, Single(location_of(proxy.port)) as link:
        await ask(link, echo(b"load the script"))
        yield link, proxy


def once(proxy: Between, change: Callable[[bytes], bytes]) -> None:
    """Change the next chunk of answers, and no other."""

    def change_once(data: bytes) -> bytes:
        proxy.change = bytes
        return change(data)

    proxy.change = change_once


async def outcome_of(future: "asyncio.Future[object]") -> object:
    try:
        return await future
    except StoreUnavailable as exc:
        return exc.outcome


async def test_a_foreign_answer_is_never_given(redis_server: RedisServer) -> None:
    """It is told by its nonce: all callers hear that nothing is known, on whatever connection."""
    async with through_proxy(redis_server) as (link, proxy):
        foreign = b"*2\r\n$8\r\n00000000\r\n$6\r\nforeign\r\n".replace(b"$6", b"$7")
        for round_number in range(1, 11):
            once(proxy, lambda data: foreign + data)
            futures = [link.send(0, echo(b"%d" % n)) for n in range(20)]
            assert {await outcome_of(future) for future in futures} == {"unknown"}
            assert await ask(link, echo(b"again")) == [b"again"]
            statistics = link.statistics()
            assert statistics["crossed_replies"] == statistics["lost"] == round_number


async def test_one_answer_too_few_is_noticed(redis_server: RedisServer) -> None:
    """The answer that comes in place of the swallowed one has another nonce."""
    async with through_proxy(redis_server) as (link, proxy):
        one = len(b"*2\r\n$8\r\n00000000\r\n$1\r\nx\r\n")
        once(proxy, lambda data: data[one:])
        futures = [link.send(0, echo(b"x")) for _ in range(10)]
        assert {await outcome_of(future) for future in futures} == {"unknown"}
        assert link.statistics()["crossed_replies"] == 1


async def test_an_answer_that_nobody_asked_for_ends_the_connection(
    redis_server: RedisServer,
) -> None:
    """It is no answer to the next question."""
    async with through_proxy(redis_server) as (link, proxy):
        once(proxy, lambda data: data + b"+surplus\r\n")
        assert await link.send(0, simple(b"ECHO", b"asked")) == b"asked"
        assert await link.send(0, simple(b"ECHO", b"next")) == b"next"
        assert link.statistics()["crossed_replies"] == 1
        assert link.statistics()["connects"] == 2


@pytest.mark.parametrize(
    "garbage", [b"\x00", b"HTTP/1.1 400\r\n", b"$-7\r\n", b"*1\r\n?\r\n", b":x\r\n"]
)
async def test_garbage_is_no_answer(redis_server: RedisServer, garbage: bytes) -> None:
    """The connection is given up, and another one serves."""
    async with through_proxy(redis_server) as (link, proxy):
        once(proxy, lambda data: garbage + data)
        futures = [link.send(0, simple(b"ECHO", b"x")) for _ in range(5)]
        assert {await outcome_of(future) for future in futures} == {"unknown"}
        assert await link.send(0, simple(b"ECHO", b"again")) == b"again"
        assert link.statistics()["lost"] == 1


async def test_half_an_answer_is_none(redis_server: RedisServer) -> None:
    """Cut after any byte, the calls that were answered whole have their answers."""
    whole = b"".join(b"$2\r\n%02d\r\n" % n for n in range(3))
    async with through_proxy(redis_server) as (link, proxy):
        for kept in range(len(whole)):
            proxy.change = cut_after(proxy, kept)
            futures = [link.send(0, simple(b"ECHO", b"%02d" % n)) for n in range(3)]
            answers = [await outcome_of(future) for future in futures]
            whole_ones = kept // 8
            assert answers == [b"00", b"01", b"02"][:whole_ones] + ["unknown"] * (3 - whole_ones)
            proxy.change, proxy.cuts = bytes, False
            assert await link.send(0, simple(b"ECHO", b"again")) == b"again"
        assert link.statistics()["lost"] == len(whole)


def cut_after(proxy: Between, count: int) -> Callable[[bytes], bytes]:
    """Let so many bytes of answers through, however many chunks they come in."""
    left = count

    def change(data: bytes) -> bytes:
        nonlocal left
        given = data[:left]
        left -= len(given)
        proxy.cuts = left == 0
        return given

    return change


async def test_an_error_in_no_known_encoding_is_an_error(redis_server: RedisServer) -> None:
    """And nothing else on the connection suffers from it."""
    async with through_proxy(redis_server) as (link, proxy):
        proxy.change = lambda data: data.replace(b"ERR", b"E\xff\xfe")
        refused, answered = await asyncio.gather(
            link.send(0, simple(b"NONSENSE")),
            link.send(0, simple(b"ECHO", b"x")),
            return_exceptions=True,
        )
        assert isinstance(refused, Exception)
        assert answered == b"x"


async def test_a_cut_connection_is_whole_again_for_the_next_call(
    redis_server: RedisServer,
) -> None:
    """No call after the cut fails: the first attempt to connect is waited for."""
    async with through_proxy(redis_server) as (link, _):
        for _ in range(20):
            redis_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            future = link.send(0, simple(b"ECHO", b"may be lost"))
            assert await outcome_of(future) in {"unknown", b"may be lost"}
            assert await link.send(0, simple(b"ECHO", b"served")) == b"served"
        assert link.statistics()["connects"] == 21


async def test_a_killed_server_is_found_again(own_redis: RedisServer) -> None:
    """While it is down every call is refused at once, not applied."""
    async with Single(location_of(own_redis)) as link:
        assert await ask(link, echo(b"before")) == [b"before"]
        own_redis.kill()
        while link.last_heard(0):
            await asyncio.sleep(0)
        await outcome_of(asyncio.ensure_future(ask(link, echo(b"x"))))
        for _ in range(50):
            with pytest.raises(StoreUnavailable, match="Connection refused") as unavailable:
                link.send(0, echo(b"x"))
            assert unavailable.value.outcome == "not_applied"
            await asyncio.sleep(0.002)
        await asyncio.to_thread(own_redis.start)
        assert await served_again(link) < 2.0
        assert link.statistics()["connects"] == 2


async def served_again(link: Link) -> float:
    """Ask until there is an answer, and say how long it took."""
    began = time.monotonic()
    while True:
        try:
            await ask(link, echo(b"x"))
        except StoreUnavailable:
            await asyncio.sleep(0.005)
        else:
            return time.monotonic() - began


async def test_a_connection_that_ends_as_it_begins_is_none(redis_server: RedisServer) -> None:
    """Nobody waits for it longer than for one attempt, neither who opens nor who calls."""
    surplus = b"+surplus\r\n"
    async with through_proxy(redis_server) as (link, proxy):
        proxy.change = lambda data: data + surplus if b"proto" in data else data
        with pytest.raises(StoreUnavailable):
            async with Single(location_of(proxy.port)):
                pass
        redis_server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        while link.last_heard(0):
            await asyncio.sleep(0)
        for _ in range(20):
            with pytest.raises(StoreUnavailable) as unavailable:
                async with asyncio.timeout(2.0):
                    await link.send(0, simple(b"PING"))
            assert unavailable.value.outcome == "not_applied"
        proxy.change = bytes
        assert await served_again(link) < 2.0


async def test_attempts_to_connect_keep_a_distance(redis_server: RedisServer) -> None:
    """Also to a server that answers once and then drops, though each of them is made at once."""

    def drop(data: bytes) -> bytes:
        proxy.cuts = b"proto" not in data
        return data

    async with through_proxy(redis_server) as (link, proxy):
        proxy.change = drop
        before, ends = len(proxy.accepted), time.monotonic() + 0.5
        while time.monotonic() < ends:
            assert await link.send(0, simple(b"ECHO", b"x")) == b"x"
            while link.last_heard(0):
                await asyncio.sleep(0)
        assert 5 <= len(proxy.accepted) - before <= 52


@pytest.mark.parametrize("greets", [False, True])
async def test_attempts_to_connect_get_rarer(redis_server: RedisServer, greets: bool) -> None:
    """A server that drops connections, before or after it greets, is not asked in a tight loop.

    Commands wait for no attempt but the first.
    """

    def drop(data: bytes) -> bytes:
        greeting = greets and b"proto" in data
        proxy.cuts = not greeting
        return data if greeting else b""

    waited = 0
    async with between(redis_server) as proxy:
        node = Node(Address(HOST, proxy.port), Settings(), jitter=lambda: 1.0)
        await node.open()
        assert await node.send(simple(b"PING")) == b"PONG"
        proxy.change = drop
        while len(proxy.accepted) < 7:
            connected = node.connected
            with suppress(StoreUnavailable):
                future = node.send(simple(b"PING"))
                waited += not connected
                await future
            await asyncio.sleep(0.001)
        await node.close()
    times = proxy.accepted[1:]
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap > 0.018 * 2**turn for turn, gap in enumerate(gaps)), gaps
    assert waited <= 1


async def test_a_frozen_server_is_given_up(own_redis: RedisServer) -> None:
    """After three intervals of silence, and not before; what was sent may have been applied."""
    async with Single(location_of(own_redis, ping_interval=0.1, connect_timeout=0.2)) as link:
        await ask(link, echo(b"before"))
        own_redis.freeze()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"silent for 0\.3 s") as unavailable:
            await link.send(0, simple(b"INCR", b"n"))
        assert unavailable.value.outcome == "unknown"
        assert 0.2 < time.monotonic() - began < 2.0
        assert link.last_heard(0) == 0
        own_redis.thaw()
        assert await served_again(link) < 2.0
        assert link.last_heard(0) > began


async def test_a_call_waits_for_a_slow_attempt_to_connect_but_not_for_long(
    own_redis: RedisServer,
) -> None:
    """The attempt goes on without it, and succeeds when the server greets at last."""
    async with Single(location_of(own_redis, ping_interval=0.2, patience=0.3)) as link:
        await ask(link, echo(b"before"))
        own_redis.freeze()
        while link.last_heard(0):
            await asyncio.sleep(0.005)
        patient = link.send(0, simple(b"ECHO", b"x"))
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="not reached yet") as unavailable:
            await patient
        assert unavailable.value.outcome == "not_applied"
        assert 0.2 < time.monotonic() - began < 2.0
        with pytest.raises(StoreUnavailable, match="not reached yet"):
            link.send(0, simple(b"ECHO", b"x"))
        own_redis.thaw()
        assert await served_again(link) < 2.0
        assert link.statistics()["connects"] == 2


async def test_an_idle_connection_is_watched(own_redis: RedisServer) -> None:
    """By pings that a well server answers, so that silence is noticed without a call."""
    async with Single(location_of(own_redis, ping_interval=0.1)) as link:
        began = link.last_heard(0)
        while link.statistics()["pings"] < 3:
            await asyncio.sleep(0.02)
        assert link.last_heard(0) > began
        assert link.statistics()["lost"] == 0
        own_redis.freeze()
        while not link.statistics()["lost"]:
            await asyncio.sleep(0.01)
        own_redis.thaw()


async def test_a_busy_program_does_not_take_its_own_silence_for_the_servers(
    redis_server: RedisServer,
) -> None:
    """A loop that stood still for many intervals keeps its connection."""
    async with Single(location_of(redis_server, ping_interval=0.1)) as link:
        for _ in range(3):
            time.sleep(0.4)
            await asyncio.sleep(0.005)
        assert await link.send(0, simple(b"ECHO", b"x")) == b"x"
        assert link.statistics()["lost"] == 0


async def test_a_server_without_a_free_connection_is_unavailable(own_redis: RedisServer) -> None:
    """Now, not for ever: it serves as soon as it takes connections again."""
    async with Single(location_of(own_redis)) as link:
        own_redis.ask("CONFIG", "SET", "maxclients", "1")
        with pytest.raises(StoreUnavailable, match=r"no connection left|was lost"):
            async with Single(location_of(own_redis)):
                pass
        await link.send(0, simple(b"CONFIG", b"SET", b"maxclients", b"2"))
        async with Single(location_of(own_redis)) as other:
            assert await ask(other, echo(b"text")) == [b"text"]


async def test_a_call_in_flight_is_answered_before_the_link_is_closed(
    redis_server: RedisServer,
) -> None:
    """One that the server does not answer in time fails."""
    async with Single(location_of(redis_server)) as link:
        answered = link.send(0, simple(b"ECHO", b"x"))
    assert answered.result() == b"x"
    began = time.monotonic()
    async with Single(location_of(redis_server)) as link:
        blocked = link.send(0, Command(encode(b"BLPOP", b"nothing", b"30")))
    assert await outcome_of(blocked) == "unknown"
    assert 0.3 < time.monotonic() - began < 3.0
