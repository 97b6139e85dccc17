"""What the documents say is so: their example, their links, and the names of files and tests."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "holdfast"
REQUIREMENTS = ROOT / "docs" / "requirements.md"
GUARANTEES = ROOT / "docs" / "guarantees.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

# What stands at the top of the repository; everything else is named from the package.
TOP = ("benchmarks/", "docs/", "examples/", "tests/", ".env.example", "README.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(r"`([\w./-]+\.(?:py|md)|\.env\.example)(?:::(\w+))?`")


def _prose(document: Path) -> str:
    """Leave out code, in which brackets are no links."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def _anchors(document: Path) -> set[str]:
    """Name the headings as GitHub does."""
    titles = re.findall(r"^#+ (.*)$", _prose(document), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


def _place(name: str) -> Path:
    return (ROOT if name.startswith(TOP) else PACKAGE) / name


def _tests_in(file: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.walk(ast.parse(file.read_text()))
    return {node.name for node in tree if isinstance(node, functions)}


def _rows() -> list[list[str]]:
    lines = re.findall(r"^\| \d+ \|.*$", REQUIREMENTS.read_text(), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_example_of_the_readme_is_the_one_that_runs() -> None:
    """The README shows the code of examples/visits.py, all of it and nothing else."""
    shown = re.search(
        r"<!-- This is (\S+); a test runs it. -->\n```python\n(.*?)```",
        (ROOT / "README.md").read_text(),
        re.DOTALL,
    )
    assert shown is not None
    source = (ROOT / shown[1]).read_text()
    _, _, code = source.split('"""', 2)
    assert shown[2] == code.lstrip("\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """Each relative link names a file or folder that is there, and a heading that it has."""
    for link in LINK.findall(_prose(document)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("document", [REQUIREMENTS, GUARANTEES], ids=lambda path: path.name)
def test_named_files_and_tests_exist(document: Path) -> None:
    """A module, a test file or a test that a document names is there."""
    named = NAMED_FILE.findall(document.read_text())
    assert len(named) > 20
    for file, test in named:
        assert _place(file).is_file(), file
        assert not test or test in _tests_in(_place(file)), f"{file}::{test}"


def test_every_requirement_has_one_row() -> None:
    """The numbers 1 to 175 stand there once each, in order."""
    assert [int(row[0]) for row in _rows()] == list(range(1, 176))


def test_every_row_names_its_place_and_its_tests_or_says_that_there_are_none() -> None:
    """What is built has a module and a test; what is not says so in words."""
    for number, requirement, where, held_by in _rows():
        assert requirement, number
        if where in {"not built yet", "-"}:
            assert held_by == "-", number
            continue
        assert NAMED_FILE.search(where), number
        assert "tests/" in held_by or "testing/" in held_by, number


def test_the_floors_of_the_architecture_are_made_of_modules() -> None:
    """Every module in the table of floors is there, and none stands on two floors."""
    table = re.findall(r"^\| \d+ \|([^|]*)\|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    named = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", "".join(table)))
    assert len(named) == len(set(named)) > 40
    for name in named:
        assert (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name).is_dir(), name
