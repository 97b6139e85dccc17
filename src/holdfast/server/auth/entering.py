"""Signing in: a name and a password become a login, or the one answer to all that failed.

Whether the name is known, the password right, the user disabled or the account throttled, nobody
learns from the answer (OWASP ASVS 6.3.8).
"""

from typing import Final, NamedTuple

from holdfast.fastapi import Problem
from holdfast.fingerprint import Client
from holdfast.rotation import new_secret, secret_hash
from holdfast.server.auth.login import Bearing, Login
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.throttle import Admission
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.problems import unauthenticated
from holdfast.server.users import User
from holdfast.server.users.errors import HashingBusy
from holdfast.server.users.user import spelled

REFUSED: Final = "The name or the password is not right, or too many have been tried."


class Asked(NamedTuple):
    """Who wants in: by which name, from where, on which device if that is known."""

    name: str
    password: str
    client: Client
    network: str
    device_cookie: str | None


class Entered(NamedTuple):
    """A device that is signed in; `secret` opens it where a cookie does."""

    login: Login
    secret: str | None
    device_cookie: str


async def enter(sign_in: SignIn, asked: Asked, *, bearing: Bearing) -> Entered:
    """Sign somebody in.

    Raises:
        Problem: it is not them, or they have to wait.
    """
    admission = await _admit(sign_in, asked)
    user = await _check(sign_in, asked, admission)
    secret = new_secret() if bearing == "cookie" else None
    login = None if user is None else await _begin(sign_in, user, asked, bearing, secret)
    if login is None:
        await _tell(sign_in, "login.failed", asked, outcome="refused")
        raise unauthenticated(REFUSED)
    cookie = await sign_in.throttle.succeeded(admission)
    await _tell(sign_in, "login.ok", asked, login=login)
    return Entered(login, secret, cookie)


async def confirm(sign_in: SignIn, asked: Asked) -> User | None:
    """Give the user whose password this is; tries are counted as those to sign in are.

    Raises:
        Problem: too many have been tried.
    """
    admission = await _admit(sign_in, asked)
    user = await _check(sign_in, asked, admission)
    if user is None:
        await _tell(sign_in, "login.failed", asked, outcome="refused")
    else:
        await sign_in.throttle.succeeded(admission)
    return user


async def _check(sign_in: SignIn, asked: Asked, admission: Admission) -> User | None:
    try:
        known = admission.device is not None
        return await sign_in.users.check(asked.name, asked.password, known_device=known)
    except (HashingBusy, DatabaseUnavailable):
        # Nobody has looked at it, so it is no wrong password.
        await sign_in.throttle.withdraw(admission)
        raise


async def _admit(sign_in: SignIn, asked: Asked) -> Admission:
    admission = await sign_in.throttle.admit(asked.name, asked.network, asked.device_cookie)
    if admission.allowed:
        return admission
    await _tell(sign_in, "login.throttled", asked, outcome="refused")
    if admission.retry_after is None:
        raise unauthenticated(REFUSED)
    # Told by network alone, so it says nothing about any account.
    detail = f"Too many sign-ins were tried from here. Please wait {admission.retry_after} s."
    raise Problem(
        429,
        "RATE_LIMITED",
        "Rate limited",
        detail,
        facts={"retry_after": admission.retry_after},
        headers={"Retry-After": str(admission.retry_after)},
    )


async def _begin(
    sign_in: SignIn, user: User, asked: Asked, bearing: Bearing, secret: str | None
) -> Login | None:
    return await sign_in.logins.begin(
        user,
        sign_in.users,
        asked.client,
        bearing=bearing,
        secret_hash=None if secret is None else secret_hash(secret),
    )


async def _tell(
    sign_in: SignIn, event: str, asked: Asked, *, outcome: str = "ok", login: Login | None = None
) -> None:
    await sign_in.trail.record(
        event,
        outcome=outcome,
        actor=spelled(asked.name) if login is None else login.user_id,
        session_id=None if login is None else login.session_id,
        network=asked.client.ip_address,
    )
