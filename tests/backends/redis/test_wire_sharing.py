"""Many callers on one connection: each gets the answer to its own question, in its turn."""

import asyncio
import random

import pytest

from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.single import Single
from holdfast.errors import StoreUnavailable
from tests.backends.redis.wires import ask, echo, location_of, simple
from tests.redis_servers import RedisServer

CACHING = encode(b"CLIENT", b"CACHING", b"YES")


async def test_each_of_500_callers_gets_its_own_answers(redis_server: RedisServer) -> None:
    """In the order of asking, over one connection."""
    finished: list[int] = []

    async def call(link: Single, number: int) -> None:
        for turn in range(5):
            text = b"%d/%d" % (number, turn)
            assert await ask(link, echo(text)) == [text]
            assert await link.send(0, simple(b"ECHO", text)) == text
        finished.append(number)

    async with Single(location_of(redis_server)) as link:
        await asyncio.gather(*(call(link, number) for number in range(500)))
        statistics = link.statistics()
    assert finished == list(range(500))
    assert statistics["connects"] == 1
    assert statistics["crossed_replies"] == statistics["in_flight"] == 0


async def test_commands_are_applied_in_the_order_of_sending(redis_server: RedisServer) -> None:
    """Whatever the batches are that they are written in."""
    async with Single(location_of(redis_server)) as link:
        sent = [link.send(0, simple(b"RPUSH", b"list", b"%d" % n)) for n in range(1000)]
        assert await asyncio.gather(*sent) == list(range(1, 1001))
        kept = await link.send(0, simple(b"LRANGE", b"list", b"0", b"-1"))
    assert kept == [b"%d" % n for n in range(1000)]


@pytest.mark.parametrize("seed", range(2))
async def test_a_cancelled_caller_leaves_its_answer_to_nobody(
    redis_server: RedisServer, seed: int
) -> None:
    """10,000 calls, 60 % of them cancelled at random moments: the others get what they asked."""
    chance = random.Random(seed)
    answered = 0

    async def call(link: Single, number: int) -> None:
        nonlocal answered
        text = b"text %d" % number
        if chance.random() < 0.5:
            assert await ask(link, echo(text)) == [text]
        else:
            assert await link.send(0, simple(b"ECHO", text)) == text
        answered += 1

    async def play(link: Single, numbers: range) -> None:
        for number in numbers:
            task = asyncio.create_task(call(link, number))
            if chance.random() < 0.6:
                for _ in range(chance.randrange(6)):
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled() or task.exception() is None, task.exception()

    async with Single(location_of(redis_server)) as link:
        await ask(link, echo(b"load the script"))
        await asyncio.gather(*(play(link, range(n, 10_000, 100)) for n in range(100)))
        await ask(link, echo(b"the last"))
        statistics = link.statistics()
    assert 4_000 <= answered <= 9_000
    assert statistics["crossed_replies"] == statistics["in_flight"] == statistics["lost"] == 0
    assert statistics["connects"] == 1


async def test_a_call_cancelled_before_it_is_written_is_withdrawn(
    redis_server: RedisServer,
) -> None:
    """With what would have gone before it; one cancelled afterwards is carried out."""
    async with Single(location_of(redis_server)) as link:
        before = link.send(0, simple(b"ECHO", b"before"))
        withdrawn = link.send(0, Command(encode(b"INCR", b"n"), prelude=CACHING, preludes=1))
        withdrawn.cancel()
        assert await link.send(0, simple(b"GET", b"n")) is None
        assert await before == b"before"
        sent = link.send(0, simple(b"INCR", b"n"))
        await asyncio.sleep(0)
        sent.cancel()
        assert await link.send(0, simple(b"GET", b"n")) == b"1"
        assert link.statistics()["in_flight"] == 0


async def test_nobody_sees_the_answer_to_what_goes_before_a_command(
    redis_server: RedisServer,
) -> None:
    """Also when its caller has gone, and when it is refused: then so is the command."""
    unknown = encode(b"NO", b"SUCH", b"COMMAND")
    async with Single(location_of(redis_server)) as link:
        await link.send(0, simple(b"SET", b"key", b"value"))
        reading = Command(encode(b"GET", b"key"), prelude=CACHING * 2, preludes=2)
        gone = link.send(0, reading)
        await asyncio.sleep(0)
        gone.cancel()
        assert await link.send(0, reading) == b"value"
        with pytest.raises(Refused, match="unknown command"):
            await link.send(0, Command(encode(b"GET", b"key"), prelude=unknown, preludes=1))
        assert await link.send(0, reading) == b"value"


async def test_large_requests_and_answers_pass_whole(redis_server: RedisServer) -> None:
    """Beside small ones."""
    text = random.Random(0).randbytes(8 * 1024 * 1024)
    async with Single(location_of(redis_server)) as link:
        large = link.send(0, simple(b"ECHO", text))
        small = link.send(0, simple(b"ECHO", b"small"))
        assert await large == text
        assert await small == b"small"


