"""Sockets end with the sign-in that opened them, on every worker."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.security.processes import KEYS
from tests.security.sign_in import desk
from tests.security.signed_in import PASSWORD
from tests.security.workers import staffed, tokens
from tests.server.inside import listening
from tests.server.talking import begun, ending

SOCKETS: Final = 8


async def opened(sockets: AsyncExitStack, url: str, token: str, number: int) -> ClientConnection:
    """Open a socket of staff: every other one tells of events, the others are conversations."""
    if number % 2:
        chat = await begun(url)
        hello = json.dumps(chat.hello(session_secret=token))
        address = chat.address
    else:
        hello = json.dumps({"token": token})
        address = f"ws{url.removeprefix('http').rstrip('/')}/v1/events"
    socket = await sockets.enter_async_context(connect(address))
    await socket.send(hello)
    first = json.loads(await socket.recv())
    assert "welcome" in first.values() or "snapshot" in first.values()
    return socket


@pytest.mark.slow
async def test_security_060_sockets_end_with_their_sign_in(tmp_path: Path, shared_url: str) -> None:
    """Within two seconds, with a code that says why; another sign-in's sockets stay."""
    async with (
        staffed(tmp_path, shared_url, "--workers", "2") as url,
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
        AsyncExitStack() as sockets,
    ):
        other = await tokens(client)
        staying = await opened(sockets, url, other["access_token"], 0)
        for how in ("logout", "revoked elsewhere", "token reused"):
            pair = await tokens(client)
            ending_soon = [
                await opened(sockets, url, pair["access_token"], number)
                for number in range(SOCKETS)
            ]
            began = time.monotonic()
            await end(client, pair, how, shared_url)
            codes = await asyncio.gather(*(ending(socket) for socket in ending_soon))
            assert time.monotonic() - began < 2
            assert set(codes) == {4409}
        await staying.send(json.dumps({"event": "ping"}))
        async with asyncio.timeout(20):
            while json.loads(await staying.recv())["event"] != "pong":
                continue


async def end(client: httpx2.AsyncClient, pair: dict[str, Any], how: str, url: str) -> None:
    """End a sign-in, as its user, as somebody on another connection, or by a thief's mistake."""
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    match how:
        case "logout":
            await client.post("/v1/auth/logout", headers=headers)
        case "token reused":
            token = pair["refresh_token"]
            for _ in range(2):
                answer = await client.post("/v1/auth/refresh", json={"refresh_token": token})
                token = answer.json()["refresh_token"]
            body = {"refresh_token": pair["refresh_token"]}
            assert (await client.post("/v1/auth/refresh", json=body)).status_code == 401
        case _:
            handle = (await client.get("/v1/auth/me", headers=headers)).json()["handle"]
            async with desk(url, KEYS) as parts:
                assert await parts.logins.end(handle)


async def test_security_060_what_is_no_sign_in_opens_no_events(tmp_path: Path) -> None:
    """One that has ended is refused like no token at all."""
    async with (
        listening(tmp_path) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        await app.state.service.users.add("anna", PASSWORD, roles={"staff"})
        pair = await tokens(client)
        await end(client, pair, "logout", url)
        for token in (pair["access_token"], pair["refresh_token"], "nonsense", None, 7):
            async with connect(f"ws{url.removeprefix('http')}/v1/events") as socket:
                await socket.send(json.dumps({"token": token}))
                assert await ending(socket) == 4401


async def test_security_060_streams_end_with_their_sign_in(tmp_path: Path) -> None:
    """What staff follow by plain HTTP as well, within two seconds; a visitor's goes on."""
    async with (
        listening(tmp_path) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        await app.state.service.users.add("anna", PASSWORD, roles={"staff"})
        pair, chat = await tokens(client), await begun(url)
        staff = {"Authorization": f"Bearer {pair['access_token']}"}
        async with (
            client.stream("GET", f"{chat.path}/stream", headers=staff) as followed,
            client.stream("GET", f"{chat.path}/stream", headers=chat.headers) as visited,
        ):
            lines, others = followed.aiter_lines(), visited.aiter_lines()
            assert [await anext(each) for each in (lines, others)] == ["retry: 2000"] * 2
            began = time.monotonic()
            await end(client, pair, "logout", url)
            assert "event: welcome" in [line async for line in lines]
            assert time.monotonic() - began < 2
            said = {"message": "Hello?", "client_message_id": "m1"}
            await client.post(f"{chat.path}/messages", json=said, headers=chat.headers)
            async with asyncio.timeout(20):
                while "event: message" not in await anext(others):
                    continue
