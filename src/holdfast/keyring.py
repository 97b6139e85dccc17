"""Root keys and what is derived from them.

A root key never encrypts anything itself: subkeys come from HKDF-SHA256 (RFC 5869) over a purpose
and its context, so that what is sealed for one place cannot be opened at another.

A key may be given with the moment from which it seals (`@` and seconds since 1970): until then it
only opens, so that every process knows it before any of them uses it.
"""

import base64
import binascii
import hmac
import os
import re
import secrets
import stat
import time
from collections.abc import Container, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, Self

from holdfast.errors import InvalidKeyring

KEY_BYTES: Final = 32
MAX_KEYS: Final = 16
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_SALT: Final = b"holdfast/1"
_STANDARD_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")


class RootKey(NamedTuple):
    """One root key, ready to derive from: its id, and what HKDF-Extract made of it."""

    key_id: str
    extracted: bytes

    def __repr__(self) -> str:
        return f"RootKey({self.key_id!r})"

    def derive(self, purpose: str, *context: str) -> bytes:
        """Make the 32-byte subkey of a purpose and its context (one block of HKDF-Expand)."""
        info = b"".join(framed(part.encode()) for part in (purpose, *context))
        return hmac.digest(self.extracted, info + b"\x01", "sha256")


def framed(part: bytes) -> bytes:
    """Put the length before a part, so that joined parts cannot be read in two ways."""
    return len(part).to_bytes(4, "big") + part


class KeyEntry(NamedTuple):
    """A key as it is written down; `seals_from` is in seconds since 1970, 0 for always."""

    key_id: str
    key: bytes
    seals_from: int = 0

    def __repr__(self) -> str:
        return f"KeyEntry({self.key_id!r})"

    def written(self) -> str:
        """Write the entry as `read_entries` reads it. This is the secret itself."""
        begins = f"@{self.seals_from}" if self.seals_from else ""
        return f"{self.key_id}:{base64.urlsafe_b64encode(self.key).decode()}{begins}"


def read_entries(text: str) -> tuple[KeyEntry, ...]:
    """Read `id:base64-of-32-bytes[@seals-from]`, with commas or line ends between.

    Raises:
        InvalidKeyring: a malformed entry.
    """
    written = (entry.strip() for entry in re.split(r"[,\n]", text))
    return tuple(_parse(entry) for entry in written if entry)


def read_key_file(path: str | Path) -> tuple[KeyEntry, ...]:
    """Read the entries of a file that its owner alone may read.

    Raises:
        InvalidKeyring: others may read it, or it holds no entries.
        OSError: it cannot be read.
    """
    with Path(path).open(encoding="ascii", errors="replace") as file:
        mode = os.fstat(file.fileno()).st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InvalidKeyring(f"{path} may be read by others than its owner: chmod 600 {path}")
        return read_entries(file.read())


def in_use(entries: Iterable[KeyEntry], *, now: float) -> list[KeyEntry]:
    """Put the key that seals at a moment in front: the first one whose time has come."""
    keys = list(entries)
    begun = (place for place, entry in enumerate(keys) if entry.seals_from <= now)
    place = next(begun, 0)
    return [*keys[place : place + 1], *keys[:place], *keys[place + 1 :]]


def new_key_id(taken: Container[str] = ()) -> str:
    """Make an id that no key of these has: four letters and digits, for every value names one."""
    while True:
        key_id = base64.b32encode(secrets.token_bytes(3))[:4].decode().lower()
        if key_id not in taken:
            return key_id


class Keyring:
    """The keys of a store: the first one seals, all of them open. Shows ids, never keys."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        if not 1 <= len(keys) <= MAX_KEYS:
            raise InvalidKeyring(f"A keyring holds 1 to {MAX_KEYS} keys, not {len(keys)}.")
        for key_id, key in keys:
            _check(key_id, key)
        if len({key_id for key_id, _ in keys}) < len(keys):
            raise InvalidKeyring("Each key of a keyring needs an id of its own.")
        self._secrets = tuple(keys)
        self._roots = {
            key_id: RootKey(key_id, hmac.digest(_SALT, key, sha256)) for key_id, key in keys
        }

    @classmethod
    def generate(cls, key_id: str | None = None) -> Self:
        """Make a keyring with one new random key."""
        return cls([(key_id or new_key_id(), secrets.token_bytes(KEY_BYTES))])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `id:base64-of-32-bytes[,older-id:…]`; both base64 alphabets are understood.

        Raises:
            InvalidKeyring: no key, a malformed entry, or a key that is not 32 bytes long.
        """
        return cls.of(read_entries(text), now=time.time())

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a keyring from a text file in the form of `from_text`, a key a line if wished.

        Raises:
            InvalidKeyring: it is none, or others than its owner may read it.
        """
        return cls.of(read_key_file(path), now=time.time())

    @classmethod
    def of(cls, entries: Iterable[KeyEntry], *, now: float) -> Self:
        """Make the keyring that entries are at a moment."""
        return cls([(entry.key_id, entry.key) for entry in in_use(entries, now=now)])

    def to_text(self) -> str:
        """Write the keyring in the form of `from_text`. This is the secret itself."""
        return ",".join(
            f"{key_id}:{base64.urlsafe_b64encode(key).decode()}" for key_id, key in self._secrets
        )

    def current(self) -> "Keyring":
        """Give the keys as they are now: the same object for as long as they stay as they are."""
        return self

    @property
    def primary(self) -> RootKey:
        """The key that seals."""
        return next(iter(self._roots.values()))

    def find(self, key_id: str) -> RootKey | None:
        """Find a key by its id."""
        return self._roots.get(key_id)

    def __iter__(self) -> Iterator[RootKey]:
        return iter(self._roots.values())

    def __len__(self) -> int:
        return len(self._roots)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._roots)})"


def _check_id(key_id: str) -> None:
    """Refuse what is no id, without showing it: it may be a key written on the wrong side."""
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidKeyring("A key id has 1-32 letters, digits, dots, dashes or underscores.")


def _check(key_id: str, key: bytes) -> None:
    _check_id(key_id)
    if len(key) != KEY_BYTES:
        raise InvalidKeyring(f"Key {key_id!r} has {len(key)} bytes; it must have {KEY_BYTES}.")
    if _is_made_up(key):
        raise InvalidKeyring(f"Key {key_id!r} is not random. Generate one: holdfast keys generate")


def _is_made_up(key: bytes) -> bool:
    """Say whether a key is a passphrase, a pattern or an example; a random one never looks so."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return len(set(key)) < 8 or len(steps) == 1 or (key.isascii() and key.decode().isprintable())


def _parse(entry: str) -> KeyEntry:
    key_id, colon, encoded = entry.partition(":")
    if not colon:
        raise InvalidKeyring("A key is written as id:base64-of-32-bytes; there is no colon.")
    _check_id(key_id)
    encoded, at, begins = encoded.partition("@")
    if at and not (begins.isascii() and begins.isdecimal() and len(begins) <= 12):
        raise InvalidKeyring(f"Key {key_id!r} seals from no moment; it is in seconds since 1970.")
    standard = encoded.encode("ascii", "replace").translate(_STANDARD_ALPHABET).rstrip(b"=")
    try:
        key = base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error as exc:
        raise InvalidKeyring(f"Key {key_id!r} is not base64.") from exc
    return KeyEntry(key_id, key, int(begins or 0))
