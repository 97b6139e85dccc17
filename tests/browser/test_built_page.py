"""What ships of the page: its built files, and its pictures."""

import gzip
from pathlib import Path

import pytest

import holdfast.server

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STATIC = Path(holdfast.server.__file__).parent / "static"


def test_the_page_is_small() -> None:
    """Everything that a browser loads is 60 KB at most, packed."""
    sizes = [len(gzip.compress(file.read_bytes())) for file in STATIC.rglob("*.*")]
    assert 10_000 < sum(sizes) <= 60_000


@pytest.mark.parametrize("name", ["chat.png", "chat-dark.png", "chat-person.png"])
def test_the_pictures_of_the_page_are_there(name: str) -> None:
    """The pictures are real ones, made by `python -m tests.browser.picture`."""
    assert (IMAGES / name).read_bytes().startswith(b"\x89PNG")
