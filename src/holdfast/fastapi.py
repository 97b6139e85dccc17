"""A session store in any FastAPI application: opened with it, handed to its handlers.

    app = FastAPI(lifespan=lifespan("sqlite:///sessions.db", keys=Keyring.from_file("keys")))
    add_error_handlers(app)

    @app.get("/sessions/{session_id}")
    async def show(session_id: str, store: Store[Session]) -> Session: ...

Errors become `application/problem+json` (RFC 9457). Each class of error is answered in one way, and
that is written down once, in `ANSWERS`.
"""

import math
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from holdfast.errors import (
    BudgetExceeded,
    DecryptionFailed,
    FlagTaken,
    HoldfastError,
    InvalidKeyring,
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
from holdfast.opening import open_store
from holdfast.sessions import M
from holdfast.store import SessionStore

PROBLEM_JSON: Final = "application/problem+json"


class Answer(NamedTuple):
    """How one class of error is answered; `facts` are attributes of the error.

    `public` takes the place of the error's own words where its internals must not be shown.
    """

    status: int
    code: str
    title: str
    facts: tuple[str, ...] = ()
    public: str | None = None


_STORE_OUT: Final = "The session store cannot be reached. Please try again in a moment."
_STORE_WRONG: Final = "The session store cannot be used as it is. Its operator has been told."

ANSWERS: Final[Mapping[type[HoldfastError], Answer]] = MappingProxyType(
    {
        HoldfastError: Answer(500, "INTERNAL_ERROR", "Internal error", (), _STORE_WRONG),
        InvalidSession: Answer(422, "INVALID_REQUEST", "Invalid request", ("field", "rule")),
        SessionNotFound: Answer(404, "SESSION_NOT_FOUND", "Session not found", ("session_id",)),
        SessionExists: Answer(409, "SESSION_EXISTS", "Session exists", ("session_id",)),
        RevisionConflict: Answer(
            409, "REVISION_CONFLICT", "Revision conflict", ("session_id", "expected", "found")
        ),
        FlagTaken: Answer(409, "FLAG_TAKEN", "Flag taken", ("session_id", "flag")),
        LimitReached: Answer(
            409, "LIMIT_REACHED", "Limit reached", ("session_id", "counter", "value", "limit")
        ),
        BudgetExceeded: Answer(
            402, "BUDGET_EXCEEDED", "Budget exceeded", ("session_id", "counter", "value", "limit")
        ),
        ReservationNotFound: Answer(
            404, "RESERVATION_NOT_FOUND", "Reservation not found", ("reservation_id",)
        ),
        LeaseUnavailable: Answer(
            423, "LEASE_UNAVAILABLE", "Lease unavailable", ("session_id", "retry_after")
        ),
        LeaseLost: Answer(409, "LEASE_LOST", "Lease lost", ("session_id",)),
        StoreUnavailable: Answer(
            503, "STORE_UNAVAILABLE", "Store unavailable", ("retry_after", "outcome"), _STORE_OUT
        ),
        InvalidStore: Answer(500, "INVALID_STORE", "Invalid store", (), _STORE_WRONG),
        InvalidKeyring: Answer(500, "INVALID_KEYRING", "Invalid keyring", (), _STORE_WRONG),
        DecryptionFailed: Answer(
            500, "DECRYPTION_FAILED", "Decryption failed", ("session_id",), _STORE_WRONG
        ),
        SessionRolledBack: Answer(
            409, "SESSION_ROLLED_BACK", "Session rolled back", ("session_id", "seen", "found")
        ),
    }
)
STALE: Final = Answer(412, "PRECONDITION_FAILED", "Precondition failed", ("session_id", "found"))


class Problem(HTTPException):
    """What a request is answered with when it cannot have what it asks for."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        facts: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code, self.title, self.facts = code, title, facts or {}

    def response(self, request: HTTPConnection) -> Response:
        """Write it as the answer to a request."""
        content = {
            "type": "urn:holdfast:problem:" + self.code.lower().replace("_", "-"),
            "title": self.title,
            "status": self.status_code,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id(request),
            **self.facts,
        }
        return JSONResponse(
            content, status_code=self.status_code, headers=self.headers, media_type=PROBLEM_JSON
        )


def request_id(request: HTTPConnection) -> str:
    """Give the id that a middleware found or made for the request; without one, make it here."""
    if "request_id" not in request.state:
        request.state.request_id = secrets.token_hex(16)
    return str(request.state.request_id)


def problem_of(
    error: HoldfastError,
    *,
    answers: Mapping[type[HoldfastError], Answer] = ANSWERS,
    revealing: bool = True,
) -> Problem:
    """Say how an error is answered: as the nearest class of it that `answers` knows."""
    answer = next(answers[kind] for kind in type(error).__mro__ if kind in answers)
    return _written(answer, error, revealing=revealing)


def add_error_handlers(
    app: FastAPI,
    *,
    answers: Mapping[type[HoldfastError], Answer] = ANSWERS,
    revealing: bool = True,
) -> None:
    """Answer errors of Holdfast, and every `Problem` raised, as problem details.

    Without `revealing`, errors of the store's inside are answered in general words.
    """

    async def answer_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HoldfastError)  # noqa: S101 - that is what it is registered for
        if isinstance(error, RevisionConflict) and "if-match" in request.headers:
            # The revision that did not match was the caller's precondition (RFC 9110, 13.1.1).
            return _written(STALE, error, revealing=revealing).response(request)
        return problem_of(error, answers=answers, revealing=revealing).response(request)

    async def answer_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)  # noqa: S101 - that is what it is registered for
        return problem.response(request)

    app.add_exception_handler(HoldfastError, answer_error)
    app.add_exception_handler(Problem, answer_problem)


def lifespan(
    store: str | SessionStore[M], **options: Any
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Make a lifespan for an application: its store is open while the application runs.

    `store` is a store, or the URL of one; `options` are those of `open_store`.
    """

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncGenerator[None]:
        chosen = open_store(store, **options) if isinstance(store, str) else store
        async with chosen:
            app.state.holdfast_store = chosen
            yield

    return opened


async def current_store(connection: HTTPConnection) -> SessionStore[Any]:
    """Find the store that the application's lifespan has opened."""
    return connection.app.state.holdfast_store  # type: ignore[no-any-return]


Store = Annotated[SessionStore[M], Depends(current_store)]
"""The open store as a parameter of a handler; `Store[Visit]` when the sessions are `Visit`s."""


def _written(answer: Answer, error: HoldfastError, *, revealing: bool) -> Problem:
    facts = {name: getattr(error, name) for name in answer.facts}
    headers: dict[str, str] = {}
    if "retry_after" in facts:
        headers["Retry-After"] = str(max(1, math.ceil(facts["retry_after"])))
    detail = str(error) if revealing or answer.public is None else answer.public
    return Problem(answer.status, answer.code, answer.title, detail, facts=facts, headers=headers)
