"""Watching sessions over a WebSocket, with a client and servers that know nothing of each other."""

import asyncio
import json
import socket
from collections import defaultdict
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from holdfast import SessionStore
from holdfast.server import Settings, create_app, frames, sockets
from tests.redis_servers import RedisServer
from tests.server.serving import API_KEY, Served, served

HEADERS: Final = {"Authorization": f"Bearer {API_KEY}"}
SOON: Final = 20.0
STORES: Final = {
    "memory": ("--store", "memory://"),
    "sqlite": ("--workers", "2"),
    "redis": ("--workers", "2"),
}


@pytest.fixture(scope="module", params=STORES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("served")
    line = [*STORES[request.param]]
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("shared_redis")
        server.ask("FLUSHALL")
        line += ["--store", server.url()]
    with served(folder, *line, cleanup_seconds="0.1", max_sessions="100") as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def client(service: Served) -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=service.url, headers=HEADERS, timeout=60) as client:
        for session in (await client.get("/v1/sessions")).json()["sessions"]:
            await client.delete(f"/v1/sessions/{session['session_id']}")
        yield client


def address(url: str) -> str:
    return f"ws{url.removeprefix('http').rstrip('/')}/v1/events"


async def frame(watching: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(watching.recv(), SOON)))


async def say(watching: ClientConnection, **said: Any) -> None:
    await watching.send(json.dumps(said))


@asynccontextmanager
async def watcher(
    url: str, *, sessions: int | None = 0, **options: Any
) -> AsyncGenerator[ClientConnection]:
    """Watch with a key; what was there is in the first frame."""
    async with connect(address(url), **options) as watching:
        await say(watching, token=API_KEY)
        snapshot = await frame(watching)
        assert snapshot["event"] == "snapshot"
        assert sessions is None or snapshot["active_sessions"] == sessions
        yield watching


async def ending(watching: ClientConnection) -> int:
    """Wait for the service to close, and give the code."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(SOON):
            async for _ in watching:
                pass
    assert watching.close_code is not None
    return watching.close_code


async def test_the_life_of_a_session_is_told(service: Served, client: httpx2.AsyncClient) -> None:
    """Created, changed, destroyed with the reason, each by its id."""
    async with watcher(service.url) as watching:
        await client.post("/v1/sessions", json={"session_id": "a"})
        assert await frame(watching) == {"event": "created", "session_id": "a"}
        await client.patch("/v1/sessions/a", json={"add": {"message_count": 1}})
        assert await frame(watching) == {"event": "changed", "session_id": "a"}
        await client.post("/v1/sessions/a/items", json={"items": ["x"]})
        assert await frame(watching) == {"event": "changed", "session_id": "a"}
        await client.delete("/v1/sessions/a")
        gone = {"event": "destroyed", "session_id": "a", "reason": "deleted"}
        assert await frame(watching) == gone


async def test_the_first_frame_counts_what_is_there(
    service: Served, client: httpx2.AsyncClient
) -> None:
    """Whoever comes back begins with a snapshot again."""
    await client.post("/v1/sessions", json={"session_id": "a"})
    for _ in range(2):
        async with watcher(service.url, sessions=1):
            pass


async def test_an_expired_session_is_told_once(service: Served, client: httpx2.AsyncClient) -> None:
    """When it is collected, by whichever worker."""
    async with watcher(service.url) as watching:
        await client.post("/v1/sessions", json={"session_id": "a", "ttl_seconds": 0.2})
        assert await frame(watching) == {"event": "created", "session_id": "a"}
        gone = {"event": "destroyed", "session_id": "a", "reason": "expired"}
        assert await frame(watching) == gone
        await client.post("/v1/sessions", json={"session_id": "b"})
        assert await frame(watching) == {"event": "created", "session_id": "b"}


async def test_every_watcher_is_told_of_each_session_once(
    service: Served, client: httpx2.AsyncClient
) -> None:
    """Wherever the watchers and the requests land."""
    names = [f"s{number}" for number in range(30)]

    async def live(name: str) -> None:
        await client.post("/v1/sessions", json={"session_id": name})
        await client.delete(f"/v1/sessions/{name}")

    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(watcher(service.url)) for _ in range(6)]
        await asyncio.gather(*map(live, names))
        await client.post("/v1/sessions", json={"session_id": "last"})
        for watching in watchers:
            seen: dict[str, list[str]] = defaultdict(list)
            while "last" not in seen:
                told = await frame(watching)
                seen[told["session_id"]].append(told["event"])
            assert seen.pop("last") == ["created"]
            assert seen == {name: ["created", "destroyed"] for name in names}


@pytest.mark.parametrize(
    ("ping", "pong"),
    [
        ('{"event": "ping"}', {"event": "pong"}),
        ('{"type":"ping"}', {"type": "pong"}),
        ("ping", {"event": "pong"}),
        ('"ping"', {"event": "pong"}),
    ],
)
async def test_a_ping_is_answered(service: Served, ping: str, pong: dict[str, str]) -> None:
    """In the words in which it was asked."""
    async with watcher(service.url, sessions=None) as watching:
        await watching.send(ping)
        assert await frame(watching) == pong


@pytest.mark.parametrize(
    "first",
    [
        '{"token": "wrong"}', '{"token": null}', '{"token": ["a"]}', "{}", "[]", "no json", "",
        '{"token": "\\ud800"}', f'{{"token": "{API_KEY}x"}}', "[" * 5000, b"\x00",
        '{"event": "ping"}',
    ],
)  # fmt: skip
async def test_without_a_key_nothing_is_told(service: Served, first: str | bytes) -> None:
    """The first frame must hold one."""
    async with connect(address(service.url)) as watching:
        await watching.send(first)
        assert await ending(watching) == 4401


async def test_frames_that_cannot_be_used_end_it(service: Served) -> None:
    """The first are answered, the third closes."""
    async with watcher(service.url, sessions=None) as watching:
        for bad in ("{}", "no json"):
            await watching.send(bad)
            answer = await frame(watching)
            assert (answer["event"], answer["code"]) == ("error", "INVALID_REQUEST")
        await watching.send(b"\x00")
        assert await ending(watching) == 4400


async def test_a_frame_may_not_be_large(service: Served) -> None:
    """Nothing that is asked here needs more than 64 KiB."""
    async with watcher(service.url, sessions=None) as watching:
        await watching.send("x" * 70_000)
        assert await ending(watching) == 1009


async def test_a_page_of_another_site_is_refused(service: Served) -> None:
    """Before the connection is accepted; one of this service is let in."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address(service.url), origin="https://evil.example"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403
    async with watcher(service.url, sessions=None, origin=service.url):
        pass


