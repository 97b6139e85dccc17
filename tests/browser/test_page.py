"""The chat page in a real browser, on the real service."""

from collections.abc import Generator
from statistics import median

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.visiting import PATIENCE, QUESTION, enter, visiting
from tests.server.serving import Served, served

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, shipped_articles="true", rate_limit="off") as service:
        yield service


async def test_a_visitor_asks_and_finds_the_answer_again(browser: Browser, service: Served) -> None:
    """An answer comes with its sources; after a reload the conversation is there."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await expect(visitor.sources.first).to_be_visible()
        said = await visitor.answers.inner_text()
        await visitor.sources.first.click()
        await expect(visitor.sources.first).to_have_attribute("aria-expanded", "true")
        await expect(visitor.page.locator(".passage").first).to_be_visible()

        await visitor.page.reload()
        restored = visitor.log.get_by_role("article")
        await expect(restored).to_have_count(2, timeout=PATIENCE)
        await expect(restored.first).to_contain_text(QUESTION)
        assert await restored.last.inner_text() == said
        cookies = await visitor.page.context.cookies()
        assert [cookie.get("httpOnly") for cookie in cookies] == [True]
        assert cookies[0].get("name", "").startswith("__Host-hf_chat_")
        assert "hf_chat" not in await visitor.page.evaluate("document.cookie")


async def test_the_first_answer_is_there_at_once(browser: Browser, service: Served) -> None:
    """With the local engine an answer shows within 300 ms of sending, a new session included."""
    async with visiting(browser, service.url) as visitor:
        times = []
        for _ in range(5):
            times.append(await _seconds_to_answer(visitor.page))
            await visitor.page.get_by_role("button", name="New conversation").click()
            await expect(visitor.answers).to_have_count(0)
        assert median(times) <= 0.3, times


async def _seconds_to_answer(page: Page) -> float:
    await page.get_by_role("textbox", name="Your question").fill(QUESTION)
    seconds: float = await page.evaluate(
        """() => new Promise((resolve) => {
          const began = performance.now();
          const look = () =>
            document.querySelector(".from-assistant .bubble")
              ? resolve((performance.now() - began) / 1000)
              : requestAnimationFrame(look);
          document.querySelector("form.composer").requestSubmit();
          look();
        })"""
    )
    return seconds


async def test_the_keyboard_is_enough(browser: Browser, service: Served) -> None:
    """A visitor without a pointer asks, opens a source, and comes back from the menu."""
    async with visiting(browser, service.url) as visitor:
        await expect(visitor.field).to_be_visible()
        await visitor.tab_to(visitor.field)
        await visitor.page.keyboard.type(QUESTION)
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.sources.first).to_be_visible(timeout=PATIENCE)
        await visitor.tab_to(visitor.sources.first, "Shift+Tab")
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.sources.first).to_have_attribute("aria-expanded", "true")
        menu = visitor.page.get_by_role("button", name="Conversations and settings")
        await visitor.tab_to(menu, "Shift+Tab")
        await visitor.page.keyboard.press("Enter")
        panel = visitor.page.get_by_role("dialog")
        await expect(panel).to_be_visible()
        await visitor.page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        await expect(menu).to_be_focused()


@pytest.mark.parametrize("width", [320, 768, 1440])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_nothing_scrolls_sideways(
    browser: Browser, service: Served, width: int, direction: str
) -> None:
    """From a small phone to a desk, in both directions of writing, all of it fits the width."""
    viewport = {"width": width, "height": 720}
    turn = f"document.addEventListener('DOMContentLoaded', () => document.dir = '{direction}')"
    async with visiting(browser, service.url, viewport=viewport, scripts=[turn]) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.sources.first.click()
        await visitor.page.get_by_role("button", name="Talk to a person").click()
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        overflowing = await visitor.page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll(".log, .menu")]
              .filter((place) => place.scrollWidth > place.clientWidth)
              .map((place) => `${place.className}: ${place.scrollWidth} > ${place.clientWidth}`)"""
        )
        assert overflowing == []


