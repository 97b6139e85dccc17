"""The first admin, made in a browser by the link that `holdfast serve` printed."""

import re
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, ConsoleMessage, expect

from tests.browser.visiting import PATIENCE
from tests.server.serving import served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

PASSWORD = "four lamps on a quiet quay"


async def test_the_link_makes_the_first_admin(browser: Browser, tmp_path: Path) -> None:
    """A password that is refused can be tried again; the token leaves the address at once."""
    with served(tmp_path) as service:
        (token,) = re.findall(r"/setup#(\S+)", service.log())
        context = await browser.new_context()
        page = await context.new_page()
        said: list[str] = []

        def note(message: ConsoleMessage) -> None:
            said.append(message.text)

        page.on("console", note)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"{service.url}/setup#{token}")
        await expect(page).to_have_url(f"{service.url}/setup")
        for password, answer in (
            ("anna anna anna anna", "easily guessed"),
            (PASSWORD, "anna is the first admin"),
        ):
            await page.get_by_label("Name").fill("Anna")
            await page.get_by_label("Password").fill(password)
            await page.get_by_role("button").click()
            await expect(page.get_by_role("status")).to_contain_text(answer, timeout=PATIENCE)
        await expect(page.get_by_role("button")).to_be_hidden()
        await context.close()
        assert not [url for url in asked if token in url.partition("#")[0]]
        assert not [text for text in said if "Content Security Policy" in text]
        login = {"username": "anna", "password": PASSWORD}
        assert httpx2.post(f"{service.url}/v1/auth/login", json=login).status_code == 200
