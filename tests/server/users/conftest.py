"""A service whose passwords are hashed at little cost, its database, and a clock."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from holdfast.server.database import Database, open_database
from holdfast.server.database.location import database_url
from holdfast.server.service import Service
from holdfast.server.users import hashing
from tests.server.serving import API_KEY

PASSWORD = "four lamps on a quiet quay"
OTHER = "a heron walked across ice"
KEY = {"Authorization": f"Bearer {API_KEY}"}

Opening = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


class Site(NamedTuple):
    """A client without any credential, and the service that it talks to."""

    client: httpx2.AsyncClient
    service: Service

    async def sign_in(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        """Give the headers of a user who has just signed in."""
        answer = await self.client.post(
            "/v1/auth/login", json={"username": name, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


class Now:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "RECOMMENDED", hashing.Cost(64, 1, 1))


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(database_url(tmp_path / "application.db")) as database:
        yield database


@pytest.fixture
async def site(opening: Opening) -> AsyncGenerator[Site]:
    async with opening(headers={}) as client:
        yield Site(client, client.app.state.service)  # type: ignore[attr-defined]
