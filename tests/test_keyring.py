"""Keyrings: what they accept, what they refuse, and that they never show a key."""

import base64
import pickle
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InvalidKeyring
from holdfast.keyring import Keyring, RootKey, framed

SECRET = sha256(b"holdfast").digest()
TEXT = base64.b64encode(SECRET).decode()


def shows_key(text: str) -> bool:
    """Say whether any part of the key, in any of its writings, is in the text."""
    writings = (TEXT, SECRET.hex(), repr(SECRET)[2:-1], base64.urlsafe_b64encode(SECRET).decode())
    return any(writing[i : i + 6] in text for writing in writings for i in range(len(writing) - 6))


@pytest.mark.parametrize(
    "text",
    [
        f"k1:{TEXT}",
        f"k1:{TEXT.rstrip('=')}",
        f"k1:{base64.urlsafe_b64encode(SECRET).decode()}",
        f" k1:{TEXT} , ",
        f"\nk1:{TEXT}\n",
    ],
)
def test_a_key_may_be_written_in_either_base64(text: str) -> None:
    """With or without padding, blanks and line ends around it."""
    keyring = Keyring.from_text(text)
    assert keyring.to_text() == f"k1:{base64.urlsafe_b64encode(SECRET).decode()}"


def test_text_and_keyring_are_the_same() -> None:
    """What is written can be read again; the first key seals, all are found."""
    keyring = Keyring([("new", SECRET), ("old", SECRET[::-1])])
    again = Keyring.from_text(keyring.to_text())
    assert again.to_text() == keyring.to_text()
    assert [key.key_id for key in again] == ["new", "old"]
    assert again.primary.key_id == "new"
    assert again.find("old") == keyring.find("old")
    assert again.find("older") is None


def test_a_keyring_is_read_from_a_file(tmp_path: Path) -> None:
    """One key a line, or all in one."""
    path = tmp_path / "keys"
    path.write_text(f"new:{TEXT}\nold:{base64.b64encode(SECRET[::-1]).decode()}\n", "ascii")
    path.chmod(0o600)
    assert [key.key_id for key in Keyring.from_file(path)] == ["new", "old"]


def test_a_keyring_travels_to_other_processes() -> None:
    """A pickled one derives the same keys."""
    keyring = Keyring.generate()
    again = pickle.loads(pickle.dumps(keyring))
    assert again.primary.derive("value", "ns", "id") == keyring.primary.derive("value", "ns", "id")


def test_generated_keys_differ() -> None:
    """In id and in material."""
    texts = {Keyring.generate().to_text() for _ in range(100)}
    assert len(texts) == 100
    assert Keyring.generate("mine").primary.key_id == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 16 keys"),
        (" , ", "1 to 16 keys"),
        (TEXT, "no colon"),
        (f":{TEXT}", "key id"),
        (f"{TEXT}:my key", "key id"),
        (f"{TEXT}:k1", "key id"),
        (f"a b:{TEXT}", "key id"),
        (f"{'x' * 33}:{TEXT}", "key id"),
        (f"k1:{TEXT[:-8]}", "bytes"),
        (f"k1:{TEXT}AAAA", "not base64"),
        (f"k1:*{TEXT[1:]}", "not base64"),
        (f"k1:é{TEXT}", "not base64"),
        (f"k1:{TEXT[:-3]}", "k1"),
        ("k1:" + base64.b64encode(b"a" * 32).decode(), "not random"),
        (f"k1:{TEXT},k1:{base64.b64encode(SECRET[::-1]).decode()}", "an id of its own"),
        (",".join(f"k{number}:{TEXT}" for number in range(17)), "1 to 16 keys"),
    ],
)
def test_what_is_no_keyring_is_refused_without_showing_it(text: str, words: str) -> None:
    """The message says what is wrong and names the key's id; nothing in it is key material."""
    with pytest.raises(InvalidKeyring) as refusal:
        Keyring.from_text(text)
    assert words in str(refusal.value)
    chain: list[BaseException | None] = [refusal.value]
    while (error := chain[-1]) is not None:
        assert not shows_key(f"{error} {error!r}")
        chain.append(error.__cause__ or error.__context__)


def test_nothing_that_is_printed_shows_a_key() -> None:
    """Keyrings and root keys show ids."""
    keyring = Keyring.from_text(f"k1:{TEXT}")
    assert repr(keyring) == str(keyring) == "Keyring(k1)"
    assert repr(keyring.primary) == str(keyring.primary) == "RootKey('k1')"
    extracted = keyring.primary.extracted
    assert not shows_key(f"{keyring.primary!r}")
    assert extracted.hex() not in repr([keyring.primary])


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A binary file says that it is no keyring, and shows nothing of what is in it."""
    path = tmp_path / "keys"
    path.write_bytes(b"k1:" + bytes(range(128, 200)))
    path.chmod(0o600)
    with pytest.raises(InvalidKeyring) as refusal:
        Keyring.from_file(path)
    assert "\\x" not in str(refusal.value)


contexts = st.lists(st.text(max_size=6), max_size=3)


@given(st.text(max_size=6), contexts, st.text(max_size=6), contexts)
def test_different_contexts_give_different_keys(
    purpose: str, context: list[str], other_purpose: str, other_context: list[str]
) -> None:
    """No two ways of cutting the same letters into parts share a subkey."""
    root = RootKey("k1", SECRET)
    same = (purpose, context) == (other_purpose, other_context)
    first, second = root.derive(purpose, *context), root.derive(other_purpose, *other_context)
    assert (first == second) == same
    assert len(first) == 32


def test_a_subkey_is_hkdf() -> None:
    """RFC 5869 with SHA-256, salt `holdfast/1` and the framed context as info."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = framed(b"value") + framed(b"ns") + framed("ü".encode())
    expected = HKDF(SHA256(), 32, b"holdfast/1", info).derive(SECRET)
    assert Keyring([("k1", SECRET)]).primary.derive("value", "ns", "ü") == expected