async def test_it_speaks_german(browser: Browser, service: Served) -> None:
    """A German browser sees German; English is one choice away, and is kept."""
    async with visiting(browser, service.url, locale="de-DE") as visitor:
        page = visitor.page
        await expect(page.locator("html")).to_have_attribute("lang", "de")
        await expect(page.get_by_role("button", name="Mit einem Menschen sprechen")).to_be_visible()
        await page.get_by_role("button", name="Was deckt die Garantie ab?").click()
        await expect(visitor.answers).to_contain_text("Dort steht dazu:", timeout=PATIENCE)
        await expect(visitor.answers).to_contain_text("What the warranty covers")
        await page.get_by_role("button", name="Gespräche und Einstellungen").click()
        await page.get_by_role("radio", name="English").check()
        await expect(page.get_by_role("button", name="Talk to a person")).to_be_visible()
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_a_greeting_is_answered_in_the_language_of_the_page(
    browser: Browser, service: Served
) -> None:
    """What could be either language is taken for the one that the visitor reads."""
    async with visiting(browser, service.url, locale="de-DE") as visitor:
        await visitor.page.get_by_role("textbox", name="Ihre Frage").fill("Hi")
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.answers).to_contain_text("Womit kann ich Ihnen helfen?")


async def test_a_chosen_appearance_is_kept(browser: Browser, service: Served) -> None:
    """Dark is shown to those who chose it, whatever their system prefers."""
    async with visiting(browser, service.url, color_scheme="light") as visitor:
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = await visitor.page.evaluate(ground)
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        await visitor.page.get_by_role("radio", name="Dark").check()
        dark = await visitor.page.evaluate(ground)
        await visitor.page.reload()
        assert light != dark == await visitor.page.evaluate(ground)


async def test_motion_is_left_out_for_those_who_ask(browser: Browser, service: Served) -> None:
    """With reduced motion nothing moves, not even while an answer is awaited."""
    watch = """
      globalThis.moved = 0;
      const look = () => {
        globalThis.moved += document.getAnimations().length;
        requestAnimationFrame(look);
      };
      look();
    """
    async with visiting(browser, service.url, reduced_motion="reduce", scripts=[watch]) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        assert await visitor.page.evaluate("moved") == 0
    async with visiting(browser, service.url, scripts=[watch]) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        assert await visitor.page.evaluate("moved") > 0


async def test_an_answer_is_said_once(browser: Browser, service: Served) -> None:
    """Screen readers hear an answer once and whole; the log itself is silent."""
    hear = """
      globalThis.heard = [];
      const listen = () => {
        const place = document.querySelector("[data-announcer]");
        if (!place) return setTimeout(listen, 10);
        new MutationObserver(() => heard.push(place.textContent)).observe(place, {
          childList: true, subtree: true, characterData: true,
        });
      };
      listen();
    """
    async with visiting(browser, service.url, scripts=[hear]) as visitor:
        await expect(visitor.log).to_have_attribute("aria-live", "off")
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        heard = await visitor.page.evaluate("heard.filter(Boolean)")
        assert heard[0] == "Looking for an answer."
        assert [text for text in heard if text.startswith("Assistant: ")] == heard[1:]
        assert len(heard) == 2


async def test_an_answer_is_rated_and_copied(browser: Browser, service: Served) -> None:
    """A thumb stays pressed after a reload and in other tabs; what is copied is the answer."""
    allowed = ["clipboard-read", "clipboard-write"]
    async with visiting(browser, service.url, permissions=allowed) as visitor:
        await visitor.ask(QUESTION)
        up = visitor.page.get_by_role("button", name="Helpful", exact=True)
        await up.click()
        await expect(up).to_have_attribute("aria-pressed", "true")
        await visitor.page.get_by_role("button", name="Copy").click()
        copied = await visitor.page.evaluate("navigator.clipboard.readText()")
        assert copied.splitlines()[0] in await visitor.answers.inner_text()
        down = visitor.page.get_by_role("button", name="Not helpful")
        await visitor.page.evaluate("sessionStorage.clear()")
        await visitor.page.reload()
        await expect(up).to_have_attribute("aria-pressed", "true")
        await down.click()
        await expect(up).to_have_attribute("aria-pressed", "false")
        other = await enter(visitor.page.context, service.url)
        await expect(other.page.get_by_role("button", name="Not helpful")).to_have_attribute(
            "aria-pressed", "true"
        )


