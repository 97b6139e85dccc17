"""`/v1/auth/setup`: the first admin, made by the link that `holdfast serve` printed.

The link is `/setup#token`. What stands behind `#` is not sent when the page is fetched, so the
token is in no log and no history of a proxy; fetching the page changes nothing.
"""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Depends, Request, Response

from holdfast.server.json_route import JsonRoute
from holdfast.server.service import Service
from holdfast.server.users.bodies import FirstAdmin, UserReply
from holdfast.server.users.errors import SetupRefused
from holdfast.server.visitors import Parts, network, refuse_other_sites

PAGE: Final = "/setup"
CONTENT_TYPES: Final = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}

router = APIRouter()


async def set_up(body: FirstAdmin, request: Request, parts: Parts) -> UserReply:
    """Make the first admin, once; the token stays good when name or password are refused."""
    token, password = body.token.get_secret_value(), body.password.get_secret_value()
    try:
        user = await parts.setup.complete(token, body.username, password)
    except SetupRefused:
        await _tell(parts, request, "refused")
        raise
    await _tell(parts, request, "ok", user.user_id)
    return UserReply.of(user)


router.add_api_route(
    "/v1/auth/setup",
    set_up,
    methods=["POST"],
    status_code=201,
    tags=["Sign-in"],
    dependencies=[Depends(refuse_other_sites)],
    route_class_override=JsonRoute,
)


@router.api_route(PAGE, methods=["GET", "HEAD"], include_in_schema=False)
async def page() -> Response:
    """Show the form."""
    return _file("setup.html")


@router.api_route("/setup.js", methods=["GET", "HEAD"], include_in_schema=False)
async def script() -> Response:
    """Give what the form does."""
    return _file("setup.js")


def _file(name: str) -> Response:
    content = (files("holdfast.server.users") / "page" / name).read_bytes()
    return Response(content, media_type=CONTENT_TYPES[name.rpartition(".")[2]])


async def _tell(parts: Service, request: Request, outcome: str, user_id: str | None = None) -> None:
    await parts.trail.record(
        "admin.setup", outcome=outcome, actor=user_id, network=network(request)
    )
