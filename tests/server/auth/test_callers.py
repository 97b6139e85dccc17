"""Who may do what: services by their scopes, users by their roles, everybody else nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect

from holdfast import StoreUnavailable
from holdfast.server import InvalidSettings, Settings
from holdfast.server.auth.api_keys import ApiKey, read_api_key
from holdfast.server.auth.principal import EVERYTHING, OPEN, SCOPES, Principal
from holdfast.server.database import DatabaseUnavailable
from tests.security.signed_in import PASSWORD, SignedIn, signed_in
from tests.server.conftest import Opening
from tests.server.inside import listening
from tests.server.talking import ending

__all__ = ["signed_in"]

READER = "a-key-that-reads=sessions:read|events"
TALKER = "a-key-for-chats=chat"
MANAGER = "the-key-of-a-manager=users"


@pytest.fixture
def store_url() -> str:
    return "memory://"


@pytest.mark.parametrize(
    ("written", "key", "scopes"),
    [
        ("plain", "plain", {EVERYTHING}),
        ("cGFkZGVk==", "cGFkZGVk==", {EVERYTHING}),
        ("key=chat", "key", {"chat"}),
        ("key=sessions:read|events", "key", {"sessions:read", "events"}),
        ("cGFkZGVk===users", "cGFkZGVk==", {"users"}),
    ],
)
def test_a_key_is_written_with_its_scopes(written: str, key: str, scopes: set[str]) -> None:
    """Alone it has all of them; what base64 ends with belongs to the key."""
    assert read_api_key(SecretStr(written)) == ApiKey(key.encode(), frozenset(scopes))


@pytest.mark.parametrize("written", ["key=chats", "key=chat|", "=chat", "se=cret", "key=chat,"])
def test_a_scope_that_there_is_none_of_stops_the_start(written: str) -> None:
    """The problem lists those that there are, and does not repeat what may be a key."""
    with pytest.raises(InvalidSettings, match="sessions:write") as refused:
        Settings.load(api_keys=[written])
    assert written not in str(refused.value)


def test_roles_contain_each_other() -> None:
    """An admin may do what staff may, and staff no more than that."""
    staff, admin = (Principal("user", roles=frozenset({role})) for role in ("staff", "admin"))
    assert [staff.has_role(role) for role in ("visitor", "staff", "admin")] == [True, True, False]
    assert [admin.has_role(role) for role in ("visitor", "staff", "admin")] == [True] * 3
    assert {scope for scope in SCOPES if staff.has_scope(scope)} == SCOPES - {"users"}  # type: ignore[arg-type]
    assert {scope for scope in SCOPES if admin.has_scope(scope)} == SCOPES  # type: ignore[arg-type]
    assert OPEN.has_role("admin")
    assert not Principal("service", scopes=frozenset({"chat"})).has_role("visitor")
    assert not Principal("visitor", roles=frozenset({"visitor"})).has_scope("chat")


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (READER, "GET /v1/sessions/count", 200),
        (READER, "POST /v1/sessions", 403),
        (READER, "GET /v1/users", 403),
        (MANAGER, "GET /v1/users", 200),
        (MANAGER, "GET /v1/sessions/count", 403),
        (TALKER, "GET /v1/sessions/count", 403),
        (TALKER, "POST /v1/chat/sessions", 201),
        (READER, "POST /v1/chat/sessions", 401),
    ],
)
async def test_a_key_opens_what_its_scopes_name(
    opening: Opening, key: str, path: str, status: int
) -> None:
    """Reading with one, chats with another, users with a third."""
    method, _, address = path.partition(" ")
    body: dict[str, Any] = {"user_id": "u-1"} if "chat" in address else {}
    headers = {"Authorization": f"Bearer {key.partition('=')[0]}"}
    async with opening(headers=headers, api_keys=[READER, TALKER, MANAGER]) as client:
        answer = await client.request(method, address, json=body if method == "POST" else None)
    assert answer.status_code == status


async def test_a_key_that_may_not_follow_events_is_forbidden_to(tmp_path: Path) -> None:
    """It is known, so it is told something else than one that is not."""
    async with listening(tmp_path, api_keys=[TALKER]) as (url, _):
        for key, code in ((TALKER.partition("=")[0], 4403), (TALKER, 4401)):
            async with connect(f"ws{url.removeprefix('http')}/v1/events") as socket:
                await socket.send(json.dumps({"token": key}))
                assert await ending(socket) == code


async def test_staff_use_the_sessions_and_admins_the_users(signed_in: SignedIn) -> None:
    """By an access token and by a cookie alike."""
    client = signed_in.client
    for cookie in (False, True):
        staff = await signed_in.begin("anna", cookie=cookie)
        admin = await signed_in.begin("ada", role="admin", cookie=cookie)
        for device, listed in ((staff, 403), (admin, 200)):
            made = await client.post("/v1/sessions", json={}, headers=device.headers)
            assert made.status_code == 201
            users = await client.get("/v1/users", headers=device.headers)
            assert users.status_code == listed


async def test_staff_open_every_conversation(signed_in: SignedIn) -> None:
    """Without its secret; and a user is taken from them."""
    client, staff = signed_in.client, await signed_in.begin("anna")
    begun = await client.post("/v1/chat/sessions", json={})
    path = f"/v1/chat/sessions/{begun.json()['session_id']}/messages"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=staff.headers)).status_code == 200
    named = {"user_id": "u-1"}
    assert (await client.post("/v1/chat/sessions", json=named)).status_code == 401
    answer = await client.post("/v1/chat/sessions", json=named, headers=staff.headers)
    assert answer.status_code == 201


async def test_a_key_is_no_user(signed_in: SignedIn) -> None:
    """It is told what it is, and has no devices and no password."""
    headers = {"Authorization": "Bearer an-api-key-of-the-tests"}
    me = (await signed_in.client.get("/v1/auth/me", headers=headers)).json()
    assert me == {"kind": "service", "roles": [], "scopes": ["*"]}
    answer = await signed_in.client.get("/v1/auth/sessions", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_security_082_without_the_store_nobody_is_anybody(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is signed in is told that the store is out; nobody is let through, or made anonymous."""
    devices = [await signed_in.begin("anna", cookie=cookie) for cookie in (False, True)]

    async def out(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(signed_in.parts.logins.store, "get", out)
    monkeypatch.setattr(signed_in.parts.logins.store, "apply", out)
    for device in devices:
        for path in ("/v1/auth/me", "/v1/sessions/count", "/v1/users"):
            answer = await signed_in.client.get(path, headers=device.headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        begun = await signed_in.client.post("/v1/chat/sessions", json={}, headers=device.headers)
        assert begun.status_code == 503
    assert (await signed_in.refresh(devices[0].refresh_token)).status_code == 503


async def test_security_082_an_outage_of_the_database_is_no_wrong_password(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is tried meanwhile, the user signs in as soon as the database answers."""
    await signed_in.user("anna", password=PASSWORD)

    async def out(*_: str) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(signed_in.parts.users, "_known", out)
        answers = [await signed_in.sign_in("anna") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {503}
    assert (await signed_in.sign_in("anna")).status_code == 200


@pytest.mark.parametrize(
    ("agent", "status"), [("python-httpx2/99", 200), ("curl/8.5", 403)], ids=["same", "other"]
)
async def test_another_browser_has_to_give_the_password_again(
    signed_in: SignedIn, agent: str, status: int
) -> None:
    """It reads on with the cookie, and changes nothing that is sensitive."""
    await signed_in.user("ada", role="admin")
    admin = await signed_in.begin("ada", role="admin", cookie=True, address="127.0.0.1")
    user = await signed_in.user("ben")
    headers = {**admin.headers, "User-Agent": agent}
    path = f"/v1/users/{user.user_id}"
    answer = await signed_in.client.patch(path, json={"roles": ["admin"]}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "REAUTH_REQUIRED"
        again = await signed_in.client.patch(path, json={"roles": ["admin"]}, headers=admin.headers)
        assert again.json()["code"] == "REAUTH_REQUIRED"
    assert (await signed_in.client.get("/v1/auth/me", headers=headers)).status_code == 200


async def test_a_cookie_in_other_hands_ends_when_its_secret_is_exchanged(
    signed_in: SignedIn,
) -> None:
    """From another browser in another network: the sign-in is over for both."""
    browser = await signed_in.begin("anna", cookie=True)
    thief = {**browser.headers, "User-Agent": "curl/8.5"}
    me = "/v1/auth/me"
    assert (await signed_in.client.get(me, headers=thief)).status_code == 200
    signed_in.ahead.seconds += 960
    assert (await signed_in.client.get(me, headers=thief)).status_code == 401
    assert not await signed_in.knows(browser)
