"""What the tests of the security checklist share: every store, and several processes on one."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import httpx2
import pytest

from holdfast.server.users import hashing
from tests.redis_servers import RedisServer
from tests.security.processes import Processes, several
from tests.security.signed_in import signed_in
from tests.server.conftest import Opening, _no_settings_from_outside, indexed_articles, opening

__all__ = ["_no_settings_from_outside", "indexed_articles", "opening", "signed_in"]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services in this process hash passwords at little cost; most tests need only some."""
    monkeypatch.setattr(hashing, "RECOMMENDED", hashing.Cost(64, 1, 1))


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{folder}/sessions.db"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url()


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is: in memory, in a SQLite file, on a Redis server."""
    return _url(request, tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is that several processes can share."""
    return _url(request, tmp_path)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Two processes that do jobs at the same time; they serve all tests of a worker."""
    with several() as processes:
        yield processes


@pytest.fixture
async def each_client(opening: Opening, store_url: str) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client with an API key, of a service on each store."""
    async with opening(store=store_url) as client:
        yield client
