"""What the page takes for the service's frames is what they are."""

from tools.wire_types import PATH, typescript


def test_the_types_of_the_page_are_up_to_date() -> None:
    """They are written from the models, and not by hand."""
    assert PATH.read_text() == typescript(), "run python -m tools.wire_types"
