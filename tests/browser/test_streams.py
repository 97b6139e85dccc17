"""Answers that are written slowly, and what may happen meanwhile, in a real browser."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import SETTINGS, Writing
from tests.browser.visiting import PATIENCE, enter, visiting
from tests.server.serving import free_port, served
from tests.support.fake_openai import failure, serving, text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

# Every word is different, so that what is lost, told twice or out of order shows.
ANSWER: Final = " ".join(f"word{number:02}" for number in range(40)) + " end."
BETWEEN: Final = 0.04
PART: Final = "word09"

WATCH: Final = """
  globalThis.seen = [];
  new MutationObserver(() => {
    const bubble = document.querySelector(".from-assistant .bubble");
    if (bubble && bubble.innerText !== seen.at(-1)) seen.push(bubble.innerText);
  }).observe(document, { childList: true, subtree: true, characterData: true });
"""


def _slowly(writing: Writing, *answers: str) -> None:
    writing.model.script.clear()
    writing.model.script.extend(text(answer, between=BETWEEN) for answer in answers)


async def _seen(page: Page) -> list[str]:
    """Give all the texts that an answer had, one after another."""
    seen: list[str] = await page.evaluate("seen")
    return [text.strip() for text in seen]


def _grew(seen: list[str]) -> bool:
    """Say whether each text is a beginning of the answer, and longer than the one before."""
    lengths = [len(text) for text in seen]
    return all(ANSWER.startswith(text) for text in seen) and lengths == sorted(set(lengths))


async def test_an_answer_shows_while_it_is_written(browser: Browser, writing: Writing) -> None:
    """The text grows from its beginning; the finished answer takes its place."""
    _slowly(writing, ANSWER)
    async with visiting(browser, writing.service.url, scripts=[WATCH]) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text(PART, timeout=PATIENCE)
        await expect(visitor.page.locator(".answering")).to_have_attribute("aria-busy", "true")
        await expect(visitor.answers).to_contain_text(ANSWER, timeout=PATIENCE)
        await expect(visitor.growing).to_have_count(0)
        seen = await _seen(visitor.page)
        assert len(seen) >= 5
        assert _grew(seen)


async def test_a_reload_shows_the_text_so_far_and_then_the_tail(
    browser: Browser, writing: Writing
) -> None:
    """Nothing of an answer is lost or told twice when the page is loaded again meanwhile."""
    _slowly(writing, ANSWER)
    async with visiting(browser, writing.service.url, scripts=[WATCH]) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text(PART, timeout=PATIENCE)
        await visitor.page.reload()
        await expect(visitor.answers).to_contain_text(ANSWER, timeout=PATIENCE)
        seen = await _seen(visitor.page)
        assert PART in seen[0]
        assert seen[0] != ANSWER
        assert _grew(seen)
        await expect(visitor.log.get_by_role("article")).to_have_count(2)


async def test_a_line_lost_meanwhile_loses_nothing(browser: Browser, writing: Writing) -> None:
    """What is written while the network is away follows when it is back; nothing is told twice."""
    _slowly(writing, ANSWER)
    async with visiting(browser, writing.service.url, scripts=[WATCH]) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word04", timeout=PATIENCE)
        context = visitor.page.context
        await context.set_offline(True)
        await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_visible()
        before = len(await _seen(visitor.page))
        await context.set_offline(False)
        await expect(visitor.answers).to_contain_text(ANSWER, timeout=PATIENCE)
        seen = await _seen(visitor.page)
        assert len(seen) > before
        assert _grew(seen)


async def test_two_tabs_show_the_same(browser: Browser, writing: Writing) -> None:
    """A tab that is opened meanwhile shows the whole text so far; both end alike."""
    _slowly(writing, ANSWER, "The second answer.")
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text(PART, timeout=PATIENCE)
        other = await enter(visitor.page.context, writing.service.url)
        await expect(other.growing).to_contain_text("word00")
        await expect(other.answers).to_contain_text(ANSWER, timeout=PATIENCE)
        await expect(visitor.answers).to_contain_text(ANSWER)
        await other.ask("And then?")
        await expect(visitor.answers.nth(1)).to_contain_text("The second answer.", timeout=PATIENCE)
        await expect(visitor.questions).to_have_count(2)
        articles = other.log.get_by_role("article")
        assert (
            await articles.all_inner_texts()
            == await visitor.log.get_by_role("article").all_inner_texts()
        )
        assert other.complaints == []


async def test_an_answer_is_stopped(browser: Browser, writing: Writing) -> None:
    """What was told before the visitor stopped the answer is kept, and says that it was stopped."""
    _slowly(writing, ANSWER, "The second answer.")
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text(PART, timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Stop answering").click()
        await expect(visitor.answers).to_contain_text("Stopped", timeout=PATIENCE)
        told = (await visitor.answers.locator(".bubble").inner_text()).strip()
        assert PART in told
        assert ANSWER.startswith(told)
        await expect(visitor.field).to_be_focused()
        await visitor.ask("And then?")
        await expect(visitor.answers.nth(1)).to_contain_text("The second answer.", timeout=PATIENCE)


async def test_a_stop_on_a_line_that_fails_is_said_again(
    browser: Browser, writing: Writing
) -> None:
    """An answer is stopped although the line was lost with the visitor's word."""
    writing.model.script.clear()
    writing.model.script.append(text(ANSWER, between=0.2))
    cuts: list[asyncio.Task[None]] = []

    def deaf(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def heard(frame: str | bytes) -> None:
            if json.loads(frame)["type"] == "run.cancel" and not cuts:
                cuts.append(asyncio.create_task(page.close(code=1012)))
            else:
                server.send(frame)

        page.on_message(heard)

    async with await browser.new_context(locale="en-GB") as context:
        await context.route_web_socket("**/v1/chat/ws", deaf)
        visitor = await enter(context, writing.service.url)
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word01", timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Stop answering").click()
        await expect(visitor.answers).to_contain_text("Stopped", timeout=PATIENCE)
        await asyncio.gather(*cuts)
        assert visitor.complaints == []


