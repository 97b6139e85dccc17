"""Who answers: the assistant, or a person whom the visitor asked for."""

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from tests.browser.visiting import PATIENCE, QUESTION, Visitor, enter, visiting
from tests.server.serving import Served, served

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

STAFF = {"type": "owner", "kind": "staff", "name": "Anna"}
AGENT = {"type": "owner", "kind": "agent", "name": "Assistant"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, shipped_articles="true", rate_limit="off") as service:
        yield service


class Line:
    """A socket of the page, on which more can be told than the service tells."""

    def __init__(self) -> None:
        self.page: WebSocketRoute | None = None

    def take(self, page: WebSocketRoute) -> None:
        self.page = page
        server = page.connect_to_server()
        server.on_message(lambda frame: page.send(_dear(frame)))

    def tell(self, **frame: Any) -> None:
        assert self.page is not None
        self.page.send(json.dumps(frame))


def _dear(frame: str | bytes) -> str:
    """Have every run cost something."""
    told = json.loads(frame)
    if told["type"] == "run.finished":
        told |= {"cost": 123_456_789, "budget_remaining": 987_654_321}
    return json.dumps(told)


@asynccontextmanager
async def talking(browser: Browser, service: Served) -> AsyncGenerator[tuple[Visitor, Line]]:
    line = Line()
    async with await browser.new_context(locale="en-GB") as context:
        await context.route_web_socket("**/v1/chat/ws", line.take)
        visitor = await enter(context, service.url)
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        yield visitor, line
        assert visitor.complaints == []


async def test_a_person_who_answers_is_named(browser: Browser, service: Served) -> None:
    """Who has taken the conversation over is told as long as they have it, and when they write."""
    async with talking(browser, service) as (visitor, line):
        taken = visitor.page.get_by_role("status").filter(has_text="You are talking with Anna.")
        line.tell(**STAFF)
        await expect(taken).to_be_visible()
        line.tell(type="typing", on=True)
        await expect(visitor.page.get_by_text("Anna is writing…")).to_be_visible()
        line.tell(type="typing", on=False)
        await expect(visitor.page.get_by_text("Anna is writing…")).to_have_count(0)
        line.tell(**AGENT)
        await expect(taken).to_have_count(0)
        announcer = visitor.page.locator("[data-announcer]")
        await expect(announcer).to_have_text("The assistant answers again.")


async def test_own_writing_in_another_tab_is_not_somebody(
    browser: Browser, service: Served
) -> None:
    """Where nobody was asked for, nobody else writes."""
    async with talking(browser, service) as (visitor, line):
        writing = visitor.page.get_by_text("is writing…")
        line.tell(type="typing", on=True)
        line.tell(**STAFF)
        await expect(writing).to_be_visible()
        line.tell(**AGENT)
        await expect(writing).to_have_count(0)


async def test_what_waits_for_a_person_says_so(browser: Browser, service: Served) -> None:
    """The ticket stays in sight until a person has answered, after a reload as well."""
    async with visiting(browser, service.url) as visitor:
        await visitor.page.get_by_role("button", name="Talk to a person").click()
        waiting = visitor.page.get_by_role("status").filter(
            has_text="A person has been asked to help."
        )
        await expect(waiting).to_contain_text("Your ticket is T-", timeout=PATIENCE)
        await visitor.page.reload()
        await expect(waiting).to_contain_text("Your ticket is T-", timeout=PATIENCE)


async def test_an_answer_of_a_person_ends_the_wait(browser: Browser, service: Served) -> None:
    """Escalated, then answered by staff: nobody is told any more that they have to wait."""
    async with talking(browser, service) as (visitor, line):
        line.tell(type="escalated", ticket_id="T-1", reasons=["asked"])
        waiting = visitor.page.get_by_text("Your ticket is T-1.")
        await expect(waiting).to_be_visible()
        line.tell(
            type="message",
            number=1000,
            id="by-anna",
            role="staff",
            content="Hello, this is Anna.",
            at="2026-01-01T12:00:00Z",
            sources=[],
            attachments=[],
        )
        told = visitor.page.locator(".from-staff")
        await expect(told).to_contain_text("Hello, this is Anna.")
        await expect(waiting).to_have_count(0)


async def test_visitors_are_not_told_what_answers_cost(browser: Browser, service: Served) -> None:
    """Cost and what is left of a budget are for those who pay."""
    async with talking(browser, service) as (visitor, _):
        shown = await visitor.page.inner_text("body")
        assert "123" not in shown
        assert "987" not in shown


async def test_a_person_is_asked_for_in_the_language_of_the_page(
    browser: Browser, service: Served
) -> None:
    """From the German page the request goes out in German, and is understood."""
    async with visiting(browser, service.url, locale="de-DE") as visitor:
        await visitor.page.get_by_role("button", name="Mit einem Menschen sprechen").click()
        asked = "Ich möchte bitte mit einem Menschen sprechen."
        await expect(visitor.questions).to_contain_text(asked)
        waiting = visitor.page.get_by_role("status").filter(
            has_text="Ein Mensch wurde um Hilfe gebeten."
        )
        await expect(waiting).to_be_visible(timeout=PATIENCE)
