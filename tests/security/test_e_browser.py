"""Checklist E: what a browser can be made to send, and what its answers let a page do."""

import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Route

from holdfast import Keyring
from holdfast.server import InvalidSettings, Settings
from holdfast.server.csrf import CSRF_HEADER, CsrfTokens
from holdfast.server.json_route import OptionalJsonRoute
from tests.security.signing import PAGE, PASSWORD, add_staff, enter_page, token_of
from tests.server.conftest import AUTHORIZED, Opening
from tests.server.inside import listening
from tests.server.serving import API_KEY

HOST: Final = "https://127.0.0.1"
LISTED: Final = "https://shop.example"
CHANGE: Final = "/v1/auth/socket-ticket"
LOGIN: Final = "/v1/auth/login"

OWN: Final[list[dict[str, str]]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": HOST},
    {"Sec-Fetch-Site": "none"},
    {"Origin": HOST},
    {"Sec-Fetch-Site": "cross-site", "Origin": LISTED},
]
FOREIGN: Final[list[dict[str, str]]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.shop.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": HOST},
    {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1.evil.example"},
    {"Origin": "https://shop.example.evil.example"},
    {"Origin": "http://shop.example"},
]


@pytest.fixture
async def page(opening: Opening) -> AsyncGenerator[httpx2.AsyncClient]:
    """A browser on https, without a sign-in; a user of the staff is there."""
    async with opening(headers={}, cors_origins=[LISTED], rate_limit=False) as client:
        client.base_url = httpx2.URL(HOST)
        await add_staff(client.app, "ann", "bob")  # type: ignore[attr-defined]
        yield client


@pytest.mark.parametrize("site", [*FOREIGN, {}])
async def test_security_052_a_cookie_is_good_for_our_pages_alone(
    page: httpx2.AsyncClient, site: dict[str, str]
) -> None:
    """Whoever else has a browser send it is refused, and so is who does not say where they are."""
    token = await enter_page(page)
    refused = await page.post(CHANGE, headers={**site, CSRF_HEADER: token})
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert (await page.get("/v1/auth/me")).status_code == 200


async def test_security_052_a_cookie_is_given_to_our_pages_alone(page: httpx2.AsyncClient) -> None:
    """Who does not say where they are gets none, and no sign-in; a program gets its tokens."""
    body = {"username": "ann", "password": PASSWORD}
    for said in ({}, {"Sec-Fetch-Mode": "cors"}):
        refused = await page.post(LOGIN, json={**body, "cookie": True}, headers=said)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert "set-cookie" not in refused.headers
        begun = await page.post("/v1/chat/sessions", json={}, headers=said)
        assert begun.status_code == 201
        assert "set-cookie" not in begun.headers
        assert begun.json()["session_secret"]
    for said in OWN:
        given = await page.post(LOGIN, json={**body, "cookie": True}, headers=said)
        assert given.json()["token_type"] == "cookie"
        page.cookies.clear()
    program = await page.post(LOGIN, json=body)
    assert program.json()["token_type"] == "Bearer"


async def test_security_052_pages_of_ours_pass(page: httpx2.AsyncClient) -> None:
    """Our own, and those of listed origins."""
    token = await enter_page(page)
    for site in OWN:
        taken = await page.post(CHANGE, headers={**site, CSRF_HEADER: token})
        assert taken.status_code == 200


@pytest.mark.parametrize("site", FOREIGN)
async def test_security_052_nobody_is_signed_in_from_elsewhere(
    page: httpx2.AsyncClient, site: dict[str, str]
) -> None:
    """Neither as themselves nor as somebody else: no cookie is set."""
    body = {"username": "ann", "password": PASSWORD}
    refused = await page.post(LOGIN, json=body, headers=site)
    assert (refused.status_code, refused.headers.get("set-cookie")) == (403, None)


async def test_security_053_a_cookie_needs_its_token(page: httpx2.AsyncClient) -> None:
    """One of this sign-in, in the header; a program that shows its credential needs none."""
    bob = await enter_page(page, "bob")
    page.cookies.clear()
    ann = await enter_page(page, "ann")
    key_id, salt, signature = ann.split("~")
    other = f"{key_id}~{salt[::-1]}~{signature}"
    for wrong in (
        None,
        "",
        bob,
        other,
        f"x~{salt}~{signature}",
        f"{key_id}~{salt}",
        "~~",
        "x" * 9999,
    ):
        headers = PAGE if wrong is None else {**PAGE, CSRF_HEADER: wrong}
        refused = await page.post(CHANGE, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    told = (await page.get("/v1/auth/me", headers=PAGE)).headers[CSRF_HEADER]
    assert told != ann
    for token in (ann, told):
        taken = await page.post(CHANGE, headers={**PAGE, CSRF_HEADER: token})
        assert taken.status_code == 200
    page.cookies.clear()
    assert (await page.post(CHANGE, headers=await token_of(page))).status_code == 200


async def test_security_053_a_token_dies_with_its_sign_in(page: httpx2.AsyncClient) -> None:
    """After signing out, and in again, the one from before is worth nothing."""
    before = await enter_page(page)
    signed_out = await page.post("/v1/auth/logout", headers={**PAGE, CSRF_HEADER: before})
    assert signed_out.status_code == 200
    page.cookies.clear()
    assert (await page.post(CHANGE, headers={**PAGE, CSRF_HEADER: before})).status_code == 401
    await enter_page(page)
    assert (await page.post(CHANGE, headers={**PAGE, CSRF_HEADER: before})).status_code == 403


async def test_security_053_who_signs_in_again_needs_no_token(page: httpx2.AsyncClient) -> None:
    """The page may have lost it; the cookie from before ends."""
    await enter_page(page)
    assert await enter_page(page)


def test_security_053_tokens_outlive_a_rotation_of_keys() -> None:
    """They are good as long as the key that made them is there."""
    old = Keyring.generate("old")
    token = CsrfTokens(old).issue("login")
    both = Keyring.from_text(f"{Keyring.generate('new').to_text()},{old.to_text()}")
    assert CsrfTokens(both).is_good("login", token)
    assert not CsrfTokens(both).is_good("another", token)
    assert not CsrfTokens(Keyring.generate("old")).is_good("login", token)


def routes(app: FastAPI, *methods: str) -> Iterator[tuple[Route, str]]:
    """List what can be asked: each route, with each of these methods that it has."""
    for route in app.routes:
        if isinstance(route, Route):
            yield from ((route, method) for method in sorted((route.methods or set()) & {*methods}))


def filled(route: Route, session_id: str) -> str:
    path = route.path.replace("{session_id}", session_id)
    return re.sub(r"\{[^}]+\}", "x", path)


def dumped(*files: Path) -> list[str]:
    """Write down everything that is stored, but for limits and what records who asked."""
    lines: list[str] = []
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            lines += connection.iterdump()
    return [line for line in lines if not re.search(r'INTO "limits"|audit', line)]


@pytest.mark.slow
async def test_security_054_reading_changes_nothing(tmp_path: Path) -> None:
    """Every route that answers GET or HEAD, asked by everybody: the stores are as they were."""
    options: dict[str, Any] = {"store": f"sqlite:///{tmp_path}/sessions.db"}
    files = tmp_path / "sessions.db", tmp_path / "data" / "application.db"
    async with (
        listening(tmp_path, **options) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
    ):
        begun = (await client.post("/v1/chat/sessions", json={})).json()
        await add_staff(app, "ann")
        await enter_page(client)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        client.cookies.clear()
        callers = [
            {}, AUTHORIZED, {"Authorization": f"Bearer {begun['session_secret']}"},
            await token_of(client), {"Cookie": cookies, **PAGE},
        ]  # fmt: skip
        client.cookies.clear()
        me = await client.get("/v1/auth/me", headers=callers[-1])
        assert me.json()["name"] == "ann"
        before = dumped(*files)
        asked = list(routes(app, "GET", "HEAD"))
        assert len(asked) > 20
        for route, method in asked:
            path = filled(route, begun["session_id"])
            for headers in callers:
                async with client.stream(method, path, headers=headers) as answer:
                    assert answer.status_code < 500
        assert dumped(*files) == before


async def test_security_054_forms_and_text_are_no_json(opening: Opening) -> None:
    """Every route that reads JSON refuses, with 415, what a page may send across sites unasked."""
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
    async with opening() as client:
        app: FastAPI = client.app  # type: ignore[attr-defined]
        begun = (await client.post("/v1/sessions", json={})).json()
        reading = [
            (route, method)
            for route, method in routes(app, "POST", "PUT", "PATCH", "DELETE")
            if isinstance(route, OptionalJsonRoute)
            or (isinstance(route, APIRoute) and route.body_field is not None)
        ]
        assert len(reading) > 20
        for route, method in reading:
            path = filled(route, begun["session_id"])
            for kind in (*kinds, ""):
                headers = {"Content-Type": kind}
                answer = await client.request(method, path, content=b"{}", headers=headers)
                assert answer.status_code == 415, (route.path, kind, answer.text)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "https://evil.example", "https://shop.example.evil.example", "https://evilshop.example",
        "https://www.shop.example", "http://shop.example", "https://shop.example:8443",
        "https://shop.example/", "https://shop.example@evil.example", "*",
    ],
)  # fmt: skip
async def test_security_055_origins_are_exact(page: httpx2.AsyncClient, origin: str) -> None:
    """Neither a question nor a preflight of another origin is let in."""
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        await page.get("/v1/auth/me", headers={"Origin": origin}),
        await page.options(CHANGE, headers=preflight),
    ):
        assert "access-control-allow-origin" not in answer.headers


