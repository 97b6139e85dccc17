"""Sections A and I of the checklist: what a service writes holds no secret (items 2 and 78)."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from holdfast.server.database import open_database
from holdfast.server.users import Users
from holdfast.server.users.hashing import Hasher
from tests.redis_servers import RedisServer
from tests.security.secrets_scan import Secrets, dump, files
from tests.security.signed_in import PAGE, PASSWORD
from tests.server.serving import API_KEY, Served, served
from tests.server.talking import begun, tab

KEY_FILE: Final = "holdfast.key"
WRONG: Final = "this password is wrong: correct horse"
SAID: Final = "My e-mail is mallory@victim.example and my parcel never came."
NEW_PASSWORD: Final = "eleven herons above the breakwater"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_security_078_002_nothing_that_is_written_holds_a_secret(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Logs at their most talkative, stores and database, after all that people do with a service:
    no password, token, cookie, message or session id in the logs, and no secret in the rest."""
    server: RedisServer | None = request.getfixturevalue("own_redis") if kind == "redis" else None
    store = server.url() if server else f"sqlite:///{tmp_path}/data/sessions.db"
    await _add_user(tmp_path / "data")
    secrets, names = Secrets(), Secrets()
    for name, secret in (("password", PASSWORD), ("wrong", WRONG), ("new", NEW_PASSWORD)):
        secrets.note(name, secret)
    secrets.note("API key", API_KEY)
    names.note("message", SAID)
    with served(tmp_path, "--workers", "2", store=store, log_level="debug") as service:
        await _sign_in_and_out(service, secrets, names)
        await _sign_in_as_page(service, secrets, names)
        await _talk(service, secrets, names)
        await _go_wrong(service, secrets)
        await _stay(service, secrets)
        logs = service.stop(), service.log().encode()
    assert logs[0] == 0
    assert b"login.ok" in logs[1]
    found = [*secrets.found_in("the log", logs[1]), *names.found_in("the log", logs[1])]
    written = [*files(tmp_path / "data", but=frozenset({KEY_FILE}))]
    written += dump(server) if server else []
    assert len(written) > 3
    for where, content in written:
        found += secrets.found_in(where, content)
    assert found == []
    _see_what_is_kept(tmp_path / "data")


async def _add_user(folder: Path) -> None:
    folder.mkdir()
    async with open_database(f"sqlite:///{folder}/application.db") as database:
        with closing(Hasher()) as hasher:
            await Users(database, hasher).add("anna-the-first", PASSWORD, roles={"admin"})


def _client(service: Served) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=service.url, timeout=60)


async def _sign_in_and_out(service: Served, secrets: Secrets, names: Secrets) -> None:
    """Be a program: fail, sign in, refresh, refresh again too late, ask, open a socket."""
    async with _client(service) as client:
        for password, status in ((WRONG, 401), (PASSWORD, 200)):
            body = {"username": "anna-the-first", "password": password}
            answer = await client.post("/v1/auth/login", json=body)
            assert answer.status_code == status
        first = _tokens(answer.json(), secrets)
        second = _tokens((await _refresh(client, first["refresh_token"])).json(), secrets)
        third = _tokens((await _refresh(client, second["refresh_token"])).json(), secrets)
        headers = {"Authorization": f"Bearer {third['access_token']}"}
        listed = (await client.get("/v1/auth/sessions", headers=headers)).json()
        names.note("sign-in", listed["sessions"][0]["handle"])
        answer = await client.post("/v1/auth/socket-ticket", headers=headers)
        ticket = secrets.note_parts("ticket", answer.json()["ticket"])
        await _watch(service, {"ticket": ticket})
        await _watch(service, {"token": third["access_token"]})
        # Two generations old: taken for theft.
        assert (await _refresh(client, first["refresh_token"])).status_code == 401
        assert (await client.get("/v1/auth/me", headers=headers)).status_code == 401


