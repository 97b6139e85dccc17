"""Opening a store in Redis: over TCP, TLS and Unix sockets; what is refused, and what is left."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.backend import Absent, Read
from holdfast.backends.redis import RedisBackend, marking
from holdfast.backends.redis.location import Location, parse
from holdfast.backends.redis.single import Single
from holdfast.errors import InvalidStore, StoreUnavailable
from tests.backends.redis.wires import ask, between, echo, location_of, simple
from tests.certificates import Certificates, make_certificates
from tests.redis_servers import HOST, RedisServer, free_port, running
from tests.tallying import until

PASSWORD = "of-the-tests"


async def opens(url: str | Location) -> bool:
    """Open a store, and say whether it answers."""
    async with Single(parse(url) if isinstance(url, str) else url) as link:
        return bool(await ask(link, echo(b"x")) == [b"x"])


async def test_a_connection_is_named_and_in_its_database(redis_server: RedisServer) -> None:
    """So that operators find it in `CLIENT LIST`."""
    url = redis_server.url(database=3, query="?client_name=agents-of-berlin")
    async with Single(parse(url)) as link:
        described = await link.send(0, simple(b"CLIENT", b"INFO"))
    facts = dict(re.findall(r"([a-z-]+)=(\S*)", described.decode()))
    assert facts["name"] == "agents-of-berlin"
    assert (facts["db"], facts["resp"]) == ("3", "3")
    assert "t" in facts["flags"]


async def test_tls_is_verified(tmp_path: Path, certificates: Certificates) -> None:
    """Unless it is asked not to be; the name in the certificate counts too."""
    with running(server := RedisServer(tmp_path / "redis", tls=certificates, password=PASSWORD)):
        assert await opens(server.url(query=f"?ca={certificates.authority}"))
        assert await opens(server.url(query="?verify=no"))
        with pytest.raises(StoreUnavailable, match="certificate"):
            await opens(server.url())
        named = server.url(query=f"?ca={certificates.authority}").replace(HOST, "127.1")
        with pytest.raises(StoreUnavailable, match="certificate"):
            await opens(named)
        with pytest.raises(StoreUnavailable):
            await opens(server.url().replace("rediss://", "redis://"))


async def test_a_server_may_ask_for_a_certificate(
    tmp_path: Path, certificates: Certificates
) -> None:
    """It is given with its key."""
    server = RedisServer(tmp_path / "redis", tls=certificates)
    query = f"?ca={certificates.authority}"
    with running(server):
        server.ask("CONFIG", "SET", "tls-auth-clients", "yes")
        with pytest.raises(StoreUnavailable):
            await opens(server.url(query=query))
        shown = f"&cert={certificates.certificate}&key={certificates.key}"
        assert await opens(server.url(query=query + shown))
        other = make_certificates(tmp_path / "other")
        with pytest.raises(StoreUnavailable):
            await opens(server.url(query=f"{query}&cert={other.certificate}&key={other.key}"))


async def test_a_tls_connection_that_is_cut_heals(
    tmp_path: Path, certificates: Certificates
) -> None:
    """As any other."""
    with running(server := RedisServer(tmp_path / "redis", tls=certificates)):
        async with Single(parse(server.url(query=f"?ca={certificates.authority}"))) as link:
            for _ in range(3):
                await asyncio.gather(*(ask(link, echo(bytes(10_000))) for _ in range(100)))
                server.ask("CLIENT", "KILL", "TYPE", "normal")
                while link.last_heard(0):
                    await asyncio.sleep(0.001)
            assert await ask(link, echo(b"x")) == [b"x"]
            assert link.statistics()["connects"] == 4


async def test_a_unix_socket_and_a_named_user(tmp_path: Path) -> None:
    """Serve as TCP does."""
    user = {"user": f"agent on >{PASSWORD} ~hf:* &* +@all"}
    server = RedisServer(
        tmp_path / "redis", settings=user, user="agent", password=PASSWORD, unix_socket=True
    )
    with running(server):
        assert await opens(server.url(database=2))
        with pytest.raises(InvalidStore, match="refuses user or password"):
            await opens(server.url().replace(PASSWORD, "another"))
    with pytest.raises(StoreUnavailable, match=r"redis\.sock cannot be reached"):
        await opens(server.url())


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        ("", "asks for a password"),
        (":wrong@", "refuses user or password"),
        (f"nobody:{PASSWORD}@", "refuses user or password"),
    ],
)
async def test_a_wrong_password_is_not_tried_again(
    own_redis: RedisServer, login: str, reason: str
) -> None:
    """It is no outage; what was given is not told."""
    own_redis.ask("CONFIG", "SET", "requirepass", PASSWORD)
    own_redis.password = PASSWORD
    assert await opens(own_redis.url())
    with pytest.raises(InvalidStore, match=reason) as invalid:
        await opens(f"redis://{login}{own_redis.address}")
    assert PASSWORD not in str(invalid.value)
    assert "wrong" not in str(invalid.value)


async def test_a_user_needs_to_be_allowed_what_a_store_needs(own_redis: RedisServer) -> None:
    """The server's own words say what is missing."""
    own_redis.ask(
        "ACL", "SETUSER", "agent", "on", f">{PASSWORD}", "~*", "+@all", "-client|tracking"
    )
    with pytest.raises(InvalidStore, match=r"NOPERM.*client\|tracking"):
        await opens(f"redis://agent:{PASSWORD}@{own_redis.address}")


