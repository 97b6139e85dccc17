"""Every error has one answer, and every answer tells the caller what it needs."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

import holdfast
from holdfast.backend import Operation, Outcome
from holdfast.errors import (
    BudgetExceeded,
    DecryptionFailed,
    FlagTaken,
    HoldfastError,
    InvalidSession,
    InvalidStore,
    LeaseLost,
    LeaseUnavailable,
    LimitReached,
    ReservationNotFound,
    RevisionConflict,
    SessionExists,
    SessionNotFound,
    SessionRolledBack,
    StoreUnavailable,
)
from holdfast.fastapi import ANSWERS, problem_of
from holdfast.server.problems import SERVICE_ANSWERS
from holdfast.support import AnswerUnavailable, PriceUnknown
from tests.server.conftest import Opening

ERRORS: list[tuple[HoldfastError, int, str, dict[str, object]]] = [
    (InvalidSession("ttl", "must be"), 422, "INVALID_REQUEST", {"field": "ttl"}),
    (SessionNotFound("s"), 404, "SESSION_NOT_FOUND", {"session_id": "s"}),
    (SessionExists("s"), 409, "SESSION_EXISTS", {"session_id": "s"}),
    (RevisionConflict("s", expected=1, found=2), 409, "REVISION_CONFLICT", {"found": 2}),
    (FlagTaken("s", flag="f"), 409, "FLAG_TAKEN", {"flag": "f"}),
    (LimitReached("s", counter="c", value=1, limit=1), 409, "LIMIT_REACHED", {"limit": 1}),
    (BudgetExceeded("s", counter="c", value=1, limit=1), 402, "BUDGET_EXCEEDED", {"value": 1}),
    (ReservationNotFound("r"), 404, "RESERVATION_NOT_FOUND", {"reservation_id": "r"}),
    (LeaseUnavailable("s", waited=1, retry_after=2.2), 423, "LEASE_UNAVAILABLE", {}),
    (PriceUnknown("m"), 503, "PRICE_UNKNOWN", {}),
    (LeaseLost("s"), 409, "LEASE_LOST", {"session_id": "s"}),
    (StoreUnavailable(retry_after=0.1), 503, "STORE_UNAVAILABLE", {"outcome": "not_applied"}),
    (InvalidStore("f.db", "is no database"), 500, "INVALID_STORE", {}),
    (DecryptionFailed("s", reason="wrong key"), 500, "DECRYPTION_FAILED", {}),
    (SessionRolledBack("s", seen=2, found=1), 409, "SESSION_ROLLED_BACK", {"seen": 2}),
    (
        AnswerUnavailable("s", message_id="m", number=1, retry_after=5),
        503,
        "ANSWER_UNAVAILABLE",
        {"message_id": "m"},
    ),
]


def _kinds(root: type[HoldfastError]) -> Iterator[type[HoldfastError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


def test_no_error_is_without_an_answer() -> None:
    """Each class of error in the package stands in the table itself, not by its parent."""
    for module in pkgutil.walk_packages(holdfast.__path__, "holdfast."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    ours = {kind for kind in _kinds(HoldfastError) if kind.__module__.startswith("holdfast.")}
    assert ours == SERVICE_ANSWERS.keys()
    core = {kind for kind in ours if kind.__module__ == "holdfast.errors"}
    assert core == ANSWERS.keys()


@pytest.mark.parametrize(("error", "status", "code", "facts"), ERRORS)
def test_errors_are_answered_with_code_status_and_facts(
    error: HoldfastError, status: int, code: str, facts: dict[str, object]
) -> None:
    """The machine reads code and facts, people read the error's own words."""
    problem = problem_of(error, answers=SERVICE_ANSWERS)
    assert (problem.status_code, problem.code, problem.detail) == (status, code, str(error))
    assert facts.items() <= problem.facts.items()
    retry_after = getattr(error, "retry_after", None)
    waits = problem.headers["Retry-After"] if problem.headers else None
    assert waits == (None if retry_after is None else str(max(1, -int(-retry_after // 1))))


@pytest.mark.parametrize("error", [error for error, status, *_ in ERRORS if status == 500])
def test_insides_stay_inside_in_production(error: HoldfastError) -> None:
    """Without revealing, an error of the store's inside is told in general words."""
    hidden = problem_of(error, answers=SERVICE_ANSWERS, revealing=False)
    assert hidden.detail != str(error)
    assert "f.db" not in hidden.detail


JSON = "application/json"


class Failing:
    """Stands before a store and fails as told."""

    def __init__(self, backend: object, error: Exception) -> None:
        self._backend, self._error = backend, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)

    async def execute(self, operation: Operation) -> Outcome:
        raise self._error


@pytest.fixture
async def production(opening: Opening) -> AsyncIterator[httpx2.AsyncClient]:
    keys = holdfast.Keyring.generate().to_text()
    store = "sqlite:///sessions.db"
    async with opening(environment="production", keys=keys, store=store) as client:
        yield client


def _break(client: httpx2.AsyncClient, error: Exception) -> None:
    store = client.app.state.holdfast_store  # type: ignore[attr-defined]
    store._backend = Failing(store._backend, error)


async def test_an_unavailable_store_is_not_an_absent_session(client: httpx2.AsyncClient) -> None:
    """A store that is out gives 503 and a time to come back, whatever was asked."""
    _break(client, StoreUnavailable(retry_after=2.5))
    for method, path, body in (
        ("GET", "/v1/sessions/s", None),
        ("GET", "/v1/sessions/s/exists", None),
        ("PATCH", "/v1/sessions/s", {"set": {"a": 1}}),
        ("DELETE", "/v1/sessions/s", None),
        ("POST", "/v1/sessions", {}),
        ("GET", "/v1/sessions/count", None),
    ):
        response = await client.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (503, "STORE_UNAVAILABLE")
        assert response.headers["Retry-After"] == "3"


async def test_an_unexpected_error_is_found_by_its_request_id(
    production: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller learns the request id and nothing else; the log holds the rest under it."""
    _break(production, RuntimeError("the secret plan"))
    response = await production.get("/v1/sessions/s", headers={"X-Request-ID": "find-me"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.json()["code"], response.json()["request_id"]) == (
        "INTERNAL_ERROR",
        "find-me",
    )
    assert response.headers["X-Request-ID"] == "find-me"
    assert "plan" not in response.text
    assert "the secret plan" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/v1/sessions/s/nothing", 404, "NOT_FOUND"),
        ("GET", "/static/assets/nothing.js", 404, "NOT_FOUND"),
        ("PUT", "/v1/sessions", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/health", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_an_unknown_address_is_no_missing_session(
    client: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """What is no route says so in a code of its own."""
    response = await client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


BAD_BODIES = [
    (b'{"set": {"a": NaN}}', "a"),
    (b'{"set": {"a": Infinity}}', "a"),
    (b'{"set": {"a": "\\ud800"}}', "body"),
    (b"{", "body"),
    (b"", "body"),
    (b"[]", "body"),
    (b"\xff\xfe", "body"),
    (b'{"unknown": 1}', "unknown"),
    (b'{"set": {"message_count": "three"}}', "message_count"),
    (b'{"set": {"message_count": -1}}', "message_count"),
    (b'{"set": {"message_count": 9007199254740992}}', "message_count"),
    (b'{"set": {"session_id": "x"}}', "session_id"),
    (b'{"set": {"user_id": "x"}}', "user_id"),
    (b'{"add": {"nothing": 1}}', "nothing"),
    (b'{"add": {"message_count": 1.5}}', "add.message_count"),
    (b'{"add": {"message_count": 9007199254740992}}', "message_count"),
    (b'{"claim": ["nothing"]}', "nothing"),
    (b'{"expect_revision": -1}', "expect_revision"),
    (b'{"expect_revision": "1"}', "expect_revision"),
    (b'{"append": "text"}', "append"),
    (b'{"append": [' + b"[" * 300 + b"]" * 300 + b"]}", "body"),
]


@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
async def test_bad_bodies_are_named_and_change_nothing(
    opening: Opening, body: bytes, field: str
) -> None:
    """A body that breaks a rule is answered 422 with field and rule, and nothing is changed."""
    async with opening() as client:
        await client.post("/v1/sessions", json={"session_id": "s"})
        response = await client.patch(
            "/v1/sessions/s", content=body, headers={"Content-Type": "application/json"}
        )
        problem = response.json()
        assert (response.status_code, problem["code"]) == (422, "INVALID_REQUEST"), problem
        assert field in problem["field"]
        assert problem["rule"]
        assert (await client.get("/v1/sessions/s")).json()["revision"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"session_id": "with space"}, "session_id"),
        ({"session_id": "count"}, "session_id"),
        ({"session_id": "x" * 256}, "session_id"),
        ({"user_id": ""}, "user_id"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": -5}, "ttl_seconds"),
        ({"ttl_seconds": 86_401}, "ttl"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * 1_000_001}}, "metadata"),
        ({"colour": "red"}, "colour"),
        ({"message_count": 1.5}, "message_count"),
        ({"fingerprint": {"face": 1}}, "fingerprint"),
        ({"ttl_seconds": "60"}, "ttl_seconds"),
        ({"ttl_seconds": True}, "ttl_seconds"),
        ({"escalated": "yes"}, "escalated"),
        ({"user_id": 7}, "user_id"),
    ],
)
async def test_bad_creations_are_named_and_create_nothing(
    opening: Opening, body: object, field: str
) -> None:
    """What is wrong with a session to be is named, and it does not come into being."""
    async with opening() as client:
        response = await client.post("/v1/sessions", json=body)
        assert (response.status_code, response.json()["code"]) == (422, "INVALID_REQUEST")
        assert field in response.json()["field"]
        assert (await client.get("/v1/sessions/count")).json() == {"active_session_count": 0}


async def test_types_that_fit_are_taken(client: httpx2.AsyncClient) -> None:
    """A whole number is a number of seconds, a parameter of an address is text, an object fits."""
    body = {"session_id": "s", "ttl_seconds": 60, "fingerprint": {"network": "n"}}
    assert (await client.post("/v1/sessions", json=body)).status_code == 201
    asked = {"escalated": "false", "created_after": "2020-01-01T00:00:00Z", "limit": "5"}
    listed = await client.get("/v1/sessions", params=asked)
    assert [session["session_id"] for session in listed.json()["sessions"]] == ["s"]


async def test_fields_are_named_as_callers_write_them(client: httpx2.AsyncClient) -> None:
    """Rules of the library are told under the names of this interface."""
    await client.post("/v1/sessions", json={"session_id": "s"})
    path = "/v1/sessions/s"
    backwards = {"created_after": "2020-01-02T00:00:00Z", "created_before": "2020-01-01T00:00:00Z"}
    written = {"Content-Type": JSON}
    surrogate = b'{"set": {"a": "\\ud800"}}'
    answers = {
        "ttl_seconds": await client.post(f"{path}/extend", json={"ttl_seconds": 86_401}),
        "items": await client.post(
            f"{path}/items", content=b'{"items": ["\\ud800"]}', headers=written
        ),
        "created_before": await client.get("/v1/sessions", params=backwards),
        "body": await client.patch(path, content=surrogate, headers=written),
    }
    for field, answer in answers.items():
        problem = answer.json()
        assert (answer.status_code, problem["field"].split(".")[0]) == (422, field), problem
        assert problem["detail"] == f"{problem['field']}: {problem['rule']}"
    assert "surrogate" in answers["body"].json()["rule"]


async def test_what_is_not_said_to_be_json_is_refused(client: httpx2.AsyncClient) -> None:
    """Every route with a body takes JSON under each of its names, and nothing else."""
    await client.post("/v1/sessions", json={"session_id": "s"})
    calls = [("PATCH", "/v1/sessions/s"), ("POST", "/v1/sessions"), ("POST", "/v1/chat/sessions")]
    for method, path in calls:
        for kind in ("text/plain", "application/jsonx", "multipart/form-data", "x+json", ""):
            headers = {"Content-Type": kind} if kind else {}
            refused = await client.request(method, path, content=b"{}", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        for kind in ("Application/JSON; charset=utf-8", "application/merge-patch+json"):
            headers = {"Content-Type": kind}
            taken = await client.request(method, path, content=b"{}", headers=headers)
            assert taken.status_code in {200, 201}, (method, path, kind)


async def test_all_problems_of_a_body_are_named_together(client: httpx2.AsyncClient) -> None:
    """A caller learns everything that is wrong at once."""
    body = {"ttl_seconds": "soon", "colour": "red"}
    problem = (await client.post("/v1/sessions", json=body)).json()
    assert {found["field"] for found in problem["errors"]} == {"ttl_seconds", "colour"}


async def test_an_id_with_forbidden_characters_is_refused(client: httpx2.AsyncClient) -> None:
    """An address whose id cannot name a session gives 422, not 404."""
    for method in ("GET", "PATCH", "DELETE"):
        response = await client.request(method, "/v1/sessions/a%20b", json={})
        assert (response.status_code, response.json()["field"]) == (422, "session_id")


async def test_bodies_over_the_limit_are_refused(opening: Opening) -> None:
    """A body may announce its size or not; beyond the limit it is answered 413."""

    async def stream() -> AsyncIterator[bytes]:
        yield b'{"metadata": {"a": "'
        for _ in range(100):
            yield b"x" * 1000
            await asyncio.sleep(0)
        yield b'"}}'

    async with opening(max_body_bytes=10_000) as client:
        announced = await client.post("/v1/sessions", json={"metadata": {"a": "x" * 20_000}})
        streamed = await client.post(
            "/v1/sessions", content=stream(), headers={"Content-Type": "application/json"}
        )
        for response in (announced, streamed):
            problem = response.json()
            assert (response.status_code, problem["code"]) == (413, "PAYLOAD_TOO_LARGE")
            assert problem["limit"] == 10_000
        assert (await client.get("/v1/sessions/count")).json() == {"active_session_count": 0}
