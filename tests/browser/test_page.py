"""The chat page in a real browser, on the real service."""

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage, Error, Page, expect

from tests.browser.chromium import chromium
from tests.server.serving import Served, served

pytestmark = pytest.mark.browser

QUESTION = "How long do I have to return an item?"
PATIENCE = 20_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, shipped_articles="true") as service:
        yield service


def _watched(page: Page) -> list[str]:
    """Collect everything that a page complains of, refusals of its content policy included."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def fail(error: Error) -> None:
        complaints.append(str(error))

    page.on("console", note)
    page.on("pageerror", fail)
    return complaints


async def _ask(page: Page, question: str) -> None:
    await page.get_by_role("textbox", name="Your question").fill(question)
    await page.get_by_role("button", name="Send", exact=True).click()


async def test_a_visitor_asks_and_finds_the_answer_again(service: Served) -> None:
    """An answer comes with its sources; after a reload the conversation is there."""
    async with chromium() as browser:
        context = await browser.new_context()
        page = await context.new_page()
        complaints = _watched(page)
        await page.goto(service.url)
        await _ask(page, QUESTION)
        log = page.get_by_role("log", name="Conversation")
        answer = log.get_by_role("article", name="Assistant")
        await expect(answer).to_have_count(1, timeout=PATIENCE)
        sources = page.get_by_role("region", name="Sources of this answer").get_by_role("button")
        await expect(sources.first).to_be_visible()
        said = await answer.inner_text()
        await sources.first.click()
        await expect(sources.first).to_have_attribute("aria-expanded", "true")
        await expect(page.locator(".passage").first).to_be_visible()

        await page.reload()
        restored = page.get_by_role("log", name="Conversation").get_by_role("article")
        await expect(restored).to_have_count(2, timeout=PATIENCE)
        await expect(restored.first).to_contain_text(QUESTION)
        assert await restored.last.inner_text() == said
        hidden = {cookie.get("name"): cookie.get("httpOnly") for cookie in await context.cookies()}
        assert hidden == {"hf_chat": True}
        assert "hf_chat" not in await page.evaluate("document.cookie")
        assert complaints == []


async def test_the_keyboard_is_enough(service: Served) -> None:
    """A visitor without a pointer reaches the question, sends it and opens a source."""
    async with chromium() as browser:
        page = await browser.new_page()
        complaints = _watched(page)
        await page.goto(service.url)
        box = page.get_by_role("textbox", name="Your question")
        await expect(box).to_be_visible()
        for _ in range(20):
            if await box.evaluate("box => box === document.activeElement"):
                break
            await page.keyboard.press("Tab")
        await expect(box).to_be_focused()
        await page.keyboard.type(QUESTION)
        await page.keyboard.press("Enter")
        source = page.get_by_role("region", name="Sources of this answer").get_by_role("button")
        await expect(source.first).to_be_visible(timeout=PATIENCE)
        for _ in range(20):
            if await source.first.evaluate("chip => chip === document.activeElement"):
                break
            await page.keyboard.press("Shift+Tab")
        await expect(source.first).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(source.first).to_have_attribute("aria-expanded", "true")
        assert complaints == []


async def test_a_phone_shows_all_of_it(service: Served) -> None:
    """At 390 pixels nothing scrolls sideways; a person is offered and their ticket is shown."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        complaints = _watched(page)
        await page.goto(service.url)
        await _ask(page, QUESTION)
        log = page.get_by_role("log", name="Conversation")
        await expect(log.get_by_role("article", name="Assistant")).to_have_count(
            1, timeout=PATIENCE
        )
        await page.get_by_role("button", name="Talk to a person").click()
        await expect(log.get_by_role("article", name="Assistant")).to_have_count(
            2, timeout=PATIENCE
        )
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        assert complaints == []


async def test_a_lost_conversation_is_begun_anew(service: Served) -> None:
    """Without its cookie an old conversation stays closed, and the page goes on with a new one."""
    async with chromium() as browser:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(service.url)
        await _ask(page, QUESTION)
        log = page.get_by_role("log", name="Conversation")
        await expect(log.get_by_role("article", name="Assistant")).to_have_count(
            1, timeout=PATIENCE
        )
        await context.clear_cookies()
        await page.reload()
        await expect(page.get_by_role("textbox", name="Your question")).to_be_visible()
        await _ask(page, "What does delivery cost?")
        await expect(log.get_by_role("article", name="Assistant")).to_have_count(
            1, timeout=PATIENCE
        )
        await expect(log).not_to_contain_text(QUESTION)


def test_the_picture_of_the_page_is_there() -> None:
    """The README's picture is a real one, made by `python -m tests.browser.picture`."""
    picture = Path(__file__).parents[2] / "docs" / "images" / "chat.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
