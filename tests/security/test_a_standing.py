"""Sign-ins whose user has changed, and that could not be ended: they end when they are used."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast import StoreUnavailable
from holdfast.server.access import principal_of
from holdfast.server.auth import watching
from holdfast.server.auth.standing import LOOKED_UP_SECONDS
from holdfast.server.auth.watching import until_signed_out
from holdfast.server.closing import Ended
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.users import User, Users
from tests.security.processes import KEYS
from tests.security.sign_in import desk
from tests.security.signed_in import SignedIn

Taking = Callable[[Users, str], Awaitable[object]]


async def disabled(users: Users, user_id: str) -> None:
    await users.disable(user_id)


async def other_role(users: Users, user_id: str) -> None:
    await users.change(user_id, roles={"admin"})


TAKING = pytest.mark.parametrize("taking", [disabled, other_role])


@TAKING
async def test_security_011_a_sign_in_that_was_left_is_not_refreshed(
    signed_in: SignedIn, taking: Taking
) -> None:
    """It ends by being tried, also where the access token was never used."""
    device, other = await signed_in.begin("anna"), await signed_in.begin("ben")
    await taking(signed_in.parts.users, (await signed_in.user("anna")).user_id)
    answer = await signed_in.refresh(device.refresh_token)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert await signed_in.parts.logins.store.get(device.handle) is None
    assert (await signed_in.refresh(other.refresh_token)).status_code == 200


@TAKING
@pytest.mark.parametrize("cookie", [False, True])
async def test_security_011_a_sign_in_that_was_left_ends_within_a_minute(
    signed_in: SignedIn, taking: Taking, cookie: bool
) -> None:
    """However often it is used meanwhile: it is looked up again."""
    device = await signed_in.begin("anna", cookie=cookie)
    assert await signed_in.knows(device)
    await taking(signed_in.parts.users, (await signed_in.user("anna")).user_id)
    signed_in.ahead.seconds += LOOKED_UP_SECONDS / 2
    await signed_in.knows(device)
    signed_in.ahead.seconds += LOOKED_UP_SECONDS / 2
    assert not await signed_in.knows(device)
    assert await signed_in.parts.logins.store.get(device.handle) is None


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_security_011_who_is_disabled_during_an_outage_is_out_after_it(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """As is who was to be removed. The call is answered with 503; nobody has to make it again."""
    admin = await signed_in.begin("ada", role="admin")
    device = await signed_in.begin("anna")
    user_id = (await signed_in.user("anna")).user_id

    async def out(**_: object) -> None:
        raise StoreUnavailable(retry_after=1)

    with monkeypatch.context() as patched:
        patched.setattr(signed_in.parts.logins.store, "list_active", out)
        answer = await signed_in.client.request(
            method,
            f"/v1/users/{user_id}",
            json={"disabled": True} if method == "PATCH" else None,
            headers=admin.headers,
        )
    assert answer.status_code == 503
    assert (await signed_in.refresh(device.refresh_token)).status_code == 401
    assert not await signed_in.knows(device)


async def test_security_011_a_user_of_another_service_is_not_signed_out(
    store_url: str,
) -> None:
    """Services on one store may have databases of their own, and know nothing of each other's."""
    async with desk(store_url, KEYS) as parts:
        token = await parts.token()
        parts.people.users.clear()
        await parts.refresh(token)


async def test_security_011_a_database_that_is_out_ends_no_sign_in(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is let in meanwhile; the refresh token is as good afterwards as it was."""
    device = await signed_in.begin("anna")

    async def out(*_: object) -> User:
        raise DatabaseUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(signed_in.parts.users, "get", out)
        answer = await signed_in.refresh(device.refresh_token)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        me = await signed_in.client.get("/v1/auth/me", headers=device.headers)
        assert me.status_code == 503
    signed_in.ahead.seconds += 120
    assert (await signed_in.refresh(device.refresh_token)).status_code == 200


async def test_security_011_060_a_socket_does_not_outlive_its_user(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody needs to say anything on it: it is looked up while it is open."""
    monkeypatch.setattr(watching, "LOOKED_UP_SECONDS", 0.05)
    device = await signed_in.begin("anna")
    login = await signed_in.parts.logins.get(device.handle)
    assert login is not None
    guard = asyncio.create_task(until_signed_out(signed_in.parts, principal_of(login)))
    await asyncio.wait({guard}, timeout=0.2)
    assert not guard.done()
    await disabled(signed_in.parts.users, str(login.user_id))
    signed_in.ahead.seconds += LOOKED_UP_SECONDS
    async with asyncio.timeout(20):
        with pytest.raises(Ended):
            await guard
