"""The page as axe judges it (WCAG 2.2 AA): no serious or critical finding."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Writing
from tests.browser.test_markup import TABLE
from tests.browser.visiting import PATIENCE, QUESTION, visiting
from tests.server.serving import Served, served
from tests.support.fake_openai import text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with served(folder, shipped_articles="true", rate_limit="false") as service:
        yield service


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe is not installed: run `npm ci` in web/")
    return AXE.read_text()


async def _findings(page: Page) -> list[Any]:
    found: list[Any] = await page.evaluate(
        """async (tags) => {
          await Promise.all(document.getAnimations().map((one) => one.finish?.() ?? null))
            .catch(() => null);
          const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
          return violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
        }""",
        RULES,
    )
    return found


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_nothing_stands_in_the_way(
    browser: Browser, service: Served, axe: str, color_scheme: str
) -> None:
    """The welcome, a cited answer with an open source, a ticket and the menu are usable by all."""
    how = {"color_scheme": color_scheme, "reduced_motion": "reduce"}
    async with visiting(browser, service.url, scripts=[axe], **how) as visitor:
        assert await _findings(visitor.page) == []
        await visitor.ask(QUESTION)
        await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
        await visitor.sources.first.click()
        await visitor.page.get_by_role("button", name="Helpful", exact=True).click()
        await visitor.page.get_by_role("button", name="Talk to a person").click()
        await expect(visitor.answers).to_have_count(2, timeout=PATIENCE)
        assert await _findings(visitor.page) == []
        await visitor.page.get_by_role("button", name="Conversations and settings").click()
        assert await _findings(visitor.page) == []


async def test_a_table_is_told_to_all(browser: Browser, writing: Writing, axe: str) -> None:
    """Also where it has to be scrolled."""
    writing.model.script.clear()
    writing.model.script.append(text(TABLE))
    narrow = {"width": 360, "height": 740}
    async with visiting(browser, writing.service.url, scripts=[axe], viewport=narrow) as visitor:
        await visitor.ask("How long does it take?")
        await expect(visitor.answers.get_by_role("table")).to_be_visible(timeout=PATIENCE)
        assert await _findings(visitor.page) == []


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_waiting_and_failing_are_told_to_all(
    browser: Browser, writing: Writing, axe: str, color_scheme: str
) -> None:
    """An answer that is being written, one that broke off and a lost connection are, too."""
    writing.model.script.append(text("word " * 40, between=0.05, end="cut", at_piece=30))
    how = {"color_scheme": color_scheme, "reduced_motion": "reduce"}
    async with visiting(browser, writing.service.url, scripts=[axe], **how) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.growing).to_contain_text("word", timeout=PATIENCE)
        assert await _findings(visitor.page) == []
        retry = visitor.page.get_by_role("button", name="Retry")
        await expect(retry).to_be_visible(timeout=PATIENCE)
        await visitor.page.context.set_offline(True)
        await expect(visitor.page.get_by_text("Your messages are kept.")).to_be_visible()
        assert await _findings(visitor.page) == []


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
async def test_the_end_is_told_to_all(
    browser: Browser, tmp_path: Path, axe: str, color_scheme: str
) -> None:
    """A conversation that is about to end, waits for a person, or has ended, is, too."""
    how = {"color_scheme": color_scheme, "reduced_motion": "reduce"}
    with served(tmp_path, shipped_articles="true", ttl_seconds="6") as service:
        async with visiting(browser, service.url, scripts=[axe], **how) as visitor:
            await visitor.page.get_by_role("button", name="Talk to a person").click()
            await expect(visitor.answers).to_have_count(1, timeout=PATIENCE)
            await expect(visitor.page.get_by_role("button", name="Stay")).to_be_visible()
            assert await _findings(visitor.page) == []
            over = visitor.page.get_by_role("region", name="This conversation has ended")
            await expect(over).to_be_visible(timeout=PATIENCE)
            assert await _findings(visitor.page) == []
