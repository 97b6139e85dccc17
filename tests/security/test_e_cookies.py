"""The cookies that show who somebody is: out of reach of scripts, neighbours and plain lines."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Page

from holdfast import Keyring
from tests.browser.chromium import chromium
from tests.security.signing import PAGE, PASSWORD, add_staff
from tests.server.conftest import Opening
from tests.server.inside import listening

BODY = {"username": "ann", "password": PASSWORD}
ATTRIBUTES = {"HttpOnly", "Secure", "Path=/", "SameSite=lax"}


@pytest.fixture
async def page(opening: Opening) -> AsyncGenerator[httpx2.AsyncClient]:
    """A browser on https, and a user of the staff who is not signed in."""
    async with opening(headers={}, rate_limit=False) as client:
        client.base_url = httpx2.URL("https://127.0.0.1")
        await add_staff(client.app, "ann")  # type: ignore[attr-defined]
        yield client


async def _cookies(page: httpx2.AsyncClient) -> list[str]:
    entered = await page.post("/v1/auth/login", json=BODY, headers=PAGE)
    begun = await page.post("/v1/chat/sessions", json={}, headers=PAGE)
    assert (entered.status_code, begun.status_code) == (200, 201)
    return [*entered.headers.get_list("set-cookie"), *begun.headers.get_list("set-cookie")]


async def test_security_051_cookies_are_for_this_host_and_no_script(
    page: httpx2.AsyncClient,
) -> None:
    """The sign-in's, the device's, a conversation's: all the same, and small."""
    cookies = await _cookies(page)
    names = [cookie.partition("=")[0] for cookie in cookies]
    assert {re.sub(r"_[0-9a-f_]+$", "", name) for name in names} == {
        "__Host-hf_session", "__Host-hf_device", "__Host-hf_chat",
    }  # fmt: skip
    for cookie in cookies:
        value, *attributes = cookie.split("; ")
        assert {one for one in attributes if not one.startswith("Max-Age=")} == ATTRIBUTES
        assert "domain" not in cookie.lower()
        assert len(value) < 1024


async def test_security_051_a_page_gets_no_token(page: httpx2.AsyncClient) -> None:
    """Whatever it asks for; and what it gets opens."""
    for body in (BODY, {**BODY, "cookie": True}, {**BODY, "cookie": False}):
        answer = await page.post("/v1/auth/login", json=body, headers=PAGE)
        assert set(answer.json()) == {"token_type", "expires_in"}
        assert (await page.get("/v1/auth/me", headers=PAGE)).json()["name"] == "ann"


@pytest.mark.parametrize(
    ("url", "production", "guarded"),
    [
        ("http://127.0.0.1:8000", False, True),
        ("http://192.168.0.7:8000", False, False),
        ("http://192.168.0.7:8000", True, True),
        ("http://[broken", True, True),
    ],
)
async def test_security_051_production_has_no_exception(
    opening: Opening, url: str, production: bool, guarded: bool
) -> None:
    """Only development goes without the prefix, over plain http from elsewhere."""
    chosen = {
        "environment": "production",
        "store": "sqlite:///p.db",
        "keys": Keyring.generate().to_text(),
        "api_keys": ["a-key-that-is-long-enough"],
    }
    async with opening(headers={}, **(chosen if production else {})) as client:
        await add_staff(client.app, "ann")  # type: ignore[attr-defined]
        host = url.removeprefix("http://")
        answer = await client.post(
            "/v1/auth/login", json={**BODY, "cookie": True}, headers={**PAGE, "Host": host}
        )
        cookies = answer.headers.get_list("set-cookie")
        names = {cookie.partition("=")[0] for cookie in cookies}
        prefix = "__Host-" if guarded else ""
        assert names == {f"{prefix}hf_session", f"{prefix}hf_device"}
        assert all(("Secure" in cookie) is guarded for cookie in cookies)
        shown = next(cookie.partition(";")[0] for cookie in cookies if "hf_session" in cookie)
        for name, opens in ((shown, True), (_other(shown), False)):
            me = await client.get("/v1/auth/me", headers={"Host": host, "Cookie": name})
            assert me.is_success is opens


def _other(cookie: str) -> str:
    """Give a cookie with the prefix where it has none, and without where it has."""
    prefix = "__Host-"
    return cookie.removeprefix(prefix) if cookie.startswith(prefix) else f"{prefix}{cookie}"


KEPT = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state,
    document.referrer, await indexedDB.databases(), await caches.keys(),
    performance.getEntries().map(entry => entry.name),
])"""
SIGN_IN = """async (body) => {
    const headers = {"Content-Type": "application/json"};
    const init = {method: "POST", headers, body: JSON.stringify(body)};
    const answer = await fetch("/v1/auth/login", init);
    const me = await fetch("/v1/auth/me");
    return [answer.status, await answer.text(), (await me.json()).name];
}"""


@pytest.mark.browser
async def test_security_056_no_script_finds_a_token(tmp_path: Path) -> None:
    """After signing in, a new page and a reload nothing in a browser's reach holds a secret."""
    async with listening(tmp_path, rate_limit=False) as (url, app), chromium() as browser:
        await add_staff(app, "ann")
        context = await browser.new_context()
        try:
            page = await context.new_page()
            await page.goto(url)
            status, told, name = await page.evaluate(SIGN_IN, BODY)
            assert (status, name) == (200, "ann")
            cookies = {one.get("name", ""): one.get("value", "") for one in await context.cookies()}
            assert {"__Host-hf_session", "__Host-hf_device"} <= set(cookies)
            await page.reload()
            seen = told + await _reachable(page)
        finally:
            await context.close()
    for value in cookies.values():
        assert value not in seen
        assert value.rpartition(".")[2] not in seen
    assert "eyJ" not in seen
    assert "hfr_" not in seen


async def _reachable(page: Page) -> str:
    """Give all that a script of the page can read, and what the page says."""
    return str(await page.evaluate(KEPT)) + await page.content()
