"""What becomes of each error that a server answers with, by the server's own errors."""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.refusals import TABLE, Reaction, refusal_of, unavailable
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.single import Single
from holdfast.errors import StoreUnavailable
from tests.backends.redis.wires import ask, echo, location_of, simple
from tests.redis_servers import RedisServer, free_port, running

READ = simple(b"GET", b"key")
WRITE = simple(b"SET", b"key", b"value")
ENDLESS = b"#!lua flags=no-writes\nwhile true do end"


def out_of_memory(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "1")


def no_disk(server: RedisServer) -> None:
    (server.folder / "dump.rdb").mkdir()
    server.ask("CONFIG", "SET", "save", "3600 1000000")
    server.ask("SET", "any", "thing")
    server.ask("BGSAVE")
    while server.info("persistence")["rdb_last_bgsave_status"] != "err":
        pass


def no_replicas(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "min-replicas-to-write", "1")


def demoted(server: RedisServer) -> None:
    server.ask("REPLICAOF", "127.0.0.1", free_port())


def lost_primary(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
    server.ask("REPLICAOF", "127.0.0.1", free_port())


def mended(server: RedisServer) -> None:
    server.ask("CONFIG", "SET", "maxmemory", "0")
    server.ask("CONFIG", "SET", "min-replicas-to-write", "0")
    server.ask("CONFIG", "SET", "save", "")
    server.ask("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("harm", "command", "reason"),
    [
        (out_of_memory, WRITE, "has no memory left"),
        (no_disk, WRITE, "cannot write to its disk"),
        (no_replicas, WRITE, "has too few replicas"),
        (demoted, WRITE, "is a replica"),
        (lost_primary, READ, "has lost its primary"),
    ],
)
async def test_a_server_that_is_ill_is_unavailable(
    own_redis: RedisServer, harm: Callable[[RedisServer], None], command: Command, reason: str
) -> None:
    """Nothing was applied; as soon as it is mended it serves."""
    async with Single(location_of(own_redis)) as link:
        await asyncio.to_thread(harm, own_redis)
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match=reason) as refused:
                await ask(link, command)
            assert refused.value.outcome == "not_applied"
            while not link.last_heard(0):
                await asyncio.sleep(0)
        await asyncio.to_thread(mended, own_redis)
        assert await ask(link, READ) is None
        await ask(link, WRITE)
        lost = link.statistics()["lost"]
        assert lost == (1 if harm in {demoted, lost_primary} else 0)


async def test_refused_writes_do_not_cost_others_their_answers(own_redis: RedisServer) -> None:
    """What cannot write is left for what the name may stand for now, but only now and then."""
    async with Single(location_of(own_redis)) as link:
        await ask(link, WRITE)
        await asyncio.to_thread(demoted, own_redis)
        with pytest.raises(StoreUnavailable, match="is a replica"):
            await ask(link, WRITE)
        while not link.last_heard(0):
            await asyncio.sleep(0)
        for _ in range(50):
            asked = ask(link, READ), ask(link, WRITE)
            answers: Sequence[object] = await asyncio.gather(*asked, return_exceptions=True)
            assert answers[0] == b"value"
            assert isinstance(answers[1], StoreUnavailable)
        assert link.statistics()["lost"] == 1


async def test_an_error_does_not_repeat_what_was_sent(redis_server: RedisServer) -> None:
    """A session may be named in it, or a password."""
    async with Single(location_of(redis_server)) as link:
        with pytest.raises(Refused, match=r"^ERR unknown command 'NONSENSE'$"):
            await ask(link, simple(b"NONSENSE", b"hf:{0}:s:n/secret"))
    assert str(Refused("ERR unknown command `HELLO`, args: `3` `secret`")).endswith("`HELLO`")


async def test_a_server_without_memory_lets_reads_go_on(own_redis: RedisServer) -> None:
    """A store can be opened on it too."""
    async with Single(location_of(own_redis)) as link:
        await ask(link, WRITE)
        await ask(link, echo(b"loaded"))
        out_of_memory(own_redis)
        assert await ask(link, READ) == b"value"
        async with Single(location_of(own_redis)) as other:
            assert await ask(other, READ) == b"value"


