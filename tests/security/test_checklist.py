"""The table of docs/security.md is true: what it names is there, and what is there it names."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "security.md"
ITEMS: Final = 90
# Those whose number is a promise for later, with the reason in the table.
LATER: Final = "Not built"

_ROW: Final = re.compile(r"\| (\d+) \| (P[012]) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
_TEST: Final = re.compile(r"^\s*(?:async )?def (test_security_((?:\d{3}_)+)\w+)", re.MULTILINE)
_NAMED: Final = re.compile(r"`([^`]+)`")


class Row(NamedTuple):
    """One item of the checklist."""

    item: int
    requirement: str
    built: str
    tests: frozenset[str]

    @property
    def waits(self) -> bool:
        return self.built.startswith(LATER)


def _rows() -> list[Row]:
    found = _ROW.findall(PAGE.read_text("utf-8"))
    return [
        Row(int(item), requirement, built, frozenset(_NAMED.findall(tests)))
        for item, _, requirement, built, tests in found
    ]


def _tests() -> dict[int, set[str]]:
    """Find the files that hold tests of each item."""
    found: dict[int, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for _, numbers in _TEST.findall(path.read_text("utf-8")):
            for number in numbers.strip("_").split("_"):
                found.setdefault(int(number), set()).add(str(path.relative_to(ROOT)))
    return found


ROWS: Final = _rows()
TESTS: Final = _tests()


def test_the_table_has_every_item_once() -> None:
    """Ninety rows in their order."""
    assert [row.item for row in ROWS] == list(range(1, ITEMS + 1))


def test_no_test_has_the_number_of_no_item() -> None:
    """A test that is named for the checklist is named for something."""
    assert set(TESTS) <= set(range(1, ITEMS + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.item:03}")
def test_a_row_names_the_files_that_hold_its_tests(row: Row) -> None:
    """All of them and no others; an item that is built has a test, one that waits has a reason."""
    assert row.tests == TESTS.get(row.item, set())
    if row.waits:
        assert len(row.built) > len(LATER) + 10
    else:
        assert row.tests


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.item:03}")
def test_a_row_names_code_that_is_there(row: Row) -> None:
    """Modules and pages are where the table says."""
    named = [name for name in _NAMED.findall(row.built) if "/" in name or name.endswith(".py")]
    assert row.waits or named
    for name in named:
        places = (ROOT / "src" / "holdfast" / name, ROOT / name)
        assert any(place.exists() for place in places), name
