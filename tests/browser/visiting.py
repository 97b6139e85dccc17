"""What a visitor does in the page, and what is expected of every page that they see."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
)

QUESTION: Final = "How long do I have to return an item?"
PATIENCE: Final = 20_000
# What a browser says of a line that is cut, which is what some tests do.
CUT: Final = ("WebSocket connection to", "net::ERR_INTERNET_DISCONNECTED", "net::ERR_CONNECTION")


class Visitor:
    """One tab, and everything it complained of: errors, refusals of its content policy, requests
    to other sites."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", self._fail)
        page.on("request", self._request)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def questions(self) -> Locator:
        return self.page.locator(".from-user")

    @property
    def answers(self) -> Locator:
        """Answers that are finished."""
        return self.page.locator(".from-assistant:not(.answering)")

    @property
    def growing(self) -> Locator:
        """The text of an answer that is being made."""
        return self.page.locator(".answering .bubble")

    @property
    def field(self) -> Locator:
        return self.page.get_by_role("textbox", name="Your question")

    @property
    def sources(self) -> Locator:
        region = self.page.get_by_role("region", name="Sources of this answer")
        return region.get_by_role("button")

    async def ask(self, question: str) -> None:
        await self.field.fill(question)
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def tab_to(self, target: Locator, key: str = "Tab") -> None:
        """Walk there by keyboard alone."""
        for _ in range(30):
            if await target.evaluate("one => one === document.activeElement"):
                return
            await self.page.keyboard.press(key)
        raise AssertionError(f"{key} does not lead to {target}")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(cut in message.text for cut in CUT):
            self.complaints.append(message.text)

    def _fail(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "blob:")):
            self.complaints.append(f"asked {request.url}")


async def enter(context: BrowserContext, url: str) -> Visitor:
    """Open the page in one more tab."""
    visitor = Visitor(await context.new_page(), url)
    await visitor.page.goto(url)
    return visitor


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, scripts: Sequence[str] = (), **how: Any
) -> AsyncGenerator[Visitor]:
    """Be a visitor who was never here before, for the block; nothing may be complained of."""
    async with await browser.new_context(locale=how.pop("locale", "en-GB"), **how) as context:
        for script in scripts:
            await context.add_init_script(script)
        visitor = await enter(context, url)
        yield visitor
        assert visitor.complaints == []
