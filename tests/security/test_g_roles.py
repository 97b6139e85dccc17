"""Checklist G: how strictly a client is held to is a matter of roles, and of namespaces."""

from pathlib import Path
from typing import Final

import pytest
from starlette.requests import HTTPConnection

from holdfast.fingerprint import Client
from holdfast.server import InvalidSettings, Settings
from holdfast.server.auth.recognising import ClientChanged
from holdfast.server.strictness import Strictness
from tests.security.processes import KEYS
from tests.security.sign_in import AWAY as ELSEWHERE
from tests.security.sign_in import CHROME, desk
from tests.security.sign_in import HOME as AT_HOME
from tests.security.signed_in import Device, SignedIn, signing_in

HOME: Final = "203.0.113.7"
AWAY: Final = "198.51.100.7"
FROM: Final = "X-Forwarded-For"
ME: Final = "/v1/auth/me"
FINGERPRINTING: Final = {"trusted_proxies": "127.0.0.1"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("soft", Strictness("soft", "soft", "soft")),
        ("strict", Strictness("strict", "strict", "strict")),
        ("false", Strictness("off", "off", "off")),
        ("strict, visitor=soft", Strictness("soft", "strict", "strict")),
        ("soft,staff=strict", Strictness("soft", "strict", "strict")),
        ("soft,admin=strict", Strictness("soft", "soft", "strict")),
        ("Admin=Strict", Strictness("soft", "soft", "strict")),
        ("staff=strict,off", Strictness("off", "strict", "strict")),
        ("visitor=on,staff=soft,admin=strict", Strictness("soft", "soft", "strict")),
    ],
)
def test_security_066_a_mode_is_set_for_each_role(written: str, meant: Strictness) -> None:
    """Or for all of them; an admin who is not named is held to what the staff are."""
    assert Settings.load(fingerprinting=written).fingerprinting == meant


@pytest.mark.parametrize(
    "written",
    [
        "strictly",
        "soft,boss=strict",
        "soft,staff",
        "staff=",
        "=strict",
        "soft strict",
        "soft,off",
        "staff=soft,staff=strict",
        "soft,",
    ],
)
def test_security_066_what_is_no_mode_stops_the_start(written: str) -> None:
    """As does a role that there is none of."""
    with pytest.raises(InvalidSettings, match="HOLDFAST_FINGERPRINTING: must be off, soft or"):
        Settings.load(fingerprinting=written)


@pytest.mark.parametrize("written", ["strict,admin=soft", "soft,admin=off"])
def test_security_066_admins_are_not_held_less_strictly(written: str) -> None:
    """Whoever may do more than the staff is not easier to take the place of."""
    with pytest.raises(InvalidSettings, match="less strictly than staff"):
        Settings.load(fingerprinting=written)


async def moved(service: SignedIn, device: Device, path: str = ME) -> tuple[int, str]:
    """Ask from another network."""
    answer = await service.client.get(path, headers={**device.headers, FROM: AWAY})
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("cookie", [False, True])
async def test_security_066_each_request_of_a_strict_role_is_compared(
    store_url: str, tmp_path: Path, cookie: bool
) -> None:
    """Token or cookie, just issued: any change ends the sign-in; the soft role goes on."""
    written = "soft,admin=strict"
    async with signing_in(store_url, tmp_path, fingerprinting=written, **FINGERPRINTING) as service:
        staff = await service.begin("anna", cookie=cookie)
        admin = await service.begin("ada", role="admin", cookie=cookie)
        at_home = {**admin.headers, FROM: HOME}
        assert (await service.client.get(ME, headers=at_home)).status_code == 200
        assert await moved(service, staff) == (200, "")
        assert await moved(service, admin) == (401, "REAUTH_REQUIRED")
        assert await service.parts.logins.get(admin.handle) is None
        assert await service.parts.logins.get(staff.handle) is not None
        answer = await service.client.get(ME, headers=at_home)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "path", ["/v1/sessions", "/v1/users", "/v1/auth/sessions", "/v1/chat/sessions/none/messages"]
)
async def test_security_066_every_route_says_why(tmp_path: Path, path: str) -> None:
    """Whatever is asked for, by whoever was signed in a moment ago."""
    async with signing_in(
        "memory://", tmp_path, fingerprinting="strict", **FINGERPRINTING
    ) as service:
        admin = await service.begin("ada", role="admin")
        assert await moved(service, admin, path) == (401, "REAUTH_REQUIRED")


