"""Item 58 of the checklist: whose page opens a socket is known before it is accepted."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from holdfast.server.origins import site_of
from tests.security.signed_in import PAGE
from tests.server.inside import listening
from tests.server.talking import begun

LISTED: Final = "https://shop.example"

# With {own} for the service's own address, {host} for it without the scheme.
REFUSED: Final = (
    "https://evil.example",
    "null",
    "",
    "file://",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "{own}.evil.example",
    "{own}@evil.example",
    "{own}/",
    "{own}/page",
    "ftp://{host}",
    "//{host}",
    "{host}",
    "http://evil.example#{own}",
    "http://evil.example?{own}",
    "http://evil.{host}",
    "https://shop.example.evil.example",
    "https://evil.shop.example",
    "http://shop.example",
    "https://shop.example:444",
    "https://shop.example/",
    "HTTPS://SHOP.EXAMPLE",
    "https://shopxexample",
)
SOCKETS: Final = ("/v1/events", "/v1/chat/ws")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """The address of a service that lists the pages of one other site."""
    folder: Path = tmp_path_factory.mktemp("origins")
    async with listening(folder, cors_origins=[LISTED], rate_limit=False) as (url, _):
        yield url


def _where(own: str, path: str) -> str:
    return own.replace("http", "ws", 1) + path


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("origin", REFUSED)
async def test_security_058_a_page_of_another_site_opens_no_socket(
    own: str, path: str, origin: str
) -> None:
    """It is told so with 403, before there is a socket, whatever its origin resembles."""
    written = origin.format(own=own, host=own.removeprefix("http://"))
    headers = {"Origin": written}
    with pytest.raises(InvalidStatus) as refused:
        await connect(_where(own, path), additional_headers=headers, compression=None)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("fetched", ["cross-site", "same-site"])
async def test_security_058_fetch_metadata_count_more_than_an_origin(
    own: str, path: str, fetched: str
) -> None:
    """What the browser says of the page is believed, also beside an origin like our own."""
    headers = {"Origin": own, "Sec-Fetch-Site": fetched}
    with pytest.raises(InvalidStatus):
        await connect(_where(own, path), additional_headers=headers, compression=None)


@pytest.mark.parametrize("path", SOCKETS)
@pytest.mark.parametrize("origin", ["{own}", LISTED])
async def test_security_058_our_pages_and_listed_ones_do(own: str, path: str, origin: str) -> None:
    """The socket opens, and waits for the frame that shows who it is."""
    headers = {"Origin": origin.format(own=own)}
    async with connect(_where(own, path), additional_headers=headers, compression=None) as socket:
        await socket.send(json.dumps({"type": "ping"}))
        assert socket.close_code is None


async def test_security_058_a_cookie_without_an_origin_opens_nothing(own: str) -> None:
    """A cookie comes along whoever asks: without an origin it is as if there were none."""
    async with httpx2.AsyncClient(base_url=own) as client:
        answer = await client.post("/v1/chat/sessions", json={}, headers=PAGE)
        cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    hello = {"type": "hello", "session_id": answer.json()["session_id"]}
    for origin, first in ((None, None), (own, "welcome")):
        headers: dict[str, Any] = {"Cookie": cookies} | ({"Origin": origin} if origin else {})
        where = _where(own, "/v1/chat/ws")
        async with connect(where, additional_headers=headers, compression=None) as socket:
            await socket.send(json.dumps(hello))
            told = json.loads(await socket.recv()) if first else None
            if told is not None:
                assert told["type"] == first
            else:
                await socket.wait_closed()
                assert socket.close_code == 4401


async def test_security_058_who_shows_a_secret_needs_no_origin(own: str) -> None:
    """Programs send none, and have nothing that a page of another site could send for them."""
    chat = await begun(own)
    async with connect(chat.address, compression=None) as socket:
        await socket.send(json.dumps(chat.hello(last_number=0)))
        assert json.loads(await socket.recv())["type"] == "welcome"


@pytest.mark.parametrize(
    ("reached", "origin", "site"),
    [
        ("wss", "https://shop.example", "own"),
        ("wss", "http://shop.example", "other"),
        ("https", "http://shop.example", "other"),
        ("ws", "http://shop.example", "own"),
        # Behind a proxy that is not trusted to say so.
        ("ws", "https://shop.example", "own"),
    ],
)
async def test_security_058_an_unencrypted_page_is_not_ours(
    reached: str, origin: str, site: str
) -> None:
    """Where the service is reached encrypted, anybody on the way may have written such a page."""
    headers = [(b"host", b"shop.example"), (b"origin", origin.encode())]
    scope = {"type": "websocket", "scheme": reached, "path": "/", "headers": headers}
    assert site_of(HTTPConnection(scope), ()) == site
