"""A store in somebody's own FastAPI application."""

import asyncio
from pathlib import Path

import httpx2
from fastapi import FastAPI

from examples.visits import app as example
from holdfast import Counter, InMemorySessionStore, Keyring, Session, SessionStore
from holdfast.fastapi import Problem, Store, add_error_handlers, lifespan


class Basket(Session):
    items: Counter = 0


def _client(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")


async def test_the_example_counts_exactly() -> None:
    """Fifty visits at once are fifty visits; an unknown visitor is a problem with a code."""
    async with example.router.lifespan_context(example), _client(example) as client:
        visitor = (await client.post("/visitors")).json()
        path = f"/visitors/{visitor['session_id']}/visits"
        counts = await asyncio.gather(*(client.post(path) for _ in range(50)))
        assert sorted(response.json() for response in counts) == list(range(1, 51))
        unknown = await client.post("/visitors/nobody/visits")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "SESSION_NOT_FOUND")
        assert unknown.headers["content-type"] == "application/problem+json"
        assert unknown.json()["request_id"]
        invalid = await client.post("/visitors/a%20b/visits")
        assert (invalid.status_code, invalid.json()["field"]) == (422, "session_id")


async def test_a_url_is_opened_with_its_options(tmp_path: Path) -> None:
    """The lifespan opens the store that a URL names, and closes it."""
    url = f"sqlite:///{tmp_path / 'baskets.db'}"
    app = FastAPI(lifespan=lifespan(url, model=Basket, keys=Keyring.generate(), ttl=60))

    @app.get("/kind")
    async def kind(store: Store[Basket]) -> dict[str, object]:
        basket = await store.create()
        return {"items": basket.items, "ttl": store.terms.ttl}

    for _ in range(2):
        async with app.router.lifespan_context(app), _client(app) as client:
            assert (await client.get("/kind")).json() == {"items": 0, "ttl": 60}


async def test_a_store_of_ones_own_is_used() -> None:
    """Whoever has a store hands it over, and finds the same one in the handlers."""
    mine: SessionStore[Basket] = InMemorySessionStore(model=Basket)
    app = FastAPI(lifespan=lifespan(mine))
    found: list[object] = []

    @app.get("/find")
    async def find(store: Store[Basket]) -> None:
        found.append(store)

    async with app.router.lifespan_context(app), _client(app) as client:
        await client.get("/find")
    assert found == [mine]


async def test_if_match_turns_a_conflict_into_a_failed_precondition() -> None:
    """The same conflict is 409, or 412 where the caller sent If-Match."""
    app = FastAPI(lifespan=lifespan("memory://"))
    add_error_handlers(app)

    @app.post("/conflict")
    async def conflict(store: Store[Session]) -> None:
        session = await store.create()
        await store.update(session.session_id, a=1)
        await store.set(session)

    async with app.router.lifespan_context(app), _client(app) as client:
        plain = await client.post("/conflict")
        guarded = await client.post("/conflict", headers={"If-Match": '"x.1"'})
    assert (plain.status_code, plain.json()["code"]) == (409, "REVISION_CONFLICT")
    assert (guarded.status_code, guarded.json()["code"]) == (412, "PRECONDITION_FAILED")


async def test_problems_of_ones_own_are_answered_alike() -> None:
    """A `Problem` raised in a handler is written with its facts and headers."""
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/teapot")
    async def teapot() -> None:
        raise Problem(418, "TEAPOT", "Teapot", "Short and stout.", facts={"handle": 1})

    async with _client(app) as client:
        answer = await client.get("/teapot")
    assert (answer.status_code, answer.json()["handle"]) == (418, 1)
    assert answer.json()["title"] == "Teapot"
