"""Scripts that a server does not know are brought to it; callers see nothing of that."""

import asyncio

from holdfast.backends.redis.single import Single
from tests.backends.redis.wires import (
    ask,
    between,
    echo,
    location_of,
    simple,
)
from tests.redis_servers import RedisServer


async def test_scripts_are_brought_back_as_often_as_they_are_flushed(
    redis_server: RedisServer,
) -> None:
    """No caller sees it, and callers that miss a script together load it once."""
    flushed = 0

    async def flush(link: Single) -> None:
        nonlocal flushed
        while True:
            await link.send(0, simple(b"SCRIPT", b"FLUSH"))
            flushed += 1
            await asyncio.sleep(0.001)

    async def call(link: Single, number: int) -> None:
        for turn in range(50):
            text = b"%d %d" % (number, turn)
            assert await ask(link, echo(text)) == [text]

    async with Single(location_of(redis_server)) as link:
        await link.send(0, simple(b"SCRIPT", b"FLUSH"))
        await link.send(0, simple(b"CONFIG", b"RESETSTAT"))
        await asyncio.gather(*(ask(link, echo(b"x")) for _ in range(100)))
        assert redis_server.info("commandstats")["cmdstat_script|load"]["calls"] == 1
        flushing = asyncio.create_task(flush(link))
        await asyncio.gather(*(call(link, number) for number in range(50)))
        flushing.cancel()
        await asyncio.wait((flushing,))
        assert link.statistics()["crossed_replies"] == 0
    assert flushed > 5


async def test_whoever_leaves_while_a_script_is_loaded_leaves_it_to_the_others(
    redis_server: RedisServer,
) -> None:
    async with between(redis_server) as proxy, Single(location_of(proxy.port)) as link:
        redis_server.ask("SCRIPT", "FLUSH")
        first, second = (asyncio.create_task(ask(link, echo(text))) for text in (b"1", b"2"))

        def cancel_the_first(data: bytes) -> bytes:
            if data.startswith(b"$40\r\n"):
                first.cancel()
            return data

        proxy.change = cancel_the_first
        assert await second == [b"2"]
        assert first.cancelled()


async def test_a_script_flushed_between_load_and_call_goes_with_its_source(
    redis_server: RedisServer,
) -> None:
    """So that a call is repeated once, and not as often as somebody flushes."""
    async with between(redis_server) as proxy, Single(location_of(proxy.port)) as link:
        redis_server.ask("SCRIPT", "FLUSH")

        def flush_after_load(data: bytes) -> bytes:
            if data.startswith(b"$40\r\n"):
                redis_server.ask("SCRIPT", "FLUSH")
            return data

        proxy.change = flush_after_load
        assert await ask(link, echo(b"text")) == [b"text"]
