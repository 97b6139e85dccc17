"""The service inside this process, on every store, and what a visitor's part of it needs."""

import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from holdfast.server import Settings, create_app
from holdfast.support import load_shipped_articles
from holdfast.support.knowledge import Knowledge
from tests.redis_servers import RedisServer
from tests.server.serving import API_KEY

AUTHORIZED = {"Authorization": f"Bearer {API_KEY}"}

Opening = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CORS_ORIGINS", "DEBUG", "ENVIRONMENT", "LOG_LEVEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def indexed_articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped articles, read once for all tests."""
    path = tmp_path_factory.mktemp("articles") / "knowledge.db"
    with Knowledge(path) as knowledge:
        load_shipped_articles(knowledge)
    return path


@asynccontextmanager
async def running(app: FastAPI, **options: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    """Let an application live for the block, with a client of it."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", **options) as client,
    ):
        client.app = app  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Opens a service in memory with settings of one's own."""

    def opened(
        *, headers: dict[str, str] | None = None, **settings: Any
    ) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        chosen: dict[str, Any] = {
            "store": "memory://",
            "data_dir": tmp_path / "data",
            "api_keys": [API_KEY],
            "shipped_articles": False,
            **settings,
        }
        app = create_app(Settings.load(**chosen))
        return running(app, headers=AUTHORIZED if headers is None else headers)

    return opened


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def client(
    request: pytest.FixtureRequest, opening: Opening
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client with an API key, of a service on each store; on Redis with a near cache."""
    store = "memory://" if request.param == "memory" else None
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        store = server.url(query="?near_cache=100")
    async with opening(store=store) as client:
        yield client


@pytest.fixture
async def chat(
    opening: Opening, tmp_path: Path, indexed_articles: Path
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client without a key, of a service that knows the shipped articles."""
    (tmp_path / "data").mkdir()
    shutil.copy(indexed_articles, tmp_path / "data" / "knowledge.db")
    async with opening(headers={}, shipped_articles=True) as client:
        yield client