async def test_a_server_in_a_long_script_is_busy(own_redis: RedisServer) -> None:
    """Other callers hear it as soon as the server says it, and are served afterwards."""
    own_redis.ask("CONFIG", "SET", "busy-reply-threshold", "1")
    async with Single(location_of(own_redis)) as link, Single(location_of(own_redis)) as other:
        endless = other.send(0, simple(b"EVAL", ENDLESS, b"0"))
        with pytest.raises(StoreUnavailable, match="busy with a script"):
            await asyncio.gather(*(ask_later(link, after / 200) for after in range(100)))
        await asyncio.to_thread(own_redis.ask, "SCRIPT", "KILL")
        with pytest.raises(Refused, match="killed by user"):
            await endless
        await ask(link, WRITE)
        assert link.statistics()["lost"] == 0


async def test_a_server_that_loads_its_data_is_unavailable(own_redis: RedisServer) -> None:
    """It is connected to at once, and serves when it has loaded."""
    for number in range(10):
        own_redis.ask("SET", f"key {number}", secrets.token_bytes(10_000))
    own_redis.ask("SAVE")
    async with Single(location_of(own_redis)) as link:
        own_redis.kill()
        own_redis.settings = {
            "key-load-delay": "100000",
            "loading-process-events-interval-bytes": "1024",
        }
        own_redis.launch()
        reasons: set[str] = set()
        while True:
            try:
                await ask(link, WRITE)
                break
            except StoreUnavailable as exc:
                reasons.add(exc.reason)
                await asyncio.sleep(0.001)
        assert "The session store is loading its data" in reasons


async def test_a_cluster_without_its_slots_is_unavailable(tmp_path: Path) -> None:
    settings = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    server = RedisServer(tmp_path / "redis", settings=settings)
    with running(server), pytest.raises(StoreUnavailable, match=r"cluster of the .* is down"):
        async with Single(location_of(server)):
            pass


async def test_a_fault_of_the_program_is_no_outage(redis_server: RedisServer) -> None:
    """It is raised as what the server said."""
    broken = Command(encode(b"EVAL", b"return nonsense()", b"0"))
    texts = {
        simple(b"NONSENSE"): "unknown command",
        simple(b"GET"): "wrong number of arguments",
        broken: "script",
    }
    async with Single(location_of(redis_server)) as link:
        await link.send(0, simple(b"RPUSH", b"list", b"x"))
        with pytest.raises(Refused, match=r"^WRONGTYPE"):
            await ask(link, simple(b"GET", b"list"))
        for command, text in texts.items():
            with pytest.raises(Refused, match=text):
                await ask(link, command)
        assert link.statistics()["lost"] == 0


async def test_a_user_who_is_gone_is_unavailable(own_redis: RedisServer) -> None:
    """The connection is opened again, as whoever the URL names; an operator can mend it."""
    own_redis.ask("ACL", "SETUSER", "agent", "on", ">one", "~*", "&*", "+@all")
    url_user = {"user": "agent", "password": "one"}
    async with Single(location_of(own_redis, **url_user)) as link:
        await ask(link, WRITE)
        own_redis.ask("ACL", "SETUSER", "agent", "resetpass", ">two")
        own_redis.ask("CLIENT", "KILL", "USER", "agent")
        with pytest.raises(StoreUnavailable, match="refuses user or password"):
            await asyncio.gather(*(ask_later(link, after / 200) for after in range(100)))
        own_redis.ask("ACL", "SETUSER", "agent", "resetpass", ">one")
        while not link.last_heard(0):
            await asyncio.sleep(0.01)
        await ask(link, WRITE)


async def ask_later(link: Single, after: float) -> None:
    """Ask after some seconds; that the connection is lost is no answer."""
    await asyncio.sleep(after)
    try:
        await ask(link, READ)
    except StoreUnavailable as exc:
        if "was lost" not in exc.reason:
            raise


@pytest.mark.parametrize("code", [*TABLE, "ERR max number of clients reached"])
def test_an_error_says_what_is_wrong(code: str) -> None:
    """And that nothing was applied."""
    refused = Refused(f"{code} in the server's words")
    assert refusal_of(refused).reaction is not Reaction.FAULT
    error = unavailable(refused)
    assert error.outcome == "not_applied"
    assert re.match("The .*session", error.reason)
    assert "words" not in str(error)


@pytest.mark.parametrize(
    "text", ["ERR", "ERR unknown", "WRONGTYPE x", "CROSSSLOT", "NOPERM x", "EXECABORT", "", "busy"]
)
def test_an_error_that_nobody_knows_is_a_fault(text: str) -> None:
    assert refusal_of(Refused(text)).reaction is Reaction.FAULT
