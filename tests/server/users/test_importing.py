"""Users files of older services."""

import json

import pytest

from holdfast.server.users import InvalidUser
from holdfast.server.users.importing import read_entries

ANNA = {"username": "anna", "password_hash": "x", "groups": ["admin", "staff"]}
BERT = {"name": "bert", "hash": "y", "roles": [], "active": False}
READ = [("anna", "x", ("admin", "staff"), True), ("bert", "y", (), False)]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([ANNA, BERT]),
        json.dumps({"users": [ANNA, BERT]}),
        json.dumps({"anna": ANNA, "bert": BERT}),
        json.dumps({"users": {"anna": ANNA, "bert": BERT}}),
        "\ufeff" + json.dumps([{**ANNA, "email": "a@b.c"}, BERT]),
    ],
)
def test_json_of_several_forms_is_read(content: str) -> None:
    """A list or an object, alone or under a name, with the words of several services."""
    entries = read_entries(content.encode())
    assert [(e.name, e.hashed, e.groups, e.active) for e in entries] == READ


def test_lines_are_read() -> None:
    """As `htpasswd` writes them, with groups behind; empty lines and remarks are passed over."""
    lines = "# users\n\nanna:x:admin, staff\r\nbert:y\n"
    assert [(e.name, e.hashed, e.groups) for e in read_entries(lines.encode())] == [
        ("anna", "x", ("admin", "staff")),
        ("bert", "y", ()),
    ]


@pytest.mark.parametrize(
    "content",
    ['{"users": 5}', "[1]", "[", '[{"username": ["geheim"]}]', "[" * 100_000],
)
def test_other_forms_are_refused_without_repeating_them(content: str) -> None:
    """What stands in the file may be a password."""
    with pytest.raises(InvalidUser) as refusal:
        read_entries(content.encode())
    assert refusal.value.field == "file"
    assert "geheim" not in str(refusal.value)


def test_a_file_that_is_no_text_is_refused() -> None:
    """Bytes that are no UTF-8."""
    with pytest.raises(InvalidUser, match="UTF-8"):
        read_entries(b"\xff\xfe")
