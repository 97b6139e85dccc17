"""Services on one store, as an operator starts them, and a user of the staff."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from holdfast.server.database import open_database
from holdfast.server.database.location import database_url
from holdfast.server.users import Hasher, Users
from holdfast.server.users.hashing import Cost
from tests.security.processes import KEYS
from tests.security.signed_in import PASSWORD
from tests.server.serving import served

QUICK: Final = Cost(memory_kib=64, passes=1, lanes=1)


@asynccontextmanager
async def staffed(folder: Path, url: str, *options: str) -> AsyncGenerator[str]:
    """Serve from a folder, on a store that others may use, with a user of the staff."""
    folder.mkdir(exist_ok=True)
    keys = KEYS.to_text()
    starting = served(folder, *options, store=url, keys=keys, rate_limit="false")
    with ExitStack() as stack:
        # In a thread, so that several can start at once.
        service = await asyncio.to_thread(stack.enter_context, starting)
        hasher = Hasher(QUICK)
        async with open_database(database_url(folder / "data" / "application.db")) as database:
            await Users(database, hasher).add("anna", PASSWORD, roles={"staff"})
        hasher.close()
        yield service.url


async def tokens(client: httpx2.AsyncClient, url: str = "") -> dict[str, Any]:
    """Sign in as a program does."""
    body = {"username": "anna", "password": PASSWORD}
    answer = await client.post(f"{url}/v1/auth/login", json=body)
    assert answer.status_code == 200
    return dict(answer.json())
