"""Make the picture of the chat page for the README: `python -m tests.browser.picture`."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import expect

from tests.browser.chromium import chromium
from tests.server.serving import served

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "chat.png"
QUESTIONS = ("How long do I have to return an item?",)


async def draw(url: str) -> None:
    """Hold a short conversation and take its picture."""
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1120, "height": 870})
        await page.goto(url)
        answers = page.get_by_role("log", name="Conversation").get_by_role(
            "article", name="Assistant"
        )
        for number, question in enumerate(QUESTIONS, start=1):
            await page.get_by_role("textbox", name="Your question").fill(question)
            await page.get_by_role("button", name="Send", exact=True).click()
            await expect(answers).to_have_count(number, timeout=20_000)
        await (
            page.get_by_role("region", name="Sources of this answer")
            .get_by_role("button")
            .first.click()
        )
        await page.wait_for_timeout(1000)
        await page.screenshot(path=PICTURE)


def main() -> None:
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        served(Path(folder), shipped_articles="true") as service,
    ):
        asyncio.run(draw(service.url))
    print(PICTURE)


if __name__ == "__main__":
    main()
