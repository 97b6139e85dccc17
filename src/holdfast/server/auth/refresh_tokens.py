"""Refresh tokens: what stands in one, and how it is told from what is none.

    version 1 | key 4 | login 16 | generation 6 | HMAC-SHA256 32 | checksum 4

All of it is text in the URL-safe alphabet of base64 behind `hfr_`, which scanners for leaked
secrets can look for. The key of the HMAC is derived from a root key and the login, so nothing
secret is stored. The checksum tells typing errors and garbage before any key is touched.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

from holdfast.keyring import Keyring, RootKey

PREFIX: Final = "hfr_"
VERSION: Final = b"\x01"
KEY_BYTES: Final = 4
LOGIN_BYTES: Final = 16
GENERATION_BYTES: Final = 6
MAC_BYTES: Final = 32
CHECK_BYTES: Final = 4
_SIGNED: Final = 1 + KEY_BYTES + LOGIN_BYTES + GENERATION_BYTES
_WHOLE: Final = _SIGNED + MAC_BYTES + CHECK_BYTES
LENGTH: Final = len(PREFIX) + _WHOLE * 4 // 3


class RefreshToken(NamedTuple):
    """A token that is ours: the login that it belongs to, and of which generation it is."""

    login_id: str
    generation: int


class RefreshTokens:
    """Makes and reads the refresh tokens of one namespace."""

    def __init__(self, keys: Keyring, *, namespace: str) -> None:
        self._keys = keys
        self._namespace = namespace

    @property
    def key_id(self) -> str:
        """The id of the key under which tokens are made now."""
        return self._keys.primary.key_id

    def issue(self, login_id: str, generation: int, *, key_id: str | None = None) -> str:
        """Make the token of a generation; under the same key it is the same text each time."""
        key = self._keys.find(key_id) if key_id is not None else None
        key = key or self._keys.primary
        login = urlsafe_b64decode(login_id + "==")
        number = generation.to_bytes(GENERATION_BYTES, "big")
        signed = VERSION + _hint(key) + login + number
        body = signed + self._mac(key, login_id, signed)
        return PREFIX + urlsafe_b64encode(body + _checksum(body)).decode()

    def read(self, text: str) -> RefreshToken | None:
        """Read a token; None for what is none of ours, whatever the store may hold."""
        body = _body(text)
        if body is None:
            return None
        signed, mac = body[:_SIGNED], body[_SIGNED:]
        login = signed[1 + KEY_BYTES : 1 + KEY_BYTES + LOGIN_BYTES]
        login_id = urlsafe_b64encode(login).rstrip(b"=").decode()
        key = next((key for key in self._keys if _hint(key) == signed[1 : 1 + KEY_BYTES]), None)
        if key is None or not hmac.compare_digest(self._mac(key, login_id, signed), mac):
            return None
        return RefreshToken(login_id, int.from_bytes(signed[-GENERATION_BYTES:], "big"))

    def _mac(self, key: RootKey, login_id: str, signed: bytes) -> bytes:
        return hmac.digest(key.derive("refresh-token", self._namespace, login_id), signed, "sha256")


def is_well_formed(text: str) -> bool:
    """Say whether a text has the form of a refresh token; only a key tells whether it is one."""
    return _body(text) is not None


def _body(text: str) -> bytes | None:
    """Give what is behind the prefix and before the checksum, where length and checksum agree."""
    if len(text) != LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return None
    try:
        whole = urlsafe_b64decode(text.removeprefix(PREFIX))
    except binascii.Error:
        return None
    body, check = whole[:-CHECK_BYTES], whole[-CHECK_BYTES:]
    sound = len(whole) == _WHOLE and whole.startswith(VERSION) and check == _checksum(body)
    return body if sound else None


def _hint(key: RootKey) -> bytes:
    """Name a key in few bytes; they are found in a ring of a few keys, and are no secret."""
    return hashlib.sha256(key.key_id.encode()).digest()[:KEY_BYTES]


def _checksum(body: bytes) -> bytes:
    return binascii.crc32(body).to_bytes(CHECK_BYTES, "big")