async def test_a_rating_waits_for_the_line(browser: Browser, service: Served) -> None:
    """Nobody is thanked for a rating that could not be said; it is said when the line is back."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.page.context.set_offline(True)
        await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_visible()
        up = visitor.page.get_by_role("button", name="Helpful", exact=True)
        await up.click()
        await expect(up).to_have_attribute("aria-pressed", "false")
        await visitor.page.context.set_offline(False)
        await expect(up).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
        announcer = visitor.page.locator("[data-announcer]")
        assert "Thank you" not in await announcer.inner_text()


async def test_a_conversation_left_while_it_begins_is_left(
    browser: Browser, service: Served
) -> None:
    """What was asked goes to one conversation, however often a new one is wanted meanwhile."""
    begins: list[Route] = []

    async def hold(route: Route) -> None:
        begins.append(route)
        if len(begins) > 1:
            await route.continue_()

    async with visiting(browser, service.url) as visitor:
        await visitor.page.route("**/v1/chat/sessions", hold)
        async with visitor.page.expect_request("**/v1/chat/sessions"):
            await visitor.ask(QUESTION)
        await visitor.page.get_by_role("button", name="New conversation").click()
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        async with visitor.page.expect_response("**/v1/chat/sessions"):
            await begins[0].continue_()
        await visitor.ask("What does delivery cost?")
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        books = "JSON.parse(localStorage['holdfast.chat.conversations']).length"
        assert await visitor.page.evaluate(books) == 1


async def test_earlier_conversations_are_gone_back_to(browser: Browser, service: Served) -> None:
    """A browser has several conversations; each tab is in the one that was chosen there."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="New conversation").click()
        await expect(visitor.answers).to_have_count(0)
        await visitor.ask("What does delivery cost?")
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        other = await enter(visitor.page.context, service.url)
        await expect(other.questions).to_contain_text("What does delivery cost?")
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        panel = visitor.page.get_by_role("dialog")
        await expect(panel.get_by_role("listitem")).to_have_count(2)
        await panel.get_by_role("button", name=QUESTION).click()
        await expect(visitor.questions).to_contain_text(QUESTION)
        await expect(visitor.answers).to_have_count(1)
        await visitor.page.reload()
        await expect(visitor.questions).to_contain_text(QUESTION)
        await expect(other.questions).to_contain_text("What does delivery cost?")


async def test_a_transcript_is_taken_home(browser: Browser, service: Served) -> None:
    """The conversation comes as a file with what was asked and answered."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        async with visitor.page.expect_download() as downloading:
            await visitor.page.get_by_role("button", name="Download transcript").click()
        download = await downloading.value
        assert download.suggested_filename.endswith(".md")
        text = (await download.path()).read_text()
        assert QUESTION in text


async def test_a_lost_conversation_is_begun_anew(browser: Browser, service: Served) -> None:
    """Without its cookie an old conversation stays closed, and the page goes on with a new one."""
    async with visiting(browser, service.url) as visitor:
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.page.context.clear_cookies()
        await visitor.page.reload()
        await expect(
            visitor.page.get_by_text("Your earlier conversation has ended")
        ).to_be_visible()
        await visitor.ask("What does delivery cost?")
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await expect(visitor.log).not_to_contain_text(QUESTION)


async def test_two_visitors_never_see_each_other(browser: Browser, service: Served) -> None:
    """Who learns the name of another's conversation, and asks for it, is shown nothing of it."""
    async with (
        visiting(browser, service.url) as one,
        visiting(browser, service.url) as other,
    ):
        await one.ask("What does delivery cost?")
        await other.ask(QUESTION)
        await expect(one.answers).to_have_count(1, timeout=PATIENCE)
        await expect(other.answers).to_have_count(1, timeout=PATIENCE)
        await expect(one.log).not_to_contain_text(QUESTION)
        books = await one.page.evaluate("localStorage['holdfast.chat.conversations']")
        await other.page.evaluate(
            """books => {
              localStorage['holdfast.chat.conversations'] = books;
              sessionStorage['holdfast.chat.current'] = JSON.stringify(JSON.parse(books)[0].id);
            }""",
            books,
        )
        await other.page.reload()
        await expect(other.page.get_by_text("Your earlier conversation has ended")).to_be_visible()
        await expect(other.log).not_to_contain_text("delivery cost")


async def test_a_browser_without_cookies_is_told(browser: Browser, service: Served) -> None:
    """A message that no conversation can be kept for fails, with the reason, and begins no more."""
    begun: list[str] = []

    async def without_cookie(route: Route) -> None:
        begun.append(route.request.method)
        answer = await route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        await visitor.page.context.clear_cookies()
        await route.fulfill(response=answer, headers=headers)

    async with visiting(browser, service.url) as visitor:
        await visitor.page.route("**/v1/chat/sessions", without_cookie)
        await visitor.ask(QUESTION)
        await expect(visitor.questions).to_contain_text("keeps no cookies", timeout=PATIENCE)
        assert len(begun) == 1
        await visitor.page.unroute("**/v1/chat/sessions")
        await visitor.page.get_by_role("button", name="Retry").click()
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await expect(visitor.questions).to_have_count(1)
