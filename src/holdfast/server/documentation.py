"""What the OpenAPI document says beside what handlers declare: how a request can be refused.

Refusals come from what stands around handlers as much as from them, so they are written down once,
by what an operation takes, instead of at each of them.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from holdfast.fastapi import PROBLEM_JSON

PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457); facts of the case stand beside these.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
SECURITY: Final[Mapping[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, an access token, or the secret of a conversation.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-hf_session",
        "description": "The sign-in of a browser; what changes something needs X-CSRF-Token too.",
    },
}
# What the framework would have said instead.
REPLACED: Final = ("HTTPValidationError", "ValidationError")
# Where something else may be in the way, by how a path begins.
CONTENDED: Final[Mapping[str, tuple[int, ...]]] = {
    "/v1/sessions": (402, 409, 423),
    "/v1/chat/sessions": (402, 409, 423),
    "/v1/users": (409,),
    "/v1/auth/setup": (409,),
}
METHODS: Final = ("get", "post", "put", "patch", "delete")


def document_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """Add to each operation with which statuses it can be refused."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in REPLACED:
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components["securitySchemes"] = SECURITY
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                _complete(operations[method], path, method)
    return document


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in sorted({*_refusals(operation, path, method)}):
        responses.setdefault(str(status), _refusal(status))
    if path.startswith("/v1/"):
        operation["security"] = [{"bearer": []}, {"cookie": []}]


def _refusals(operation: Mapping[str, Any], path: str, method: str) -> Iterator[int]:
    if path == "/metrics":
        yield from (401, 403, 404)
    if path == "/health/ready":
        yield 503
    if not path.startswith("/v1/"):
        return
    yield from (401, 403, 422, 429, 503)
    if "requestBody" in operation:
        yield from (413, 415)
    if "{" in path:
        yield 404
    if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ())):
        yield 412
    if method != "get":
        for beginning, statuses in CONTENDED.items():
            if path.startswith(beginning):
                yield from statuses


def _refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM_JSON: {"schema": schema}}}
