"""Checklist G: whose address a request counts for, and that callers cannot choose it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from holdfast.server import InvalidSettings, Settings
from holdfast.server.proxies import TrustedProxies
from tests.server.conftest import Opening
from tests.server.serving import served

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")
BEGIN = "/v1/chat/sessions"


async def seen(
    peer: str | None, *forwarded: str, proto: str = "", kind: str = "http", trusted: Any = PROXIES
) -> tuple[str | None, str]:
    """Say which address and scheme the application sees behind the trusted proxies."""
    found: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)

    async def receive() -> Message:
        raise AssertionError("Nothing is read")

    async def send(message: Message) -> None:
        raise AssertionError("Nothing is answered")

    headers = [(b"x-forwarded-for", hops.encode("latin-1")) for hops in forwarded]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    client = None if peer is None else (peer, 4711)
    scheme = {"http": "http", "websocket": "ws"}[kind]
    scope = {"type": kind, "client": client, "scheme": scheme, "headers": headers}
    await TrustedProxies(application, networks=trusted)(scope, receive, send)
    return found[0]["client"] and found[0]["client"][0], found[0]["scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.2.0.1",), "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.9, 198.51.100.1, 10.2.0.1, 10.0.0.3",), "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.9, 10.0.0.8",), "10.0.0.9"),
        ("10.0.0.1", ("198.51.100.1, unknown",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, <script>, 10.0.0.3",), "10.0.0.3"),
        ("10.0.0.1", (" , ,198.51.100.1 , ",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1:5544",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8::5]:5544",), "2001:db8::5"),
        ("10.0.0.1", ("2001:db8::5",), "2001:db8::5"),
        ("10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("fe80::1%eth0",), "fe80::1"),
        ("10.0.0.1", ("\xe9",), "10.0.0.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("2001:db8:ffff::1", ("2001:db8:1::5, 2001:db8:ffff::2",), "2001:db8:1::5"),
        ("testclient", ("198.51.100.1",), "testclient"),
        (None, ("198.51.100.1",), None),
    ],
)
async def test_security_067_the_caller_is_the_last_who_is_no_proxy(
    peer: str | None, forwarded: tuple[str, ...], expected: str | None
) -> None:
    """Whatever stands before it was written by the caller, or by a proxy that nobody trusts."""
    for kind in ("http", "websocket"):
        assert (await seen(peer, *forwarded, kind=kind))[0] == expected


@pytest.mark.parametrize(
    ("peer", "proto", "kind", "expected"),
    [
        ("10.0.0.1", "https", "http", "https"),
        ("10.0.0.1", "HTTPS", "http", "https"),
        ("10.0.0.1", "http, https", "http", "https"),
        ("10.0.0.1", "https, http", "http", "http"),
        ("10.0.0.1", "javascript", "http", "http"),
        ("10.0.0.1", "https", "websocket", "wss"),
        ("10.0.0.1", "http", "websocket", "ws"),
        ("203.0.113.7", "https", "http", "http"),
    ],
)
async def test_security_067_the_scheme_is_what_the_nearest_proxy_says(
    peer: str, proto: str, kind: str, expected: str
) -> None:
    """And nobody else."""
    assert (await seen(peer, proto=proto, kind=kind))[1] == expected


async def test_security_067_everybody_is_trusted_in_development_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`*`, and networks that are everybody under another name, stop the start in production."""
    assert await seen("203.0.113.7", "198.51.100.1", trusted=["*"]) == ("198.51.100.1", "http")
    monkeypatch.chdir(tmp_path)
    for network in ("*", "0.0.0.0/0", "::/0"):
        assert Settings.load(trusted_proxies=network).trusted_proxies == (network,)
        with pytest.raises(InvalidSettings, match="HOLDFAST_TRUSTED_PROXIES: must name"):
            Settings.load(environment="production", trusted_proxies=network)
    for wrong in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(InvalidSettings, match="HOLDFAST_TRUSTED_PROXIES"):
            Settings.load(trusted_proxies=wrong)


async def left(client: httpx2.AsyncClient, **headers: str) -> int:
    """Begin a conversation, and say how many requests its address has left."""
    answer = await client.post(BEGIN, json={}, headers=headers)
    return int(answer.headers["x-ratelimit-remaining"])


@pytest.mark.parametrize("trusted", [[], ["192.0.2.0/24"], ["127.0.0.1"]])
async def test_security_067_limits_go_by_the_true_address(
    opening: Opening, trusted: list[str]
) -> None:
    """Behind a trusted proxy each caller has a limit; nobody gets a new one by a header."""
    async with opening(headers={}, trusted_proxies=trusted, rate_limit_requests=10) as client:
        first = await left(client, **{"X-Forwarded-For": "198.51.100.1"})
        spoofed = await left(client, **{"X-Forwarded-For": "6.6.6.6, 198.51.100.1"})
        other = await left(client, **{"X-Forwarded-For": "198.51.100.2"})
    behind = trusted == ["127.0.0.1"]
    assert (first, spoofed, other) == (9, 8, 9 if behind else 7)


@pytest.mark.slow
def test_security_067_the_server_believes_nobody_by_itself(tmp_path: Path) -> None:
    """Not even its own machine, and not where the environment of the server says so."""
    with served(tmp_path) as service:
        remaining: Callable[[str], int] = lambda hop: int(  # noqa: E731
            httpx2.post(f"{service.url}{BEGIN}", json={}, headers={"X-Forwarded-For": hop}).headers[
                "x-ratelimit-remaining"
            ]
        )
        assert remaining("198.51.100.1") - remaining("198.51.100.2") == 1
