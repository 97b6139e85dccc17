"""Make the pictures of the chat page for the README: `python -m tests.browser.picture`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.visiting import PATIENCE, QUESTION, visiting
from tests.server.serving import served

IMAGES = Path(__file__).parents[2] / "docs" / "images"
# Transitions are over by then.
STILL_MS = 700


async def draw(browser: Browser, url: str, name: str, *, opened: bool, **how: Any) -> None:
    """Hold a short conversation and take its picture."""
    async with visiting(browser, url, **how) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        if opened:
            await visitor.sources.first.click()
        await visitor.page.get_by_role("button", name="Helpful", exact=True).click()
        await visitor.page.wait_for_timeout(STILL_MS)
        await visitor.page.screenshot(path=IMAGES / name)


async def draw_hand_over(browser: Browser, url: str, name: str, **how: Any) -> None:
    """Ask for a person, and take a picture of the wait."""
    async with visiting(browser, url, **how) as visitor:
        await visitor.ask("What does delivery cost?")
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Talk to a person").click()
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        await visitor.page.wait_for_timeout(STILL_MS)
        await visitor.page.screenshot(path=IMAGES / name)


async def draw_all(url: str) -> None:
    async with chromium() as browser:
        await _draw_both(browser, url)


async def _draw_both(browser: Browser, url: str) -> None:
    await draw(browser, url, "chat.png", opened=True, viewport={"width": 1120, "height": 920})
    phone: dict[str, Any] = {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "color_scheme": "dark",
    }
    await draw(browser, url, "chat-dark.png", opened=False, **phone)
    await draw_hand_over(browser, url, "chat-person.png", **{**phone, "color_scheme": "light"})


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        served(Path(folder), shipped_articles="true") as service,
    ):
        asyncio.run(draw_all(service.url))


if __name__ == "__main__":
    main()
