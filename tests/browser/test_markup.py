"""What a model writes is shown as text and a few marks; it makes the page fetch nothing."""

from typing import Final

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Writing
from tests.browser.visiting import PATIENCE, visiting
from tests.support.fake_openai import text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

AWAY: Final = "https://elsewhere.invalid"
PAYLOAD: Final = f"""\
Shown: **bold**, *leaning*, `a.b`, [there]({AWAY}/page), {AWAY}/bare. and mailto:help@shop.example
![inline]({AWAY}/1.png?q=secret) ![reference][pic] [![nested]({AWAY}/2.png)]({AWAY}/3)
<img src="{AWAY}/4.png"><svg><image href="{AWAY}/5.svg"/></svg><b style="background:url({AWAY}/6)">
<script src="{AWAY}/7.js"></script><iframe src="{AWAY}/8"></iframe><link rel=prefetch href={AWAY}/9>
[a](javascript:alert(1)) [b](data:text/html;base64,PHNjcmlwdD4=) [c](vbscript:x)
[d](//elsewhere.invalid) [e](java\tscript:alert(1)) [f](HTTPS://shop.example@elsewhere.invalid/)
data:image/png;base64,AA [https://shop.example/account]({AWAY}/phish) [shop.example]({AWAY}/phish2)

[pic]: {AWAY}/10.png
"""

TABLE: Final = f"""\
How long it takes:
| Where to | Days | Price | Notes |
|:---|:---:|---:|---|
| **Germany** | 1-2 | 4.90 | [more]({AWAY}/de) and [less](javascript:alert) |
| Lighthouse&nbsp;<b>x</b> \\| harbour | 3 |
Norway|5-7|14.90|Customs declaration needed|and what is too much
Behind it.

A | B is no table.
"""


async def test_a_table_is_one(browser: Browser, writing: Writing) -> None:
    """Its heads name their columns, its cells hold what other text may, and it scrolls alone."""
    writing.model.script.clear()
    writing.model.script.append(text(TABLE))
    narrow = {"width": 360, "height": 740}
    async with visiting(browser, writing.service.url, viewport=narrow) as visitor:
        await visitor.ask("How long does it take?")
        table = visitor.answers.get_by_role("table")
        await expect(table.locator("th[scope=col]")).to_have_text(
            ["Where to", "Days", "Price", "Notes"], timeout=PATIENCE
        )
        await expect(table.locator("tbody td")).to_have_text(
            [
                *("Germany", "1-2", "4.90", "more (opens in a new tab) and less"),
                *("Lighthouse&nbsp;<b>x</b> | harbour", "3", "", ""),
                *("Norway", "5-7", "14.90", "Customs declaration needed"),
            ]
        )
        await expect(table.locator("td.end").first).to_have_css("text-align", "end")
        links = table.get_by_role("link")
        await expect(links).to_have_count(1)
        await expect(links).to_have_attribute("rel", "noopener nofollow ugc")
        lines = visitor.answers.locator(".bubble > p")
        await expect(lines).to_have_text(["How long it takes:", "Behind it.", "A | B is no table."])
        page = visitor.page
        wide = "(one) => one.scrollWidth > one.clientWidth"
        assert await visitor.answers.locator(".table").evaluate(wide)
        assert not await page.locator(":root").evaluate(wide)
        await visitor.tab_to(visitor.answers.get_by_role("group", name="Table"), key="Shift+Tab")
        await page.keyboard.press("ArrowRight")
        await page.wait_for_function("document.activeElement.scrollLeft > 0")


BLOCKS: Final = """\
Take this code:
```text
DT **12**
  <b>RETURN</b> | x

```
---
> Labels are valid for *14* days,
> not longer.
>
> - One a parcel.

***
Unclosed:
~~~
the end
"""


async def test_code_quotations_and_rules_are_what_they_are(
    browser: Browser, writing: Writing
) -> None:
    """Code stays as it is written, a quotation stands apart, and nobody sees the marks."""
    writing.model.script.clear()
    writing.model.script.append(text(BLOCKS))
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("How do I return it?")
        bubble = visitor.answers.locator(".bubble")
        codes = bubble.locator("pre > code")
        await expect(codes).to_have_count(2, timeout=PATIENCE)
        assert await codes.all_text_contents() == [
            "DT **12**\n  <b>RETURN</b> | x",
            "the end",
        ]
        quotation = bubble.locator("blockquote")
        await expect(quotation.locator("p")).to_have_text(
            "Labels are valid for 14 days,\nnot longer."
        )
        await expect(quotation.get_by_role("listitem")).to_have_text("One a parcel.")
        await expect(bubble.locator("hr")).to_have_count(0)
        lines = (await bubble.inner_text()).split("\n")
        assert not [line for line in lines if line.startswith(("`", "~", "-", ">", "***"))]


async def test_payloads_are_text(browser: Browser, writing: Writing) -> None:
    """Pictures in every notation, elements and other schemes stay text; links say where they go."""
    writing.model.script.clear()
    writing.model.script.append(text(PAYLOAD))
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.ask("Tell me everything.")
        bubble = visitor.answers.locator(".bubble")
        await expect(bubble).to_contain_text("[pic]", timeout=PATIENCE)
        elements = await bubble.evaluate(
            "(one) => [...new Set([...one.querySelectorAll('*')].map((e) => e.localName))].sort()"
        )
        assert elements == ["a", "code", "em", "p", "span", "strong"]
        links = {
            await link.get_attribute("href"): (await link.text_content() or "").split(" (")[0]
            for link in await bubble.get_by_role("link").all()
        }
        shown = {
            f"{AWAY}/page": "there",
            f"{AWAY}/bare": f"{AWAY}/bare",
            "mailto:help@shop.example": "help@shop.example",
            f"{AWAY}/phish": f"{AWAY}/phish",
            f"{AWAY}/phish2": f"{AWAY}/phish2",
        }
        assert links.items() >= shown.items()
        assert all(href and href.startswith((AWAY, "mailto:")) for href in links)
        for link in await bubble.get_by_role("link").all():
            assert await link.get_attribute("rel") == "noopener nofollow ugc"
        off = "document.querySelector('[http-equiv=x-dns-prefetch-control]').content"
        assert await visitor.page.evaluate(off) == "off"


async def test_marks_that_never_close_take_no_time(browser: Browser, writing: Writing) -> None:
    """An answer full of openings is shown as quickly as any other."""
    writing.model.script.clear()
    writing.model.script.append(text(f"{'![' * 12_000} end."))
    watch = """
      globalThis.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
      }).observe({ type: "longtask" });
    """
    async with visiting(browser, writing.service.url, scripts=[watch]) as visitor:
        await visitor.ask("Tell me everything.")
        await expect(visitor.answers).to_contain_text("end.", timeout=PATIENCE)
        assert await visitor.page.evaluate("longest") < 600
