"""A conversation that nobody uses comes to an end: the page says so before and afterwards."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, expect

from tests.browser.gateway import gateway
from tests.browser.visiting import PATIENCE, QUESTION, Visitor, enter, visiting
from tests.server.serving import Served, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

# The page warns 20 seconds before the end at the latest, so here 3 seconds after an answer.
TTL: Final = 23
HOW: Final[dict[str, Any]] = {"shipped_articles": "true", "rate_limit": "false"}
SOON: Final = "This conversation ends at"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, ttl_seconds=str(TTL), **HOW) as service:
        yield service


async def _answered(visitor: Visitor) -> None:
    await visitor.ask(QUESTION)
    await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)


async def test_a_visitor_is_warned_and_stays(browser: Browser, service: Served) -> None:
    """One step keeps the conversation, as often as the warning comes."""
    async with visiting(browser, service.url) as visitor:
        await _answered(visitor)
        warning = visitor.page.get_by_role("alert").filter(has_text=SOON)
        await expect(warning).to_have_count(0)
        for _ in range(2):
            await expect(warning).to_contain_text("if nobody writes")
            await visitor.page.get_by_role("button", name="Stay").click()
            await expect(warning).to_have_count(0)
            await expect(visitor.field).to_be_focused()
            announcer = visitor.page.locator("[data-announcer]")
            await expect(announcer).to_have_text("The conversation goes on.")
        await visitor.ask("What does delivery cost?")
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)


async def test_what_is_said_keeps_the_conversation_too(browser: Browser, service: Served) -> None:
    """Whoever writes on after the warning, in whatever tab, is not warned any more."""
    async with visiting(browser, service.url) as visitor:
        await _answered(visitor)
        other = await enter(visitor.page.context, service.url)
        await expect(other.page.get_by_text(SOON)).to_be_visible()
        await visitor.ask("What does delivery cost?")
        await expect(visitor.page.get_by_text(SOON)).to_have_count(0)
        await expect(other.page.get_by_text(SOON)).to_have_count(0)


async def test_staying_needs_no_socket(browser: Browser, service: Served) -> None:
    """Where no sockets are let through a visitor is warned, and stays, all the same."""
    async with (
        gateway(service.url) as between,
        visiting(browser, between.url) as visitor,
    ):
        await _answered(visitor)
        warning = visitor.page.get_by_text(SOON)
        await expect(warning).to_be_visible(timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Stay").click()
        await expect(warning).to_have_count(0)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_wrong_clock_changes_nothing(browser: Browser, service: Served, hours: int) -> None:
    """The service's time counts: a visitor's clock may be an hour off."""
    async with visiting(browser, service.url) as visitor:
        wrong = datetime.now(UTC) + timedelta(hours=hours)
        await visitor.page.clock.install(time=wrong)
        await visitor.page.reload()
        await _answered(visitor)
        warning = visitor.page.get_by_text(SOON)
        await expect(warning).to_have_count(0)
        await expect(warning).to_be_visible()


async def test_an_end_that_cannot_be_put_off_is_told(browser: Browser, tmp_path: Path) -> None:
    """Nobody is offered to stay where the conversation is as old as it may become."""
    how = {**HOW, "ttl_seconds": str(TTL), "max_age_seconds": str(TTL)}
    with served(tmp_path, **how) as service:
        async with visiting(browser, service.url) as visitor:
            await _answered(visitor)
            stay = visitor.page.get_by_role("button", name="Stay")
            await stay.click()
            await expect(visitor.page.get_by_text("cannot last longer")).to_be_visible()
            await expect(stay).to_have_count(0)


async def test_what_was_said_can_be_read_after_the_end(browser: Browser, tmp_path: Path) -> None:
    """The end is told plainly; the conversation, and what was not sent, are still there."""
    with served(tmp_path, ttl_seconds="3", **HOW) as service:
        async with visiting(browser, service.url) as visitor:
            page = visitor.page
            await _answered(visitor)
            await expect(page.get_by_text(SOON)).to_be_visible()
            await visitor.field.fill("And delivery?")
            over = page.get_by_role("region", name="This conversation has ended")
            await expect(over).to_be_visible(timeout=PATIENCE)
            await expect(page.get_by_text(SOON)).to_have_count(0)
            announcer = page.locator("[data-announcer]")
            await expect(announcer).to_contain_text("This conversation has ended.")
            await expect(visitor.questions).to_contain_text(QUESTION)
            await expect(visitor.answers).to_have_count(1)
            async with page.expect_download() as downloading:
                await over.get_by_role("button", name="Download transcript").click()
            assert QUESTION in (await (await downloading.value).path()).read_text()
            await over.get_by_role("button", name="New conversation").click()
            await expect(over).to_have_count(0)
            await expect(visitor.questions).to_have_count(0)
            await expect(visitor.field).to_have_value("And delivery?")
            await expect(visitor.field).to_be_focused()
            await page.get_by_role("button", name="Send", exact=True).click()
            await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
            await expect(visitor.questions).to_contain_text("And delivery?")
            visitor.complaints[:] = [one for one in visitor.complaints if "401" not in one]
