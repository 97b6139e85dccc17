"""Checklist F: tickets that open one socket for somebody who is signed in."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from holdfast import Session, SessionStore, open_store
from holdfast.backends.memory import MemoryBackend
from holdfast.server.auth.socket_tickets import TICKET_SECONDS, SocketTickets
from holdfast.testing import ManualClock
from tests.security.guard_jobs import redeem
from tests.security.processes import KEYS, Processes
from tests.security.signing import add_staff, token_of
from tests.server.inside import listening
from tests.server.serving import API_KEY
from tests.server.talking import begun


async def test_security_059_a_ticket_is_good_once(store_url: str) -> None:
    """Of fifty who show it at once one gets in, round after round; and nobody later."""
    async with open_store(store_url, keys=KEYS) as store:
        tickets = SocketTickets(store, KEYS)
        for _ in range(5):
            ticket = await tickets.issue("login", origin=None)
            tries = (tickets.redeem(ticket, origin=None) for _ in range(50))
            answers = await asyncio.gather(*tries)
            assert sorted(answers, key=str) == [None] * 49 + ["login"]
            assert await tickets.redeem(ticket, origin=None) is None


async def test_security_059_a_ticket_is_good_once_in_all_processes(
    processes: Processes, shared_url: str
) -> None:
    """Fifty tries each of two processes, for each of ten tickets."""
    async with open_store(shared_url, keys=KEYS) as store:
        tickets = SocketTickets(store, KEYS)
        issued = [await tickets.issue("login", origin=None) for _ in range(10)]
        opened = await processes.run(redeem, shared_url, told=issued)
    assert [sum(both) for both in zip(*opened, strict=True)] == [1] * 10


async def test_security_059_a_ticket_is_good_for_half_a_minute() -> None:
    """To the microsecond, by the clock of the store."""
    moved = ManualClock()
    backend = MemoryBackend(clock=moved.clock)
    tickets = SocketTickets(SessionStore(backend, model=Session, keys=KEYS), KEYS)
    assert TICKET_SECONDS <= 30
    early, late = [await tickets.issue("login", origin=None) for _ in range(2)]
    moved.pass_by(TICKET_SECONDS * 1_000_000 - 1)
    assert await tickets.redeem(early, origin=None) == "login"
    moved.pass_by(1)
    assert await tickets.redeem(late, origin=None) is None


@pytest.mark.parametrize(
    ("asked", "shown"),
    [(None, "https://a.example"), ("https://a.example", None), ("https://a.example", "null"),
     ("https://a.example", "https://b.example"), ("https://a.example", "http://a.example")],
)  # fmt: skip
async def test_security_059_a_ticket_is_good_where_it_was_asked_for(
    store_url: str, asked: str | None, shown: str | None
) -> None:
    """Shown from another origin it is lost; made up, too long or no text, it never was one."""
    async with open_store(store_url, keys=KEYS) as store:
        tickets = SocketTickets(store, KEYS)
        good, stolen = [await tickets.issue("login", origin=asked) for _ in range(2)]
        assert await tickets.redeem(good, origin=asked) == "login"
        assert await tickets.redeem(stolen, origin=shown) is None
        assert await tickets.redeem(stolen, origin=asked) is None
        for made_up in ("", "x" * 10_000, "\ud800", "é"):
            assert await tickets.redeem(made_up, origin=asked) is None


async def asked_for(client: httpx2.AsyncClient, signed_in: dict[str, str]) -> str:
    answer = await client.post("/v1/auth/socket-ticket", headers=signed_in)
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["expires_in"] <= 30
    return str(answer.json()["ticket"])


async def first_answer(address: str, frame: dict[str, Any], **options: Any) -> Any:
    """Send the first frame; the first one back, or the code that the socket is closed with."""
    async with connect(address, **options) as socket:
        await socket.send(json.dumps(frame))
        try:
            return json.loads(await socket.recv())
        except ConnectionClosed:
            return socket.close_code


async def test_security_059_a_ticket_opens_one_socket(tmp_path: Path) -> None:
    """The events, or a conversation; a second socket needs a second one, and a live sign-in."""
    async with listening(tmp_path) as (url, app), httpx2.AsyncClient(base_url=url) as client:
        await add_staff(app, "ann")
        signed_in = await token_of(client)
        chat = await begun(url)
        events = f"ws{url.removeprefix('http')}/v1/events"
        hello = {"type": "hello", "session_id": chat.session_id}
        ticket = await asked_for(client, signed_in)
        assert (await first_answer(events, {"ticket": ticket}))["event"] == "snapshot"
        assert await first_answer(events, {"ticket": ticket}) == 4401
        ticket = await asked_for(client, signed_in)
        assert (await first_answer(chat.address, {**hello, "ticket": ticket}))["type"] == "welcome"
        assert await first_answer(chat.address, {**hello, "ticket": ticket}) == 4401
        elsewhere = await asked_for(client, signed_in)
        assert await first_answer(events, {"ticket": elsewhere}, origin=url) == 4401
        late = await asked_for(client, signed_in)
        await client.post("/v1/auth/logout", headers=signed_in)
        assert await first_answer(events, {"ticket": late}) == 4401
        refused = await client.post(
            "/v1/auth/socket-ticket", headers={"Authorization": f"Bearer {API_KEY}"}
        )
        assert refused.status_code == 403
        assert (await client.post("/v1/auth/socket-ticket")).status_code == 401


@pytest.mark.parametrize("path", ["/v1/events", "/v1/chat/ws"])
@pytest.mark.parametrize("name", ["token", "ticket", "session_secret"])
async def test_security_059_nothing_is_taken_from_an_address(
    tmp_path: Path, path: str, name: str
) -> None:
    """A socket with a query is refused before it is opened, even with what would open it."""
    async with listening(tmp_path) as (url, _):
        address = f"ws{url.removeprefix('http')}{path}?{name}={API_KEY}"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address):
                pass
        assert refused.value.response.status_code == 403