@dataclass
class Running:
    """The service in this process, listening."""

    url: str
    app: FastAPI


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncGenerator[Running]:
    chosen: dict[str, Any] = {"store": "memory://", "api_keys": [API_KEY], **settings}
    app = create_app(Settings.load(data_dir=folder / "data", shipped_articles=False, **chosen))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        await serving


class TestOneProcess:
    """What is easier seen from inside the process."""

    async def test_open_access_needs_no_token(self, tmp_path: Path) -> None:
        """But a host and an origin of this machine; a token that is sent is taken."""
        async with running(tmp_path, auth="off") as here:
            async with connect(address(here.url)) as watching:
                assert (await frame(watching))["event"] == "snapshot"
                await say(watching, token="whatever")
                await say(watching, event="ping")
                assert await frame(watching) == {"event": "pong"}
            port = int(here.url.rpartition(":")[2])
            named = f"ws://evil.example:{port}/v1/events"
            for elsewhere in (
                connect(named, host="127.0.0.1", port=port),
                connect(address(here.url), origin="http://evil.example"),  # type: ignore[arg-type]
            ):
                with pytest.raises(InvalidStatus) as refused:
                    await elsewhere
                assert refused.value.response.status_code == 403

    async def test_a_listed_origin_is_let_in(self, tmp_path: Path) -> None:
        """As for requests."""
        listed = "https://shop.example"
        async with (
            running(tmp_path, cors_origins=[listed]) as here,
            watcher(here.url, origin=listed),
        ):
            pass

    async def test_the_first_frame_has_to_come_soon(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who says nothing is not waited for."""
        monkeypatch.setattr(sockets, "FIRST_FRAME_SECONDS", 0.1)
        async with running(tmp_path) as here, connect(address(here.url)) as watching:
            assert await ending(watching) == 4408

    async def test_there_is_room_for_so_many(self, tmp_path: Path) -> None:
        """Whoever comes when it is full is told so; when one has left there is room again."""
        async with running(tmp_path, websocket_connections=2) as here, watcher(here.url):
            async with watcher(here.url), connect(address(here.url)) as third:
                assert await ending(third) == 4429
            async with asyncio.timeout(SOON):
                while True:
                    async with connect(address(here.url)) as watching:
                        try:
                            await say(watching, token=API_KEY)
                            assert (await frame(watching))["event"] == "snapshot"
                        except ConnectionClosed:
                            continue
                        break

    async def test_an_evicted_session_is_told(self, tmp_path: Path) -> None:
        """It made room for another one."""
        async with (
            running(tmp_path, max_sessions=100) as here,
            httpx2.AsyncClient(base_url=here.url, headers=HEADERS) as client,
            watcher(here.url, sessions=0) as watching,
        ):
            for number in range(101):
                await client.post("/v1/sessions", json={"session_id": f"s{number}"})
            told = [await frame(watching) for _ in range(102)]
        gone = {"event": "destroyed", "session_id": "s0", "reason": "evicted"}
        assert [event for event in told if event["event"] != "created"] == [gone]

    async def test_stopping_tells_watchers_to_come_back(self, tmp_path: Path) -> None:
        """With the code that says so."""
        async with AsyncExitStack() as stack:
            async with running(tmp_path) as here:
                watching = await stack.enter_async_context(watcher(here.url))
            assert await ending(watching) == 1012

    @pytest.mark.slow
    async def test_a_watcher_who_does_not_read_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It learns so when it reads again; the others are told on."""
        monkeypatch.setattr(frames, "SEND_SECONDS", 0.2)
        async with (
            running(tmp_path) as here,
            watcher(here.url) as quick,
            watcher(here.url, compression=None, sock=await _narrow(here.url)) as slow,
        ):
            reading = asyncio.create_task(_until(quick, "last"))
            async with httpx2.AsyncClient(base_url=here.url, headers=HEADERS) as client:
                await _fill(here.app.state.holdfast_store)
                await client.post("/v1/sessions", json={"session_id": "last"})
                await asyncio.wait_for(reading, SOON)
            assert await ending(slow) == 1013


async def _until(watching: ClientConnection, name: str) -> None:
    while (await frame(watching)).get("session_id") != name:
        pass


async def _narrow(url: str) -> socket.socket:
    """Open a connection that holds little."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    host, _, port = url.removeprefix("http://").partition(":")
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    return narrow


async def _fill(store: SessionStore[Any]) -> None:
    """Have more told than all buffers on the way hold."""
    for number in range(16_000):
        name = f"{number:0255}"
        await store.create(name)
        await store.delete(name)
        await asyncio.sleep(0)