async def test_security_066_a_strict_role_refreshes_from_its_client_alone(
    store_url: str, tmp_path: Path
) -> None:
    """From elsewhere it has to sign in again, and is told so; the soft role goes on."""
    written = "soft,admin=strict"
    async with signing_in(store_url, tmp_path, fingerprinting=written, **FINGERPRINTING) as service:
        answers = []
        for name, role in (("anna", "staff"), ("ada", "admin")):
            device = await service.begin(name, role=role)
            body = {"refresh_token": device.refresh_token}
            answer = await service.client.post("/v1/auth/refresh", json=body, headers={FROM: AWAY})
            answers.append((answer.status_code, answer.json().get("code")))
        assert answers == [(200, None), (401, "REAUTH_REQUIRED")]


async def test_security_066_a_ticket_of_a_strict_role_is_no_way_around(tmp_path: Path) -> None:
    """Whoever shows it is compared with the sign-in that it was given to."""
    async with signing_in("memory://", tmp_path, fingerprinting="strict") as service:
        parts, access = service.parts, service.app.state.access
        device = await service.begin("anna")
        socket = HTTPConnection(
            {
                "type": "websocket", "app": service.app, "path": "/v1/events", "headers": [],
                "client": (AWAY, 1), "state": {}, "query_string": b"",
            }
        )  # fmt: skip
        ticket = await parts.tickets.issue(device.handle, origin=None)
        assert await access.of_socket(socket, None, ticket) is None
        assert await parts.logins.get(device.handle) is None


async def test_security_065_a_sign_in_moves_on_with_its_network(store_url: str) -> None:
    """It is held to where it was kept last: another browser there is one change, not two."""
    async with desk(store_url, KEYS) as parts:
        token = (await parts.refresh(await parts.token(), ELSEWHERE)).token
        token = (await parts.refresh(token, Client(ELSEWHERE.ip_address, CHROME))).token
        login = await parts.login_of(token)
        assert login is not None
        assert login.authenticated_at is None
        with pytest.raises(ClientChanged):
            await parts.refresh(token, Client(AT_HOME.ip_address, CHROME))


async def test_security_066_a_sign_in_without_a_fingerprint_gets_one(tmp_path: Path) -> None:
    """One from before the role was held strictly: whoever uses it first is who it belongs to."""
    store, settings = f"sqlite:///{tmp_path}/sessions.db", FINGERPRINTING
    async with signing_in(store, tmp_path, fingerprinting="off", **settings) as service:
        device = await service.begin("anna")
        login = await service.parts.logins.get(device.handle)
        assert login is not None
        assert login.fingerprint is None
    async with signing_in(store, tmp_path, fingerprinting="strict", **settings) as service:
        at_home = {**device.headers, FROM: HOME}
        assert (await service.client.get(ME, headers=at_home)).status_code == 200
        assert await moved(service, device) == (401, "REAUTH_REQUIRED")


async def test_security_066_a_conversation_is_held_to_what_visitors_are(tmp_path: Path) -> None:
    """However strictly the staff are."""
    async with signing_in(
        "memory://", tmp_path, fingerprinting="strict,visitor=soft", **FINGERPRINTING
    ) as service:
        at_home = {FROM: HOME}
        begun = await service.client.post("/v1/chat/sessions", json={}, headers=at_home)
        said = begun.json()
        at_home["Authorization"] = f"Bearer {said['session_secret']}"
        path = f"/v1/chat/sessions/{said['session_id']}/messages"
        first = await service.client.post(path, json={"message": "Hello"}, headers=at_home)
        assert first.status_code == 200
        assert (await service.client.get(path, headers={**at_home, FROM: AWAY})).status_code == 200


async def test_security_066_each_namespace_has_its_own(tmp_path: Path, shared_url: str) -> None:
    """Tenants on one store are services of their own, in namespaces of their own."""
    answers = {}
    for tenant, mode in (("bank", "strict"), ("shop", "soft")):
        async with signing_in(
            shared_url, tmp_path, namespace=tenant, fingerprinting=mode, **FINGERPRINTING
        ) as service:
            answers[tenant] = await moved(service, await service.begin("anna"))
    assert answers == {"bank": (401, "REAUTH_REQUIRED"), "shop": (200, "")}


async def test_security_066_another_role_begins_with_another_sign_in(
    store_url: str, tmp_path: Path
) -> None:
    """How strictly a sign-in is held never changes: who gets another role has to sign in again."""
    written = "soft,admin=strict"
    async with signing_in(store_url, tmp_path, fingerprinting=written, **FINGERPRINTING) as service:
        admin = await service.begin("ada", role="admin")
        staff = await service.begin("anna")
        anna = (await service.user("anna")).user_id
        change = {"roles": ["admin"]}
        headers = {**admin.headers, FROM: HOME}
        answer = await service.client.patch(f"/v1/users/{anna}", json=change, headers=headers)
        assert (answer.status_code, answer.json()["ended"]) == (200, 1)
        assert not await service.knows(staff)
        assert await moved(service, await service.begin("anna")) == (401, "REAUTH_REQUIRED")
