"""The page where something on the way lets no WebSockets through: it goes on by plain requests."""

from typing import Any, Final

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Writing
from tests.browser.gateway import gateway
from tests.browser.visiting import PATIENCE, visiting
from tests.support.fake_openai import failure, text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

# What Chromium says of a socket that does not come about.
REFUSED: Final = "WebSocket connection to"
ANSWER: Final = " ".join(f"word{number:02}" for number in range(40)) + " end."


async def test_an_answer_comes_as_events(browser: Browser, writing: Writing) -> None:
    """Where sockets are refused the answer grows all the same, and the next one too, once each."""
    writing.model.script.clear()
    writing.model.script.extend(text(ANSWER, between=0.04) for _ in range(2))
    async with (
        gateway(writing.service.url) as between,
        visiting(browser, between.url) as visitor,
    ):
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word09", timeout=PATIENCE)
        await expect(visitor.answers).to_contain_text(ANSWER, timeout=PATIENCE)
        refused = between.refused
        assert refused == 2
        await visitor.page.reload()
        await expect(visitor.log.get_by_role("article")).to_have_count(2, timeout=PATIENCE)
        await visitor.ask("And then?")
        await expect(visitor.answers.nth(1)).to_contain_text(ANSWER, timeout=PATIENCE)
        await expect(visitor.log.get_by_role("article")).to_have_count(4)
        assert between.refused == refused


async def test_an_answer_is_stopped_by_a_request(browser: Browser, writing: Writing) -> None:
    """What was told of it is kept, as over a socket."""
    writing.model.script.clear()
    writing.model.script.append(text(ANSWER, between=0.1))
    async with (
        gateway(writing.service.url) as between,
        visiting(browser, between.url) as visitor,
    ):
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word03", timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Stop answering").click()
        await expect(visitor.answers).to_contain_text("word03", timeout=PATIENCE)
        await expect(visitor.answers.locator(".byline")).to_contain_text("Stopped")
        await expect(visitor.answers).not_to_contain_text("end.")


async def test_messages_are_looked_for_where_events_are_held_up(
    browser: Browser, writing: Writing
) -> None:
    """Where events are collected on the way, the page looks for answers, and finds them."""
    writing.model.script.clear()
    writing.model.script.extend([text("The first answer."), text("The second answer.")])
    async with (
        gateway(writing.service.url, collects=True) as between,
        visiting(browser, between.url) as visitor,
    ):
        await visitor.ask("Tell me everything.")
        await expect(visitor.answers).to_contain_text("The first answer.", timeout=PATIENCE)
        await visitor.ask("And then?")
        await expect(visitor.answers.nth(1)).to_contain_text("The second answer.", timeout=PATIENCE)
        await expect(visitor.log.get_by_role("article")).to_have_count(4)
        await visitor.page.get_by_role("button", name="Helpful", exact=True).first.click()
        await expect(
            visitor.page.get_by_role("button", name="Helpful", exact=True).first
        ).to_have_attribute("aria-pressed", "true")
        assert any("/stream" in line for line in between.asked)


@pytest.mark.parametrize("collects", [False, True])
async def test_an_answer_that_fails_is_asked_for_again(
    browser: Browser, writing: Writing, collects: bool
) -> None:
    """What got no answer says so, and a retry is the same message."""
    writing.model.script.clear()
    writing.model.script.extend([failure(500), text("The answer.")])
    async with (
        gateway(writing.service.url, collects=collects) as between,
        visiting(browser, between.url) as visitor,
    ):
        await visitor.ask("Tell me everything.")
        await visitor.page.get_by_role("button", name="Retry").click(timeout=PATIENCE)
        await expect(visitor.answers).to_contain_text("The answer.", timeout=PATIENCE)
        await expect(visitor.log.get_by_role("article")).to_have_count(2)
        posts = [line for line in between.asked if line.startswith("POST") and "/messages" in line]
        assert len(posts) == 2
        visitor.complaints[:] = _beside("503", visitor.complaints)


async def test_a_line_that_fails_does_not_give_sockets_up(
    browser: Browser, writing: Writing
) -> None:
    """While nothing at all is answered, nobody concludes that sockets alone are kept out."""
    writing.model.script.clear()
    writing.model.script.extend([text("The first answer."), text("The second answer.")])
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.answers).to_contain_text("The first answer.", timeout=PATIENCE)
        await visitor.page.context.set_offline(True)
        for _ in range(3):
            await visitor.page.wait_for_event("console", lambda said: REFUSED in said.text)
        await visitor.page.context.set_offline(False)
        await visitor.ask("And then?")
        await expect(visitor.answers.nth(1)).to_contain_text("The second answer.", timeout=PATIENCE)
        given_up = "sessionStorage['holdfast.chat.sockets-given-up']"
        assert await visitor.page.evaluate(given_up) is None


def _beside(expected: str, complaints: list[Any]) -> list[Any]:
    return [complaint for complaint in complaints if expected not in complaint]
