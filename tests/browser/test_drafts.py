"""What a visitor has begun to write, and not sent."""

from collections.abc import Generator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.visiting import PATIENCE, QUESTION, enter, visiting
from tests.server.serving import Served, served

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

BEGUN = "And what about the"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, shipped_articles="true", rate_limit="off") as service:
        yield service


async def test_unsent_text_is_there_after_a_reload(browser: Browser, service: Served) -> None:
    """Each conversation keeps what was begun in it, the one that has not begun yet as well."""
    async with visiting(browser, service.url) as visitor:
        await visitor.field.fill(BEGUN)
        await visitor.page.reload()
        await expect(visitor.field).to_have_value(BEGUN)
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await expect(visitor.field).to_have_value("")
        await visitor.field.fill("In the first conversation")
        await visitor.page.get_by_role("button", name="New conversation").click()
        await expect(visitor.field).to_have_value("")
        await visitor.field.fill("In the second")
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        await visitor.page.get_by_role("dialog").get_by_role("button", name=QUESTION).click()
        await expect(visitor.field).to_have_value("In the first conversation")
        await visitor.page.reload()
        await expect(visitor.field).to_have_value("In the first conversation")


async def test_a_tab_goes_on_with_what_another_began(browser: Browser, service: Served) -> None:
    """A new tab shows the unsent text; sent in one, it does not stand in the other any more."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.field.fill(BEGUN)
        other = await enter(visitor.page.context, service.url)
        await expect(other.field).to_have_value(BEGUN)
        await visitor.ask(f"{BEGUN} delivery?")
        await expect(other.field).to_have_value("")


async def test_tabs_do_not_write_over_each_other(browser: Browser, service: Served) -> None:
    """What was written in a tab stays there, whatever is written or sent in another."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        other = await enter(visitor.page.context, service.url)
        await expect(other.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.field.fill("Written in one tab")
        await other.field.fill("Written in the other")
        await expect(visitor.field).to_have_value("Written in one tab")
        await visitor.ask("Sent from the one")
        await expect(other.questions).to_have_count(2, timeout=PATIENCE)
        await expect(other.field).to_have_value("Written in the other")
        await other.page.reload()
        await expect(other.field).to_have_value("Written in the other")


async def test_nothing_is_kept_of_what_was_sent(browser: Browser, service: Served) -> None:
    """The browser keeps unsent text only, and no conversation's text once it was sent."""
    async with visiting(browser, service.url) as visitor:
        await visitor.field.fill(BEGUN)
        kept = "[...Object.entries(localStorage), ...Object.entries(sessionStorage)].join()"
        assert BEGUN in await visitor.page.evaluate(kept)
        await visitor.ask(QUESTION)
        await visitor.field.fill("A second thing that is asked")
        await visitor.page.get_by_role("button", name="Send", exact=True).click()
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        rest = await visitor.page.evaluate(kept)
        assert BEGUN not in rest
        assert "A second thing" not in rest
