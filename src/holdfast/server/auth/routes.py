"""`/v1/auth`: sign in, stay signed in, see where one is signed in, sign out."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from holdfast.fastapi import Problem
from holdfast.fingerprint import Client, network
from holdfast.server.auth.bodies import (
    Credentials,
    DeviceReply,
    DevicesReply,
    EndedReply,
    LogoutRequest,
    MeReply,
    PasswordRequest,
    RefreshRequest,
    TokensReply,
)
from holdfast.server.auth.cookies import SESSION_COOKIE, read_cookie, set_cookie
from holdfast.server.auth.entering import Asked, Entered, confirm, enter
from holdfast.server.auth.known_devices import LONGEST_KNOWN
from holdfast.server.auth.leaving import leave
from holdfast.server.auth.login import Login
from holdfast.server.auth.parts import SignIn, SigningIn
from holdfast.server.auth.principal import Caller, Principal, identified
from holdfast.server.auth.terms import FRESH_SECONDS
from holdfast.server.clients import client_of
from holdfast.server.csrf import CSRF_HEADER
from holdfast.server.json_route import OptionalJsonRoute
from holdfast.server.problems import forbidden, not_found, unauthenticated
from holdfast.server.users.passwords import check_password
from holdfast.server.visitors import AskingSite, is_own_page, refuse_other_sites

DEVICE_COOKIE: Final = "hf_device"
# What pages of this origin keep. Not its cookies: the device stays known, visitors keep their own.
CLEARED: Final = '"storage"'

OWN_SITE = (Depends(refuse_other_sites),)

router = APIRouter(prefix="/v1/auth", tags=["Sign-in"], route_class=OptionalJsonRoute)


@router.post("/login", dependencies=OWN_SITE, response_model_exclude_none=True)
async def login(
    body: Credentials, request: Request, response: Response, sign_in: SigningIn, site: AskingSite
) -> TokensReply:
    """Sign in: a program gets tokens, a page of this service a cookie that no script can read."""
    if body.cookie and site == "unsaid":
        raise forbidden("For a cookie, Sec-Fetch-Site or Origin must show that this page asks.")
    by_cookie = body.cookie or is_own_page(request, site)
    asked = _asked(request, body.username, body.password.get_secret_value())
    before = await identified(request)
    entered = await enter(sign_in, asked, bearing="cookie" if by_cookie else "tokens")
    if before is not None and before.login_id is not None:
        # Whoever signs in anew has a new session, and the one before is worth nothing.
        await sign_in.logins.end(before.login_id)
    set_cookie(response, request, DEVICE_COOKIE, entered.device_cookie, max_age=LONGEST_KNOWN)
    return _welcome(sign_in, request, response, entered)


@router.post("/refresh", response_model_exclude_none=True)
async def refresh(body: RefreshRequest, request: Request, sign_in: SigningIn) -> TokensReply:
    """Exchange a refresh token for a new pair; the same one again soon gets the same successor."""
    token = body.refresh_token.get_secret_value()
    refreshed = await sign_in.refreshing.refresh(token, client_of(request))
    if refreshed is None:
        raise unauthenticated("This refresh token is not good any more. Sign in again.")
    return _tokens(sign_in, refreshed.login, refreshed.token)


@router.post("/logout")
async def logout(
    request: Request,
    response: Response,
    sign_in: SigningIn,
    body: LogoutRequest | None = None,
) -> EndedReply:
    """Sign out; who is not signed in (any more) is told the same."""
    body = body or LogoutRequest()
    shown = _shown(sign_in, body, await identified(request))
    address = client_of(request).ip_address
    ended = await leave(sign_in, shown, everywhere=body.everywhere, address=address)
    set_cookie(response, request, SESSION_COOKIE, "", max_age=0)
    response.headers["Clear-Site-Data"] = CLEARED
    return EndedReply(ended=ended)


@router.get("/me", response_model_exclude_none=True)
async def me(caller: Caller, response: Response, sign_in: SigningIn) -> MeReply:
    """Say who is calling; a page gets the token that it has to send with what it changes."""
    if caller.login_id is not None:
        response.headers[CSRF_HEADER] = sign_in.csrf.issue(caller.login_id)
    return MeReply.of(caller)


async def _user(caller: Caller) -> Principal:
    """Let users pass who are signed in.

    Raises:
        Problem: a service is calling.
    """
    if caller.login_id is None or caller.user_id is None:
        raise forbidden("This is for users who are signed in.")
    return caller


User = Annotated[Principal, Depends(_user)]


@router.get("/sessions")
async def devices(user: User, sign_in: SigningIn) -> DevicesReply:
    """List the devices on which the caller is signed in."""
    logins = await sign_in.logins.of_user(user.user_id or "")
    shown = [DeviceReply.of(login, current=user.login_id) for login in logins]
    return DevicesReply(sessions=shown)


@router.delete("/sessions")
async def end_others(user: User, request: Request, sign_in: SigningIn) -> EndedReply:
    """Sign the caller out on all other devices."""
    ended = await _end_others(sign_in, user)
    await _tell(sign_in, request, "logout.everywhere", user, ended=ended)
    return EndedReply(ended=ended)


@router.delete("/sessions/{handle}")
async def end_one(handle: str, user: User, request: Request, sign_in: SigningIn) -> EndedReply:
    """Sign the caller out on one device; another user's is answered as one that is not there."""
    found = await sign_in.logins.get(handle)
    if found is None or found.user_id != user.user_id:
        raise not_found()
    await sign_in.logins.end(handle)
    await _tell(sign_in, request, "session.revoked", user)
    return EndedReply(ended=1)