async def test_security_055_a_listed_origin_is_let_in_by_its_name(page: httpx2.AsyncClient) -> None:
    """Its name is answered, never `*`, and caches are told that the answer depends on it."""
    preflight = {
        "Origin": LISTED,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": f"{CSRF_HEADER}, Content-Type",
    }
    for answer in (
        await page.get("/v1/auth/me", headers={"Origin": LISTED}),
        await page.options(CHANGE, headers=preflight),
    ):
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origins", ["*", "null", "https://*.shop.example", "https://shop.example/"]
)
def test_security_055_patterns_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, origins: str
) -> None:
    """The list holds exact origins: everything else is a mistake to be seen at once."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSettings, match="HOLDFAST_CORS_ORIGINS"):
        Settings.load(cors_origins=origins)


POLICY: Final = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'",
    "img-src": "'self' data: blob:", "connect-src": "'self'", "font-src": "'self'",
    "object-src": "'none'", "base-uri": "'none'", "form-action": "'self'",
    "frame-ancestors": "'none'",
}  # fmt: skip


async def test_security_057_every_answer_has_its_headers(page: httpx2.AsyncClient) -> None:
    """Good and bad ones, of every part, with and without a sign-in."""
    await enter_page(page)
    answers = [
        await page.get(path) for path in ("/", "/health/live", "/v1/auth/me", "/nowhere", "/setup")
    ]
    answers += [
        await page.post(CHANGE, headers={"Origin": "https://evil.example"}),
        await page.post(LOGIN, content=b"{", headers={"Content-Type": "application/json"}),
        await page.request("TRACE", "/"),
    ]
    for answer in answers:
        found = dict(
            directive.split(" ", 1)
            for directive in answer.headers["content-security-policy"].split("; ")
        )
        assert found == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        age = re.fullmatch(r"max-age=(\d+)", answer.headers["strict-transport-security"])
        assert age is not None
        assert int(age[1]) >= 365 * 86_400


async def test_security_057_pages_hold_no_script_of_their_own(page: httpx2.AsyncClient) -> None:
    """Every script and style is a file of ours, so the policy needs no nonce."""
    for path in ("/", "/setup"):
        text = (await page.get(path, headers={"Accept": "text/html"})).text
        assert "<script" in text
        for script in re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.DOTALL):
            assert re.search(r'src="/[^/]', script[0])
            assert not script[1].strip()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text, re.IGNORECASE)


async def test_security_057_the_documentation_cannot_be_framed(opening: Opening) -> None:
    """It loads scripts from elsewhere, and in production it is off."""
    async with opening() as client:
        policy = (await client.get("/docs")).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
    async with opening(
        environment="production", keys=Keyring.generate().to_text(), api_keys=[API_KEY],
        store=None,
    ) as client:  # fmt: skip
        assert (await client.get("/docs")).status_code == 404


async def test_security_082_limits_fail_closed(opening: Opening) -> None:
    """Where nobody can count, nobody is let in: 503, not 200 without a limit."""
    async with opening(headers={}) as client:
        store = client.app.state.service.store  # type: ignore[attr-defined]
        await store.__aexit__(None, None, None)
        for path in ("/v1/auth/me", "/v1/chat/sessions/x/messages"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "STORE_UNAVAILABLE")
        body = {"username": "ann", "password": PASSWORD}
        assert (await client.post(LOGIN, json=body)).status_code == 503
        await store.__aenter__()
