"""Ten thousand frames that mean nothing, on both sockets: each is refused, none does harm."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.server.serving import API_KEY, served
from tests.server.talking import Chat, begun, tab

FRAMES: Final = 10_000
# On one socket: so many pairs of bad frames, with a ping behind each so that it stays open.
PAIRS: Final = 30
SOCKETS_AT_ONCE: Final = 8
# What a first frame can be answered with.
REFUSED: Final = {4400, 4401, 4404, 1009}

Frame = str | bytes

SAID: Final[list[dict[str, Any]]] = [
    {"type": "hello", "session_id": "x", "session_secret": "x", "last_number": 0, "tab_id": "t"},
    {"type": "message.send", "client_message_id": "m", "text": "x", "attachment_ids": []},
    {"type": "run.cancel", "run_id": "r"},
    {"type": "typing", "on": True},
    {"type": "feedback", "message_id": "m", "value": "up", "reason": "x"},
    {"type": "ping"},
    {"event": "ping"},
    {"token": "x", "ticket": "x"},
]
ODD: Final[list[Any]] = [
    None, True, -1, 2**63, 10**400, 1.5, float("nan"), float("inf"), "", "x" * 5000, "\ud800", "\0",
    "{}", [], [[]], {}, {"a": {}}, ["x"] * 100, {"type": "ping"}, "../..", "' OR 1=1 --", "€" * 300,
]  # fmt: skip
RAW: Final[list[Frame]] = [
    "", " ", "null", "true", "0", '"', '"x"', "[]", "[" * 30_000, '{"a":' * 9000, "{", "}", "{]",
    '{"type"}', '{"type":}', "{'type':'ping'}", '{"type":"ping"', "\ufeff{}", "NaN", "-", "1e999",
    '{"type":"\\ud800"}', '{"type":"\\u0000"}', '{"type":"x","type":"y"}', "\u2028", "x" * 60_000,
    b"", b"\0", b"\xff\xfe", b'{"type":"ping"}', b"\x80" * 1000,
]  # fmt: skip


def bad_frames(chance: random.Random) -> Iterator[Frame]:
    """Draw frames that nobody can use: broken text, other types, other fields, other bytes."""
    while True:
        match chance.randrange(4):
            case 0:
                yield chance.choice(RAW)
            case 1:
                yield bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
            case 2:
                whole = json.dumps(chance.choice(SAID))
                cut = chance.randrange(1, len(whole))
                yield whole[:cut] + chance.choice(["", "]", '"', "\0", "[", "\\"])
            case _:
                yield json.dumps(_mutated(chance))


def _mutated(chance: random.Random) -> dict[str, Any]:
    """Spoil what could be said: its type, so that nothing of it is ever done."""
    frame: dict[str, Any] = dict(chance.choice(SAID[:-2]))
    for name in chance.sample(sorted(frame), chance.randrange(len(frame))):
        frame[name] = chance.choice(ODD)
    frame["type"] = chance.choice([*ODD, "hello", "welcome", "ack", "x", "PING", "message"])
    frame[chance.choice(["x", "token_", "__proto__", "é", "x" * 300])] = chance.choice(ODD)
    return frame


class Tally:
    """What came of the frames."""

    def __init__(self) -> None:
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self.codes: Counter[int | None] = Counter()


async def pester(
    address: str, first: dict[str, Any], frames: Iterator[Frame], tally: Tally
) -> None:
    """Come in, and say things that mean nothing, never three in a row; each is answered."""
    async with connect(address, compression=None, max_queue=None) as socket:
        await socket.send(json.dumps(first))
        await socket.recv()
        for _ in range(PAIRS):
            for _ in range(2):
                await socket.send(next(frames))
                tally.sent += 1
            await socket.send('{"type": "ping"}')
            refused = 0
            while True:
                answer = json.loads(await socket.recv())
                kind = str(answer.get("type") or answer.get("event"))
                tally.answers[kind] += 1
                refused += kind == "error"
                if kind == "pong":
                    break
            assert refused == 2


async def knock(address: str, frame: Frame, tally: Tally) -> None:
    """Say something that means nothing instead of who one is."""
    async with connect(address, compression=None) as socket:
        await socket.send(frame)
        tally.sent += 1
        try:
            await socket.recv()
        except ConnectionClosed:
            tally.codes[socket.close_code] += 1


async def pester_all(chat: Chat, tally: Tally) -> None:
    """Have both sockets pestered by several at once until the frames are used up."""
    events = f"ws{chat.url.removeprefix('http')}/v1/events"
    rooms = [(chat.address, chat.hello()), (events, {"token": API_KEY})]

    async def one(number: int) -> None:
        frames = bad_frames(random.Random(number))
        address, first = rooms[number % 2]
        while tally.sent < FRAMES:
            await pester(address, first, frames, tally)
            await knock(address, next(frames), tally)

    await asyncio.gather(*map(one, range(SOCKETS_AT_ONCE)))


@pytest.mark.slow
async def test_security_062_frames_that_mean_nothing_do_no_harm(tmp_path: Path) -> None:
    """Each is refused by name, nobody is let in by one, and the conversation goes on."""
    with served(tmp_path, "--store", "memory://", rate_limit="false") as service:
        chat, tally = await begun(service.url), Tally()
        await pester_all(chat, tally)
        assert tally.sent >= FRAMES
        assert set(tally.answers) == {"error", "pong", "owner"}
        assert tally.answers["error"] == 2 * tally.answers["pong"]
        assert set(tally.codes) <= REFUSED
        assert tally.codes[4401] > 100
        async with tab(chat) as one:
            assert (await one.send("Are you still there?", name="m1"))["number"] == 1
        assert httpx2.get(f"{service.url}/health/live").status_code == 200
        log = service.log()
    assert "Traceback" not in log
    assert "ERROR" not in log