@router.post("/password")
async def change_password(
    body: PasswordRequest, user: User, request: Request, sign_in: SigningIn
) -> EndedReply:
    """Change one's password; that needs the present one, and a sign-in that is not long ago."""
    await require_fresh(sign_in, user, client_of(request))
    asked = _asked(request, user.name or "", body.current_password.get_secret_value())
    known = await confirm(sign_in, asked)
    if known is None or known.user_id != user.user_id:
        raise forbidden("The present password is not right.")
    password = body.new_password.get_secret_value()
    check_password(password, name=known.name)
    # Before, too: it cannot be asked for again once the present password is the new one. After,
    # for those who came in meanwhile.
    ended = await _end_others(sign_in, user) if body.end_others else 0
    await sign_in.users.set_password(known.user_id, password)
    ended += await _end_others(sign_in, user) if body.end_others else 0
    await _tell(sign_in, request, "password.changed", user, ended=ended)
    return EndedReply(ended=ended)


async def _end_others(sign_in: SignIn, user: Principal) -> int:
    return await sign_in.logins.end_all(user.user_id or "", except_=user.login_id)


async def require_fresh(sign_in: SignIn, caller: Principal, client: Client) -> None:
    """Let those pass who gave their password a short time ago, on this device (ASVS 7.5.1).

    Raises:
        Problem: it was too long ago, or the device has changed since.
    """
    found = await sign_in.logins.get(caller.login_id or "")
    login = found and await sign_in.recognition.recognise(found, client)
    if login is None:
        raise unauthenticated("Sign in again.")
    given = login.authenticated_at
    if given is None or sign_in.logins.now() - given > timedelta(seconds=FRESH_SECONDS):
        detail = "This needs a sign-in of the last 15 minutes. Sign in again."
        raise Problem(403, "REAUTH_REQUIRED", "Sign in again", detail)


def _asked(request: Request, name: str, password: str) -> Asked:
    cookie, client = read_cookie(request, DEVICE_COOKIE), client_of(request)
    return Asked(name, password, client, network(client.ip_address) or "", cookie)


def _welcome(
    sign_in: SignIn, request: Request, response: Response, entered: Entered
) -> TokensReply:
    login = entered.login
    if entered.secret is None:
        return _tokens(sign_in, login, sign_in.refresh_tokens.issue(login.session_id, 0))
    seconds = int((sign_in.logins.ends(login) - sign_in.logins.now()).total_seconds())
    value = f"{login.session_id}.{entered.secret}"
    set_cookie(response, request, SESSION_COOKIE, value, max_age=seconds)
    response.headers[CSRF_HEADER] = sign_in.csrf.issue(login.session_id)
    return TokensReply(token_type="cookie", expires_in=seconds)  # noqa: S106 - a kind


def _tokens(sign_in: SignIn, login: Login, refresh_token: str) -> TokensReply:
    token, seconds = sign_in.access_tokens.issue(login, ends=sign_in.logins.ends(login))
    return TokensReply(access_token=token, refresh_token=refresh_token, expires_in=seconds)


def _shown(sign_in: SignIn, body: LogoutRequest, caller: Principal | None) -> set[str]:
    """Give the logins that a request shows: by the caller's credential, by a refresh token."""
    shown = set[str]()
    if caller is not None and caller.login_id is not None:
        shown.add(caller.login_id)
    if body.refresh_token is not None:
        token = sign_in.refresh_tokens.read(body.refresh_token.get_secret_value())
        if token is not None:
            shown.add(token.login_id)
    return shown


async def _tell(
    sign_in: SignIn, request: Request, event: str, user: Principal, *, ended: int = 1
) -> None:
    await sign_in.trail.record(
        event,
        actor=user.user_id,
        session_id=user.login_id,
        network=client_of(request).ip_address,
        ended=ended,
    )
