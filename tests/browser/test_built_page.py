"""What ships of the page: its built files, and its pictures."""

import gzip
from pathlib import Path

import pytest

import holdfast.server
from holdfast.support.engines.failing import AWAY, BUSY, CUT, LATE, REFUSED
from holdfast.support.spending import SPENT

IMAGES = Path(__file__).parents[2] / "docs" / "images"
GERMAN = Path(__file__).parents[2] / "web" / "src" / "words" / "de.ts"
STATIC = Path(holdfast.server.__file__).parent / "static"


def test_the_page_is_small() -> None:
    """Everything that a browser loads is 60 KB at most, packed."""
    sizes = [len(gzip.compress(file.read_bytes())) for file in STATIC.rglob("*.*")]
    assert 10_000 < sum(sizes) <= 60_000


@pytest.mark.parametrize("name", ["chat.png", "chat-dark.png", "chat-person.png"])
def test_the_pictures_of_the_page_are_there(name: str) -> None:
    """The pictures are real ones, made by `python -m tests.browser.picture`."""
    assert (IMAGES / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("reason", [AWAY, BUSY, CUT, LATE, REFUSED, SPENT])
def test_reasons_of_the_service_are_known_in_german(reason: str) -> None:
    """Why there is no answer is told in the visitor's language."""
    assert f'"{reason}":' in GERMAN.read_text(encoding="utf-8")
