"""Item 56 of the checklist: what scripts, addresses and the history of a browser show."""

import json
import re
from collections.abc import Generator
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import browser
from tests.browser.visiting import PATIENCE, QUESTION, visiting
from tests.security.secrets_scan import Secrets
from tests.server.serving import Served, served

__all__ = ["browser"]

NAME: Final = "anna-the-first"
PASSWORD: Final = "seven otters under a lighthouse"

# Everything that a script of the page can read.
READABLE: Final = """async () => {
  const databases = await indexedDB.databases();
  const kept = await Promise.all(databases.map(({ name }) => new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onerror = reject;
    opening.onsuccess = () => {
      const stores = [...opening.result.objectStoreNames];
      if (stores.length === 0) return resolve([name]);
      const reading = stores.map((store) => new Promise((done) => {
        const all = opening.result.transaction(store).objectStore(store).getAll();
        all.onsuccess = () => done([store, all.result]);
      }));
      resolve(Promise.all(reading));
    };
  })));
  const caching = await Promise.all((await caches.keys()).map(async (name) =>
    (await (await caches.open(name)).keys()).map((request) => request.url)));
  return JSON.stringify([
    { ...localStorage }, { ...sessionStorage }, kept, caching, document.cookie, location.href,
    history.state, window.name, document.documentElement.outerHTML,
  ]);
}"""

SIGN_IN: Final = """async ([username, password]) => {
  const answer = await fetch("/v1/auth/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  return [answer.status, JSON.stringify([...answer.headers]) + await answer.text()];
}"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """A service that has no admin yet."""
    folder = tmp_path_factory.mktemp("fresh")
    with served(folder, shipped_articles="true", rate_limit="off") as service:
        yield service


async def _history(page: Page) -> list[dict[str, Any]]:
    devices = await page.context.new_cdp_session(page)
    kept = await devices.send("Page.getNavigationHistory")
    entries: list[dict[str, Any]] = kept["entries"]
    return entries


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_security_056_a_browser_shows_no_script_a_token(
    browser: Browser, fresh: Served
) -> None:
    """After the first admin was made by the link, signed in, and talked to the agent: no storage,
    address, history or answer that a script can read has the secret of a cookie, a token or the
    password; the cookies themselves are closed to scripts."""
    secrets = Secrets()
    (token,) = re.findall(r"/setup#(\S+)", fresh.log())
    secrets.note("setup token", token)
    secrets.note("password", PASSWORD)
    addresses: list[str] = []
    async with visiting(browser, fresh.url) as visitor:
        page = visitor.page
        page.on("request", lambda request: addresses.append(request.url))
        await page.goto(f"{fresh.url}/setup#{token}")
        await page.get_by_label("Name").fill(NAME)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button").click()
        await expect(page.get_by_role("status")).to_contain_text("first admin", timeout=PATIENCE)
        readable = [await page.evaluate(READABLE)]
        await page.goto(fresh.url)
        status, answered = await page.evaluate(SIGN_IN, [NAME, PASSWORD])
        assert status == 200
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await page.reload()
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        readable += [answered, await page.evaluate(READABLE)]
        cookies = await page.context.cookies()
        history = [entry["url"] for entry in await _history(page)]
    kept = {cookie.get("name", ""): cookie.get("value", "") for cookie in cookies}
    assert "__Host-hf_session" in kept
    assert any(name.startswith("__Host-hf_chat_") for name in kept)
    for name, value in kept.items():
        secrets.note(f"cookie {name}", value.rpartition(".")[2])
    assert all(cookie.get("httpOnly") for cookie in cookies)
    assert "holdfast.chat." in readable[-1]
    # The address that was opened is in the list of requests without what stands behind the #.
    sought = json.dumps([readable, history, addresses]).encode()
    assert list(secrets.found_in("the browser", sought)) == []