async def test_an_answered_message_is_not_being_answered(
    browser: Browser, writing: Writing
) -> None:
    """A word of a run's beginning that comes after its answer shows no second answer."""
    _slowly(writing, "The first answer.")
    started: list[str] = []

    def late(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def told(frame: str | bytes) -> None:
            page.send(frame)
            kind = json.loads(frame)["type"]
            if kind == "run.started":
                started.append(str(frame))
            elif kind == "run.finished":
                page.send(started[0])
                page.send(json.dumps({"type": "owner", "kind": "staff", "name": "Anna"}))

        server.on_message(told)

    async with await browser.new_context(locale="en-GB") as context:
        await context.route_web_socket("**/v1/chat/ws", late)
        visitor = await enter(context, writing.service.url)
        await visitor.ask("Tell me everything.")
        await expect(visitor.page.get_by_text("You are talking with Anna.")).to_be_visible(
            timeout=PATIENCE
        )
        assert await visitor.page.locator(".answering").count() == 0
        await expect(visitor.answers).to_have_count(1)
        assert visitor.complaints == []


async def test_messages_wait_their_turn(browser: Browser, writing: Writing) -> None:
    """What is asked while an answer is written is kept, and answered under its own question."""
    _slowly(writing, ANSWER, "The second answer.")
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word00", timeout=PATIENCE)
        await visitor.ask("And then?")
        await expect(visitor.questions.nth(1)).to_contain_text("Waiting for its turn")
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        texts = await visitor.page.locator(".message .bubble").all_inner_texts()
        expected = ["Tell me everything.", ANSWER, "And then?", "The second answer."]
        assert [text.strip() for text in texts] == expected


async def test_what_is_written_offline_is_sent_later(browser: Browser, writing: Writing) -> None:
    """Without a network a message waits in the page; it is sent once when the network is back."""
    _slowly(writing, "The first answer.", "The second answer.")
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.answers).to_contain_text("The first answer.", timeout=PATIENCE)
        await visitor.page.context.set_offline(True)
        await visitor.ask("And then?")
        await expect(visitor.questions.nth(1)).to_contain_text("Sending…")
        await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_visible()
        await visitor.page.context.set_offline(False)
        await expect(visitor.answers.nth(1)).to_contain_text("The second answer.", timeout=PATIENCE)
        await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_hidden()
        await visitor.page.reload()
        await expect(visitor.log.get_by_role("article")).to_have_count(4, timeout=PATIENCE)


