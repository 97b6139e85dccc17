"""The SQL that is sent is SQL that old SQLite libraries know."""

import re
from pathlib import Path

import pytest

import holdfast

NEWER_THAN_3_34 = {
    "RETURNING (3.35)": r"\bRETURNING\b",
    "an upsert without a target (3.35)": r"\bON\s+CONFLICT\s+DO\s+UPDATE\b",
    "DROP COLUMN (3.35)": r"\bDROP\s+COLUMN\b",
    "MATERIALIZED (3.35)": r"\bMATERIALIZED\b",
    "STRICT tables (3.37)": r"\)\s*(WITHOUT ROWID,\s*)?STRICT\b",
    "-> (3.38)": r"->",
    "unixepoch() (3.38)": r"\bunixepoch\(",
}
FILES = sorted(Path(holdfast.__file__).parent.rglob("*.sql"))


def test_there_are_statements() -> None:
    """Of sessions and of knowledge."""
    assert {"shift_deadlines.sql", "put_document.sql"} <= {path.name for path in FILES}


@pytest.mark.parametrize("feature", NEWER_THAN_3_34)
def test_sqlite_3_34_knows_every_statement(feature: str) -> None:
    """Python is built with the SQLite of its system, and some have none that is newer."""
    pattern = re.compile(NEWER_THAN_3_34[feature], re.IGNORECASE)
    texts = {path.name: re.sub(r"--.*", "", path.read_text(encoding="utf-8")) for path in FILES}
    assert [name for name, text in texts.items() if pattern.search(text)] == []
