"""`/v1/users`: who can sign in; for admins, and for services with the scope `users`.

What a user may do is kept with each sign-in, so every change that takes something away ends them
all: first the database knows it, then the sign-ins end. A call that was interrupted between the two
can be made again; what it left ends within a minute of use, but where only the password is new.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from holdfast.server.auth.parts import SignIn, SigningIn
from holdfast.server.auth.principal import Caller, require_scope
from holdfast.server.auth.routes import require_fresh
from holdfast.server.clients import client_of
from holdfast.server.json_route import JsonRoute
from holdfast.server.users.bodies import (
    ChangedReply,
    NewUser,
    RemovedReply,
    UserChange,
    UserReply,
    UsersQuery,
    UsersReply,
)
from holdfast.server.users.errors import UserNotFound
from holdfast.server.users.user import User

_require_scope = require_scope("users")


class AdminRoute(JsonRoute):
    """A route for who manages users; they are checked before anything of the request is read.

    What changes users needs a sign-in that is not long ago, where a user asks.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before the handler."""
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            caller = await _require_scope(request)
            if request.method != "GET" and caller.kind == "user":
                await require_fresh(request.app.state.sign_in, caller, client_of(request))
            return await handle(request)

        return check_and_handle


router = APIRouter(prefix="/v1/users", tags=["Users"], route_class=AdminRoute)


@router.get("")
async def list_users(query: Annotated[UsersQuery, Query()], sign_in: SigningIn) -> UsersReply:
    """List users by name, a page at a time."""
    users = await sign_in.users.list(after=query.after, limit=query.limit)
    more = users[-1].name if len(users) == query.limit else None
    return UsersReply(users=[UserReply.of(user) for user in users], next_after=more)


@router.post("", status_code=201)
async def add(body: NewUser, caller: Caller, response: Response, sign_in: SigningIn) -> UserReply:
    """Add a user."""
    password = body.password.get_secret_value()
    user = await sign_in.users.add(body.name, password, roles=body.roles)
    await _tell(sign_in, "user.added", caller.user_id, user.user_id, roles=_written(user))
    response.headers["Location"] = f"/v1/users/{user.user_id}"
    return UserReply.of(user)


@router.get("/{user_id}")
async def show(user_id: str, sign_in: SigningIn) -> UserReply:
    """Show a user."""
    return UserReply.of(await _found(sign_in, user_id))


@router.patch("/{user_id}")
async def change(
    user_id: str, body: UserChange, caller: Caller, sign_in: SigningIn
) -> ChangedReply:
    """Change roles, password, or whether a user may sign in; it ends all their sign-ins."""
    password = None if body.password is None else body.password.get_secret_value()
    user = await sign_in.users.change(
        user_id, roles=body.roles, disabled=body.disabled, password=password, keep_admin=True
    )
    ended = await sign_in.logins.end_all(user_id)
    for event, facts in _happened(body, user):
        await _tell(sign_in, event, caller.user_id, user_id, **facts)
    return ChangedReply.model_validate({**UserReply.of(user).model_dump(), "ended": ended})


@router.delete("/{user_id}")
async def remove(user_id: str, caller: Caller, sign_in: SigningIn) -> RemovedReply:
    """Remove a user, and end all their sign-ins."""
    # Until nothing is left of them the user stays, disabled: the call can be made again.
    await sign_in.users.disable(user_id, keep_admin=True)
    ended = await sign_in.logins.end_all(user_id)
    if not await sign_in.users.remove(user_id):
        raise UserNotFound(user_id)
    await _tell(sign_in, "user.removed", caller.user_id, user_id)
    return RemovedReply(user_id=user_id, ended=ended)


async def _found(sign_in: SignIn, user_id: str) -> User:
    user = await sign_in.users.get(user_id)
    if user is None:
        raise UserNotFound(user_id)
    return user


def _happened(body: UserChange, user: User) -> list[tuple[str, dict[str, str]]]:
    """Name the events of a change, as the trail knows them."""
    events: list[tuple[str, dict[str, str]]] = []
    if body.roles is not None:
        events.append(("user.changed", {"roles": _written(user)}))
    if body.password is not None:
        events.append(("password.changed", {}))
    if body.disabled is not None:
        events.append(("user.disabled" if body.disabled else "user.enabled", {}))
    return events


def _written(user: User) -> str:
    return " ".join(sorted(user.roles))


async def _tell(sign_in: SignIn, event: str, actor: str | None, user_id: str, **facts: str) -> None:
    named = sign_in.trail.pseudonym(user_id)
    await sign_in.trail.record(event, actor=actor, user=named, **facts)
