"""HTTP: a change through the service on SQLite, against a bare route with the same body."""

import asyncio
import json
import os
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from benchmarks.comparison import Comparison, Target
from benchmarks.http_load import CONNECTIONS
from benchmarks.measuring import Scale, Turn, interleave
from benchmarks.serving import Load, free_port, put_load, serving
from benchmarks.visit import topic
from holdfast import Keyring

PART = "http"
# A process that puts load on has to be started for each turn, so turns are longer here.
LONGER = 2.5


async def compare(scale: Scale) -> list[Comparison]:
    """Run this part, both servers in processes of their own."""
    key = secrets.token_urlsafe(32)
    with TemporaryDirectory(prefix="holdfast-bench-") as folder:
        async with AsyncExitStack() as stack:
            ours, theirs = free_port(), free_port()
            settings = _settings(Path(folder), key)
            store = f"sqlite:///{folder}/sessions.db"
            await stack.enter_async_context(
                serving("holdfast.cli", "serve", "--store", store, "--port", str(ours),
                        port=ours, environment=settings)
            )  # fmt: skip
            await stack.enter_async_context(
                serving("benchmarks.bare_service", "--port", str(theirs),
                        port=theirs, environment=settings)
            )  # fmt: skip
            await asyncio.to_thread(_create_sessions, ours, key)
            turns = {"ours": _patches(ours, key, scale), "bare": _patches(theirs, key, scale)}
            rates = await interleave(turns, rounds=scale.rounds)
    work, peer = f"PATCH a session, {CONNECTIONS} connections", "bare FastAPI route"
    return [Comparison(PART, work, peer, rates["ours"], rates["bare"], Target(0.5))]


def _settings(folder: Path, key: str) -> dict[str, str]:
    """Give both servers the same environment, with nothing of this one's own settings in it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return {
        **own,
        "HOLDFAST_API_KEYS": key,
        "HOLDFAST_DATA_DIR": str(folder),
        "HOLDFAST_KEYS": Keyring.generate().to_text(),
        "HOLDFAST_RATE_LIMIT": "false",
    }


def _patches(port: int, key: str, scale: Scale) -> Turn:
    paths = [f"/v1/sessions/bench-{number}" for number in range(CONNECTIONS)]
    body = json.dumps({"set": {"topic": topic(7)}, "add": {"message_count": 1}})
    load = Load("PATCH", paths, body, key)
    return lambda: put_load(load, port=port, seconds=scale.seconds * LONGER)


def _create_sessions(port: int, key: str) -> None:
    for number in range(CONNECTIONS):
        request = Request(
            f"http://127.0.0.1:{port}/v1/sessions",
            data=json.dumps({"session_id": f"bench-{number}"}).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=10):
            pass
