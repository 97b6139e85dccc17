"""What the service refuses by itself, and how everything that is refused is answered."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from holdfast.errors import DecryptionFailed, HoldfastError, InvalidSession
from holdfast.fastapi import ANSWERS, Answer, Problem, add_error_handlers, problem_of
from holdfast.server.database import DatabaseUnavailable, InvalidDatabase
from holdfast.server.users.errors import (
    HashingBusy,
    InvalidUser,
    LastAdmin,
    SetupRefused,
    UserExists,
    UserNotFound,
)
from holdfast.support import AnswerUnavailable, EngineFailed, PriceUnknown
from holdfast.support.knowledge import InvalidDocument, KnowledgeUnavailable

SERVICE_ANSWERS: Final[Mapping[type[HoldfastError], Answer]] = MappingProxyType(
    {
        **ANSWERS,
        AnswerUnavailable: Answer(
            503,
            "ANSWER_UNAVAILABLE",
            "Answer unavailable",
            ("session_id", "message_id", "number", "retry_after"),
        ),
        PriceUnknown: Answer(
            503,
            "PRICE_UNKNOWN",
            "Price unknown",
            (),
            "No answer can be made: nobody knows what it would cost. The operator has been told.",
        ),
        EngineFailed: Answer(
            503,
            "ANSWER_UNAVAILABLE",
            "Answer unavailable",
            (),
            "No answer could be made just now. Please try again in a moment.",
        ),
        DatabaseUnavailable: Answer(
            503, "DATABASE_UNAVAILABLE", "Database unavailable", ("retry_after",)
        ),
        InvalidDatabase: Answer(
            500,
            "INVALID_DATABASE",
            "Invalid database",
            (),
            "The application database cannot be used as it is.",
        ),
        HashingBusy: Answer(503, "SIGN_IN_BUSY", "Sign-in busy", ("retry_after",)),
        InvalidUser: Answer(422, "INVALID_REQUEST", "Invalid request", ("field", "rule")),
        LastAdmin: Answer(409, "LAST_ADMIN", "Last admin"),
        SetupRefused: Answer(403, "SETUP_REFUSED", "Setup refused"),
        UserExists: Answer(409, "USER_EXISTS", "User exists", ("name",)),
        UserNotFound: Answer(404, "USER_NOT_FOUND", "User not found", ("user",)),
        InvalidDocument: Answer(422, "INVALID_REQUEST", "Invalid request", ("rule",)),
        KnowledgeUnavailable: Answer(
            503,
            "KNOWLEDGE_UNAVAILABLE",
            "Knowledge unavailable",
            (),
            "The knowledge base cannot be read. Please try again in a moment.",
        ),
    }
)


# What the library calls a value, and what it is called where callers write it.
WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {"ttl": "ttl_seconds", "wait": "wait_seconds", "change_id": "Idempotency-Key"}
)


def unauthenticated(detail: str) -> Problem:
    """Make the answer to a caller whom nothing shows to be who they say."""
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, "UNAUTHENTICATED", "Unauthenticated", detail, headers=headers)


def forbidden(detail: str) -> Problem:
    """Make the answer to a caller who is known and may not."""
    return Problem(403, "FORBIDDEN", "Forbidden", detail)


def not_found(detail: str = "There is nothing at this address.") -> Problem:
    """Make the answer where there is nothing: no session, no route."""
    return Problem(404, "NOT_FOUND", "Not found", detail)


def invalid(field: str, rule: str) -> Problem:
    """Make the answer to a request that breaks a rule."""
    facts = {"field": field, "rule": rule}
    return Problem(422, "INVALID_REQUEST", "Invalid request", f"{field}: {rule}", facts=facts)


def answer_errors(app: FastAPI, *, revealing: bool, debug: bool) -> None:
    """Answer everything that goes wrong in an application as problem details.

    With `revealing` our own errors are told in their own words, with `debug` unexpected ones too.
    """
    add_error_handlers(app, answers=SERVICE_ANSWERS, revealing=revealing)
    app.add_exception_handler(DecryptionFailed, partial(_answer_broken, revealing=revealing))
    app.add_exception_handler(InvalidSession, _answer_rule)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(Exception, _answer_revealed if debug else _answer_unexpected)


async def _answer_broken(request: Request, error: Exception, *, revealing: bool) -> Response:
    """Put a value that does not open on the trail: somebody may have altered it."""
    assert isinstance(error, DecryptionFailed)  # noqa: S101 - registered for it
    trail = request.app.state.service.trail
    await trail.record("seal.broken", outcome="failed", session_id=error.session_id)
    problem = problem_of(error, answers=SERVICE_ANSWERS, revealing=revealing)
    return problem.response(request)


async def _answer_rule(request: Request, error: Exception) -> Response:
    """Name what broke a rule of the library as the caller of this interface wrote it."""
    assert isinstance(error, InvalidSession)  # noqa: S101 - registered for it
    field = WRITTEN.get(error.field, error.field)
    if error.field == "append" and request.url.path.endswith("/items"):
        field = "items"
    return invalid(field, error.rule).response(request)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = [_explained(detail) for detail in error.errors()]
    field, rule = found[0]["field"], found[0]["rule"]
    problem = invalid(field, rule)
    problem.facts = {**problem.facts, "errors": found}
    return problem.response(request)


async def _answer_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # The framework could not read the body: nested too deeply, no UTF-8, a number too long.
        return invalid("body", "must be JSON that can be read").response(request)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return not_found().response(request)
    status = HTTPStatus(error.status_code)
    problem = Problem(
        status, status.name, status.phrase, f"{status.phrase}.", headers=error.headers
    )
    return problem.response(request)


async def _answer_unexpected(request: Request, _: Exception) -> Response:
    detail = "Something went wrong here. The operator can find it by the request id."
    return Problem(500, "INTERNAL_ERROR", "Internal error", detail).response(request)


async def _answer_revealed(request: Request, error: Exception) -> Response:
    detail = f"{type(error).__name__}: {error}"
    return Problem(500, "INTERNAL_ERROR", "Internal error", detail).response(request)


def _explained(detail: Mapping[str, Any]) -> dict[str, str]:
    """Name the field as the caller wrote it, and the rule; the value may be a secret."""
    place = [str(part) for part in detail["loc"]]
    named = place[1:] if len(place) > 1 else place
    if detail["type"] == "json_invalid":
        error = str(detail["ctx"]["error"])
        if "hex escape" in error:
            error += "; a lone surrogate is no character"
        return {"field": "body", "rule": f"must be JSON ({error})"}
    field = ".".join(named) or "body"
    rule = detail["msg"].removeprefix("Value error, ").removeprefix(f"{field}: ")
    return {"field": field, "rule": rule}
