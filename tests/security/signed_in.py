"""A service on each store, by a clock that tests put ahead, and people who are signed in to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI

from holdfast import Keyring
from holdfast.fingerprint import Client
from holdfast.rotation import new_secret, secret_hash
from holdfast.server import Settings, create_app
from holdfast.server.auth.parts import SignIn
from holdfast.server.csrf import CSRF_HEADER
from holdfast.server.users import User
from tests.security.processes import KEYS
from tests.security.sign_in import Ahead
from tests.server.conftest import running
from tests.server.serving import API_KEY

PASSWORD: Final = "seven otters under a lighthouse"
# Where those who sign in are, unless a test says that they are here.
AWAY: Final = "203.0.113.7"
# What a browser sends with a request of this service's own page.
PAGE: Final = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


@dataclass(frozen=True)
class Device:
    """One device that is signed in, and how it shows that."""

    handle: str
    headers: dict[str, str]
    refresh_token: str = ""


@dataclass
class SignedIn:
    """The service, and ways into it that need no password."""

    client: httpx2.AsyncClient
    app: FastAPI
    ahead: Ahead
    url: str
    keys: Keyring

    @property
    def parts(self) -> SignIn:
        parts: SignIn = self.app.state.sign_in
        return parts

    async def user(self, name: str, *, role: str = "staff", password: str | None = None) -> User:
        """Find or add a user; without a password nobody can sign in by that name."""
        users = self.parts.users
        found = await users.find(name)
        if found is not None:
            return found
        if password is not None:
            return await users.add(name, password, roles={role})
        async with self.app.state.service.database.writing() as connection:
            return await users.add_hashed(connection, name, "no hash", roles=frozenset({role}))

    async def begin(
        self, name: str, *, role: str = "staff", cookie: bool = False, address: str = AWAY
    ) -> Device:
        """Sign a user in on one more device."""
        user = await self.user(name, role=role)
        secret = new_secret()
        login = await self.parts.logins.begin(
            user,
            self.parts.users,
            Client(address, self.client.headers["user-agent"]),
            bearing="cookie" if cookie else "tokens",
            secret_hash=secret_hash(secret) if cookie else None,
        )
        assert login is not None
        if cookie:
            headers = {
                **PAGE,
                "Cookie": f"__Host-hf_session={login.session_id}.{secret}",
                CSRF_HEADER: self.parts.csrf.issue(login.session_id),
            }
            return Device(login.session_id, headers)
        token, _ = self.parts.access_tokens.issue(login, ends=self.parts.logins.ends(login))
        refresh = self.parts.refresh_tokens.issue(login.session_id, 0)
        return Device(login.session_id, {"Authorization": f"Bearer {token}"}, refresh)

    async def sign_in(self, name: str, **more: Any) -> httpx2.Response:
        """Ask to sign in with the password."""
        headers = more.pop("headers", {})
        body = {"username": name, "password": PASSWORD, **more}
        return await self.client.post("/v1/auth/login", json=body, headers=headers)

    async def refresh(self, token: str) -> httpx2.Response:
        return await self.client.post("/v1/auth/refresh", json={"refresh_token": token})

    async def renewed(self, device: Device) -> Device:
        """Ask once, and go on with the cookie that the answer gives."""
        answer = await self.client.get("/v1/auth/me", headers=device.headers)
        assert answer.status_code == 200
        cookie = answer.headers.get("Set-Cookie", device.headers["Cookie"]).partition(";")[0]
        return Device(device.handle, {**device.headers, "Cookie": cookie})

    async def knows(self, device: Device) -> bool:
        """Say whether a device opens what its user may see."""
        answer = await self.client.get("/v1/auth/me", headers=device.headers)
        assert answer.status_code in {200, 401}
        return answer.status_code == 200


@asynccontextmanager
async def signing_in(url: str, folder: Path, **settings: Any) -> AsyncGenerator[SignedIn]:
    """Open the service over a store, with settings of one's own."""
    ahead = Ahead()
    chosen: dict[str, Any] = {
        "store": url,
        "keys": KEYS.to_text(),
        "data_dir": folder / "data",
        "rate_limit": False,
        "api_keys": [API_KEY],
        "shipped_articles": False,
        **settings,
    }
    app = create_app(Settings.load(**chosen), clock=ahead.clock)
    async with running(app, timeout=60) as client:
        yield SignedIn(client, app, ahead, url, KEYS)


@pytest.fixture
async def signed_in(store_url: str, tmp_path: Path) -> AsyncGenerator[SignedIn]:
    """The service on each store."""
    async with signing_in(store_url, tmp_path) as signed_in:
        yield signed_in