async def test_more_commands_than_may_be_under_way_are_turned_away(own_redis: RedisServer) -> None:
    """At once, and surely not applied; the others are answered when the server can."""
    async with Single(location_of(own_redis, most_commands=100, ping_interval=30.0)) as link:
        own_redis.freeze()
        sent: list[asyncio.Future[int]] = []
        with pytest.raises(StoreUnavailable, match="Too many") as refused:
            sent.extend(link.send(0, simple(b"INCR", b"n")) for _ in range(200))
        own_redis.thaw()
        assert refused.value.outcome == "not_applied"
        assert 100 <= len(sent) <= 116
        assert await asyncio.gather(*sent) == list(range(1, len(sent) + 1))
        assert await link.send(0, simple(b"GET", b"n")) == b"%d" % len(sent)
        assert link.statistics()["turned_away"] == 1


async def test_larger_commands_than_may_be_under_way_are_turned_away(
    own_redis: RedisServer,
) -> None:
    """What could not be written yet is withdrawn when its caller goes."""
    value = bytes(256 * 1024)
    async with Single(location_of(own_redis, most_bytes=2**25, ping_interval=30.0)) as link:
        own_redis.freeze()
        sent: list[asyncio.Future[int]] = []
        with pytest.raises(StoreUnavailable, match="Too many"):  # noqa: PT012
            for _ in range(200):
                sent.append(link.send(0, simple(b"RPUSH", b"list", value)))
                await asyncio.sleep(0)
        for future in sent[-20:]:
            future.cancel()
        own_redis.thaw()
        await asyncio.gather(*sent[:-20])
        assert await link.send(0, simple(b"LLEN", b"list")) == len(sent) - 20
    assert 120 <= len(sent) <= 144


async def test_what_is_answered_makes_room(redis_server: RedisServer) -> None:
    """So do commands that are withdrawn, refused, or answered by a push."""
    channel, filling = b"c" * 1000, bytes(1000)
    subscribing = Command(encode(b"SSUBSCRIBE", channel), subscribes=True)
    async with Single(location_of(redis_server, most_bytes=10_000, most_commands=10)) as link:
        for _ in range(20):
            await link.send(0, simple(b"ECHO", filling))
            await link.send(0, subscribing)
            beside = link.send(0, simple(b"ECHO", b"beside"))
            link.send(0, simple(b"ECHO", filling)).cancel()
            await beside
            with pytest.raises(Refused):
                await link.send(0, simple(b"NONSENSE", filling))
        assert link.statistics()["turned_away"] == 0


class Heard:
    """Writes down what a link tells unasked."""

    def __init__(self) -> None:
        self.pushes: list[list[object]] = []
        self.events: list[str] = []

    def pushed(self, kind: bytes, message: list[object]) -> None:
        self.pushes.append(message)

    def connected(self) -> None:
        self.events.append("connected")

    def lost(self) -> None:
        self.events.append("lost")

    def moved(self) -> None:
        self.events.append("moved")


async def test_what_was_read_with_tracking_is_announced_in_order(redis_server: RedisServer) -> None:
    """Also when it was changed over the same connection; what was read without it is not."""
    heard = Heard()
    async with Single(location_of(redis_server), hearing=heard) as link:
        tracked = Command(encode(b"GET", b"tracked"), prelude=CACHING, preludes=1)
        await asyncio.gather(link.send(0, tracked), link.send(0, simple(b"GET", b"plain")))
        assert not heard.pushes
        for name in (b"plain", b"tracked"):
            await link.send(0, simple(b"SET", name, b"1"))
        await link.send(0, simple(b"GET", b"plain"))
        assert heard.pushes == [[b"invalidate", [b"tracked"]]]
    assert heard.events == ["connected", "lost"]


async def test_a_subscription_is_answered_in_its_turn(redis_server: RedisServer) -> None:
    """Though the server pushes the answer; messages are told, and answer nobody."""
    heard = Heard()
    async with Single(location_of(redis_server), hearing=heard) as link:
        futures = [
            link.send(0, simple(b"ECHO", b"before")),
            link.send(0, Command(encode(b"SSUBSCRIBE", b"channel"), subscribes=True)),
            link.send(0, simple(b"SPUBLISH", b"channel", b"message")),
            link.send(0, Command(encode(b"SUNSUBSCRIBE", b"channel"), subscribes=True)),
            link.send(0, Command(encode(b"SSUBSCRIBE"), subscribes=True)),
            link.send(0, simple(b"ECHO", b"after")),
        ]
        answers = await asyncio.gather(*futures, return_exceptions=True)
    assert answers[:4] == [
        b"before",
        [b"ssubscribe", b"channel", 1],
        1,
        [b"sunsubscribe", b"channel", 0],
    ]
    assert isinstance(answers[4], Refused)
    assert answers[5] == b"after"
    assert [push[0] for push in heard.pushes] == [b"ssubscribe", b"smessage", b"sunsubscribe"]
