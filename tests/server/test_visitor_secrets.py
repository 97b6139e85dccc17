"""The secret in a visitor's cookie is exchanged while the conversation goes on."""

import json
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect

from holdfast import Change
from holdfast.rotation import secret_hash
from tests.security.sign_in import Ahead
from tests.server.inside import listening
from tests.server.talking import begun, tab

BROWSER: Final = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


class Page:
    """A browser with one conversation, by a clock that is put ahead."""

    def __init__(self, url: str, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.url, self.app, self.client, self.ahead = url, app, client, Ahead()
        app.state.clock = self.ahead.clock
        self.session_id = ""
        self.cookie = ""

    async def begin(self) -> None:
        answer = await self.client.post("/v1/chat/sessions", json={}, headers=BROWSER)
        self.session_id = answer.json()["session_id"]
        self.cookie = self._given(answer)

    async def read(self, cookie: str) -> httpx2.Response:
        headers = {**BROWSER, "Cookie": cookie}
        path = f"/v1/chat/sessions/{self.session_id}/messages"
        return await self.client.get(path, headers=headers)

    async def renewed(self, cookie: str) -> str:
        """Ask with a cookie that is accepted, and give the one to go on with."""
        answer = await self.read(cookie)
        assert answer.status_code == 200
        return self._given(answer) or cookie

    def _given(self, answer: httpx2.Response) -> str:
        return answer.headers.get("Set-Cookie", "").partition(";")[0]


async def test_a_visitor_s_secret_is_exchanged_in_time(tmp_path: Path) -> None:
    """After a quarter of an hour, under the same name; the old one opens as long again."""
    async with (
        listening(tmp_path) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        page = Page(url, app, client)
        await page.begin()
        assert await page.renewed(page.cookie) == page.cookie
        page.ahead.seconds += 960
        new = await page.renewed(page.cookie)
        assert new != page.cookie
        assert new.partition("=")[0] == page.cookie.partition("=")[0]
        page.ahead.seconds += 880
        assert await page.renewed(page.cookie) == new
        assert await page.renewed(new) == new
        page.ahead.seconds += 30
        assert (await page.read(page.cookie)).status_code == 401
        newest = await page.renewed(new)
        assert newest not in {new, page.cookie}


async def test_an_exchange_sends_nobody_away(tmp_path: Path) -> None:
    """A socket that was opened with the old secret goes on; one is opened with either."""
    async with (
        listening(tmp_path) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        page = Page(url, app, client)
        chat = await begun(url)
        page.session_id = chat.session_id
        old = f"__Host-hf_chat_0_0={chat.session_id}.{chat.secret}"
        async with tab(chat) as one:
            page.ahead.seconds += 960
            new = await page.renewed(old)
            assert new != old
            await one.say("ping")
            assert (await one.frame())["type"] in {"pong", "owner"}
            for cookie in (old, new):
                assert await _welcomed(page, chat.hello(session_secret=None), cookie)


async def _welcomed(page: Page, hello: dict[str, Any], cookie: str) -> bool:
    address = f"ws{page.url.removeprefix('http')}/v1/chat/ws"
    headers = {"Cookie": cookie}
    async with connect(address, additional_headers=headers, origin=page.url) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps(hello))
        return bool(json.loads(await socket.recv())["type"] == "welcome")


@pytest.mark.parametrize("which", ["old", "new"])
async def test_what_is_taken_back_opens_nothing(tmp_path: Path, which: str) -> None:
    """When a conversation is closed to its visitor neither secret opens it, nor an exchange."""
    async with (
        listening(tmp_path) as (url, app),
        httpx2.AsyncClient(base_url=url, timeout=60) as client,
    ):
        page = Page(url, app, client)
        await page.begin()
        page.ahead.seconds += 960
        cookies = {"old": page.cookie, "new": await page.renewed(page.cookie)}
        store = app.state.holdfast_store
        await store.apply(page.session_id, Change(unset=("secret_hash",)))
        assert (await page.read(cookies[which])).status_code == 401
        session = await store.get(page.session_id)
        assert session.secret_hash is None
        secret = page.cookie.rpartition(".")[2]
        assert session.earlier_hash == secret_hash(secret)