async def test_a_message_on_a_flaky_line_is_stored_once(browser: Browser, writing: Writing) -> None:
    """A line that is cut before the acknowledgement comes back, and the message is the same."""
    _slowly(writing, "The first answer.")
    sent: list[dict[str, Any]] = []
    cuts: list[asyncio.Task[None]] = []

    lines: list[WebSocketRoute] = []

    def flaky(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        lines.append(page)

        def heard(frame: str | bytes) -> None:
            said = json.loads(frame)
            server.send(frame)
            if said["type"] == "message.send":
                sent.append(said)

        def told(frame: str | bytes) -> None:
            if json.loads(frame)["type"] != "welcome" and len(lines) == 1:
                cuts.append(asyncio.create_task(page.close(code=1012)))
            else:
                page.send(frame)

        page.on_message(heard)
        server.on_message(told)

    asked = len(writing.model.requests)
    async with await browser.new_context(locale="en-GB") as context:
        await context.route_web_socket("**/v1/chat/ws", flaky)
        visitor = await enter(context, writing.service.url)
        await visitor.ask("Tell me everything.")
        await expect(visitor.answers).to_contain_text("The first answer.", timeout=PATIENCE)
        await expect(visitor.log.get_by_role("article")).to_have_count(2)
        assert len(writing.model.requests) == asked + 1
        assert {frame["client_message_id"] for frame in sent} == {sent[0]["client_message_id"]}
        assert len(sent) == 2
        await asyncio.gather(*cuts)
        assert visitor.complaints == []


async def test_a_service_killed_meanwhile_is_asked_again(browser: Browser, tmp_path: Path) -> None:
    """A killed service leaves the text so far and a retry that works; the message stays one."""
    port = free_port()
    async with serving() as model:
        model.script.extend(text(ANSWER, between=BETWEEN) for _ in range(2))
        how = {**SETTINGS, "ai_base_url": model.base_url}
        async with await browser.new_context(locale="en-GB") as context:
            with served(tmp_path, port=port, **how) as service:
                visitor = await enter(context, service.url)
                await visitor.ask("Tell me everything.")
                await expect(visitor.growing).to_contain_text(PART, timeout=PATIENCE)
                service.stop(signal.SIGKILL)
                await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_visible()
            with served(tmp_path, port=port, **how):
                await visitor.page.evaluate("dispatchEvent(new Event('online'))")
                retry = visitor.page.get_by_role("button", name="Retry")
                await expect(retry).to_be_visible(timeout=PATIENCE)
                await expect(visitor.page.get_by_text("The answer broke off.")).to_be_visible()
                await expect(visitor.growing).to_contain_text("word00")
                await retry.click()
                await expect(visitor.answers).to_contain_text(ANSWER, timeout=PATIENCE)
                await expect(visitor.log.get_by_role("article")).to_have_count(2)
                await expect(retry).to_have_count(0)
                assert visitor.complaints == []


@pytest.mark.parametrize(
    ("locale", "field", "reason"),
    [
        ("en-GB", "Your question", "The assistant is very busy at the moment."),
        ("de-DE", "Ihre Frage", "Der Assistent ist gerade sehr beschäftigt."),
    ],
)
async def test_a_visitor_is_told_why_there_is_no_answer(
    browser: Browser, writing: Writing, locale: str, field: str, reason: str
) -> None:
    """As far as the model's service has said it, in the language of the page."""
    writing.model.script.clear()
    writing.model.script.append(failure(429))
    async with visiting(browser, writing.service.url, locale=locale) as visitor:
        await visitor.page.get_by_role("textbox", name=field).fill("Tell me everything.")
        await visitor.page.keyboard.press("Enter")
        told = visitor.page.locator(".failed")
        await expect(told).to_contain_text(reason, timeout=PATIENCE)


async def test_what_would_fail_again_is_not_to_be_repeated(
    browser: Browser, writing: Writing
) -> None:
    """A visitor is pointed to a person then, also after a reload."""
    writing.model.script.clear()
    writing.model.script.append(failure(401))
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        told = visitor.page.locator(".failed")
        for _ in range(2):
            await expect(told).to_contain_text("A person can help you.", timeout=PATIENCE)
            await expect(told.get_by_role("button")).to_have_count(0)
            await visitor.page.reload()


async def test_what_a_model_writes_is_text(browser: Browser, writing: Writing) -> None:
    """Pictures and markup in an answer are neither shown nor fetched; links lead to pages alone."""
    _slowly(
        writing,
        "![you](https://elsewhere.invalid/a.png?q=1) <img src=https://elsewhere.invalid/b.png> "
        "[here](javascript:alert(1)) and [there](https://elsewhere.invalid/).",
    )
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        bubble = visitor.answers.locator(".bubble")
        await expect(bubble).to_contain_text("<img src=", timeout=PATIENCE)
        await expect(bubble.locator("img, script, iframe")).to_have_count(0)
        links = bubble.get_by_role("link")
        await expect(links).to_have_count(2)
        assert {await link.get_attribute("rel") for link in await links.all()} == {
            "noopener nofollow ugc"
        }
        hrefs = [await link.get_attribute("href") or "" for link in await links.all()]
        assert all(href.startswith("https://elsewhere.invalid/") for href in hrefs)