@asynccontextmanager
async def speaking(*answers: bytes) -> AsyncIterator[str]:
    """Listen as a server that gives one of these answers to whatever comes at a time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for words in answers:
            await reader.read(65536)
            writer.write(words)
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(answer, HOST, 0)
    async with listening:
        yield f"redis://agent:{PASSWORD}@{HOST}:{listening.sockets[0].getsockname()[1]}"


def hello(version: bytes, server: bytes = b"redis") -> bytes:
    facts = {b"server": server, b"version": version, b"mode": b"standalone", b"role": b"master"}
    parts = [b"$%d\r\n%b\r\n" % (len(part), part) for pair in facts.items() for part in pair]
    return b"%%%d\r\n" % len(facts) + b"".join(parts)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (hello(b"6.2.14"), "it is Redis 6.2.14, and 7.0 is needed"),
        (b"-ERR unknown command `HELLO`, args: `3` `AUTH` `agent` `of-the-tests`\r\n", "RESP3"),
        (b"-NOPROTO unsupported protocol version\r\n", "RESP3"),
    ],
)
async def test_a_server_that_is_too_old_is_refused(answer: bytes, reason: str) -> None:
    """In words of our own: an old server repeats the password in its error."""
    async with speaking(answer + b"+OK\r\n") as url:
        with pytest.raises(InvalidStore, match=reason) as invalid:
            await opens(url)
    assert PASSWORD not in str(invalid.value)


async def test_valkey_counts_its_own_versions() -> None:
    """Its second release is no old Redis; what it answers next is looked at."""
    async with speaking(hello(b"2.0", b"valkey") + b"+OK\r\n", b"$5\r\nother\r\n") as url:
        with pytest.raises(InvalidStore, match="not written by Holdfast"):
            await opens(url)


async def test_what_is_no_redis_is_no_store() -> None:
    """Neither a server of another protocol, nor one that never answers, nor a closed port."""
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        with pytest.raises(StoreUnavailable, match="no reply"):
            await opens(url)
    async with speaking(b"") as url:
        location = parse(url)
        impatient = replace(location.settings, connect_timeout=0.1)
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await opens(replace(location, settings=impatient))
    with pytest.raises(StoreUnavailable, match="cannot be reached") as unavailable:
        await opens(f"redis://{HOST}:{free_port()}")
    assert unavailable.value.outcome == "not_applied"


async def test_a_store_is_marked_once(redis_server: RedisServer) -> None:
    """Two that open it at once agree, and what is marked stays so."""
    assert await asyncio.gather(*(opens(redis_server.url()) for _ in range(10))) == [True] * 10
    assert redis_server.ask("GET", marking.KEY) == b"format=2 buckets=1"
    assert await opens(redis_server.url())
    assert redis_server.ask("DBSIZE") == 1


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("format=3 buckets=1", "format 3, and this release knows up to 2"),
        ("format=1 buckets=1", "format 1, which no release has had"),
        ("format=2 buckets=256", "256 buckets"),
        ("something else", "not written by Holdfast"),
    ],
)
async def test_a_store_of_another_shape_is_left_as_it_is(
    redis_server: RedisServer, mark: str, reason: str
) -> None:
    """Nothing is read or written in it; the link can be opened when it is mended."""
    redis_server.ask("SET", marking.KEY, mark)
    link = Single(parse(redis_server.url()))
    with pytest.raises(InvalidStore, match=reason):
        await link.__aenter__()
    assert redis_server.ask("GET", marking.KEY) == mark.encode()
    redis_server.ask("DEL", marking.KEY)
    async with link:
        assert await ask(link, echo(b"x")) == [b"x"]


async def test_a_mark_of_another_kind_is_none(redis_server: RedisServer) -> None:
    redis_server.ask("RPUSH", marking.KEY, "x")
    with pytest.raises(InvalidStore, match="WRONGTYPE"):
        await opens(redis_server.url())


async def test_a_link_is_entered_once_at_a_time(redis_server: RedisServer) -> None:
    """A closed one opens again, and refuses in between."""
    link = Single(parse(redis_server.url()))
    for _ in range(2):
        async with link:
            with pytest.raises(RuntimeError, match="open already"):
                await link.__aenter__()
            assert await ask(link, echo(b"x")) == [b"x"]
        with pytest.raises(StoreUnavailable, match="not open"):
            link.send(0, simple(b"PING"))


async def test_nothing_is_left_of_a_closed_link(own_redis: RedisServer) -> None:
    """Neither tasks nor connections: whether it was well, cut off, or could not be opened."""
    impatient = {"connect_timeout": 0.5, "ping_interval": 0.1}
    async with between(own_redis) as proxy:
        async with Single(location_of(proxy.port, **impatient)) as link:
            await ask(link, echo(b"x"))
        async with Single(location_of(proxy.port, **impatient)) as link:
            own_redis.freeze()
            while link.last_heard(0):
                await asyncio.sleep(0.01)
            waiting = link.send(0, simple(b"PING"))
        with pytest.raises(StoreUnavailable):
            await waiting
        with pytest.raises(StoreUnavailable):
            async with Single(location_of(proxy.port, **impatient)):
                pass
        opening = asyncio.create_task(Single(location_of(proxy.port)).__aenter__())
        await asyncio.sleep(0.01)
        opening.cancel()
        await asyncio.wait((opening,))
    own_redis.thaw()
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    while len(own_redis.ask("CLIENT", "LIST").splitlines()) > 1:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", range(1, 7))
async def test_a_close_that_is_cancelled_leaves_nothing(
    redis_server: RedisServer, turns: int
) -> None:
    """However far it has come; the backend may be entered again."""
    backend = RedisBackend(parse(redis_server.url(query="?client_name=closing")))
    for _ in range(2):
        await backend.__aenter__()
        async with backend.events("default"):
            backend.pushes.moved()
            closing = asyncio.create_task(backend.__aexit__())
            for _ in range(turns):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait((closing,))
        await until(lambda: b"name=closing" not in redis_server.ask("CLIENT", "LIST"))
    async with backend:
        assert await backend.execute(Read("default/a")) == Absent()