async def _refresh(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post("/v1/auth/refresh", json={"refresh_token": token})


def _tokens(body: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    secrets.note("refresh token", body["refresh_token"])
    secrets.note_parts("access token", body["access_token"])
    return body


async def _watch(service: Served, hello: dict[str, str]) -> None:
    address = f"ws{service.url.removeprefix('http')}/v1/events"
    async with connect(address) as socket:
        await socket.send(json.dumps({"type": "hello", **hello}))
        assert json.loads(await socket.recv())["event"] == "snapshot"


async def _sign_in_as_page(service: Served, secrets: Secrets, names: Secrets) -> None:
    """Be a page: the cookie, the token beside it, a new password, signing out."""
    async with _client(service) as client:
        body = {"username": "anna-the-first", "password": PASSWORD}
        answer = await client.post("/v1/auth/login", json=body, headers=PAGE)
        assert answer.status_code == 200
        cookies = dict(answer.cookies.items())
        assert any(name.startswith("__Host-") for name in cookies)
        for name, value in cookies.items():
            public, _, secret = secrets.note(f"cookie {name}", value).rpartition(".")
            secrets.note(f"secret of cookie {name}", secret)
            if public:
                names.note("sign-in", public)
        headers = {**PAGE, "Cookie": "; ".join(f"{name}={cookies[name]}" for name in cookies)}
        token = (await client.get("/v1/auth/me", headers=headers)).headers["X-CSRF-Token"]
        headers["X-CSRF-Token"] = secrets.note_parts("CSRF token", token, between="~")
        changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        answer = await client.post("/v1/auth/password", json=changed, headers=headers)
        assert answer.status_code == 200, answer.text
        assert (await client.post("/v1/auth/logout", headers=headers)).status_code == 200


async def _talk(service: Served, secrets: Secrets, names: Secrets) -> None:
    """Be a visitor: say something over a socket and by a request, and read it again."""
    chat = await begun(service.url)
    secrets.note("conversation's secret", chat.secret)
    names.note("conversation", chat.session_id)
    async with tab(chat) as opened:
        await opened.send(SAID, name="first")
        await opened.until("run.finished")
    async with _client(service) as client:
        sent = {"message": SAID}
        await client.post(f"{chat.path}/messages", json=sent, headers=chat.headers)
        assert SAID in (await client.get(f"{chat.path}/messages", headers=chat.headers)).text


async def _go_wrong(service: Served, secrets: Secrets) -> None:
    """Put secrets where they do not belong, and send what cannot be read."""
    token = secrets.note("token in an address", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl")
    async with _client(service) as client:
        for where in (
            f"/v1/sessions/{token}",
            f"/v1/sessions?token={token}",
            f"/{token}?x={token}",
        ):
            await client.get(where, headers={"X-Request-ID": f"{token}\x01"})
            await client.get(where, headers={"Authorization": f"Bearer {token}"})
        await client.post("/v1/auth/login", content=f'{{"password": "{WRONG}"', headers=JSON)
        await client.post("/v1/auth/login", json={"username": 7, "password": WRONG, token: 1})
        await client.post("/v1/auth/refresh", json={"refresh_token": token})
        await client.get("/v1/auth/me", headers={"Cookie": f"__Host-hf_session={token}"})
        await client.get("/health", headers={"User-Agent": token, "Referer": f"http://x/{token}"})
    sockets = f"ws{service.url.removeprefix('http')}/v1/chat/ws"
    with pytest.raises(InvalidStatus):
        await connect(f"{sockets}?token={token}")
    async with connect(sockets) as socket:
        await socket.send(json.dumps({"type": "hello", "session_id": token, "token": token}))
        await socket.send(token)
        await asyncio.wait_for(socket.wait_closed(), 20)


async def _stay(service: Served, secrets: Secrets) -> None:
    """Be signed in as a program and as a page when the service ends."""
    async with _client(service) as client:
        body = {"username": "anna-the-first", "password": NEW_PASSWORD}
        answer = await client.post("/v1/auth/login", json=body)
        first = _tokens(answer.json(), secrets)
        _tokens((await _refresh(client, first["refresh_token"])).json(), secrets)
        answer = await client.post("/v1/auth/login", json=body, headers=PAGE)
        for name, value in answer.cookies.items():
            secrets.note(f"secret of cookie {name}", value.rpartition(".")[2])


JSON: Final = {"Content-Type": "application/json"}


def _see_what_is_kept(folder: Path) -> None:
    """The trail has what happened, and of the password there is an Argon2id hash."""
    with closing(sqlite3.connect(folder / "application.db")) as database:
        events = {event for (event,) in database.execute("SELECT event FROM holdfast_audit")}
        hashes = [
            found for (found,) in database.execute("SELECT password_hash FROM holdfast_users")
        ]
    wanted = {"login.ok", "login.failed", "refresh.rotated", "refresh.reused", "password.changed"}
    assert wanted <= events
    assert all(found.startswith("$argon2id$") for found in hashes)


def test_security_078_002_a_secret_that_is_written_would_be_found(tmp_path: Path) -> None:
    """As it is, decoded from base64, encoded once more, and any token by how it begins."""
    secrets = Secrets()
    secret = secrets.note("secret", "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I")
    for content in (
        f"x{secret}x".encode(),
        b"xsecret-secret-secret-secret-secrx",
        b"secret-secret-secret-secret-secr".hex().encode(),
        b"eyJhbGciOiJIUzI1NiJ9.e30.x",
    ):
        (tmp_path / "file").write_bytes(content)
        [(where, read)] = files(tmp_path, but=frozenset())
        assert list(secrets.found_in(where, read)) != []
    assert list(secrets.found_in("nothing", b"eyJ secret")) == []
