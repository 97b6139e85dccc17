"""Devices on which somebody has signed in before (OWASP, Device Cookies).

A device shows a cookie that only a sign-in to the account gives out. Guesses from elsewhere then
do not keep its owner out. The cookie opens nothing: it says only whose tries are whose.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from holdfast.keyring import Keyring, RootKey

DEVICE_COOKIE: Final = "__Host-hf_device"
LONGEST_KNOWN: Final = 180 * 86_400
_LONGEST_COOKIE: Final = 200


class KnownDevices:
    """Makes and reads device cookies: `key id ~ issued at ~ device ~ HMAC of these and account`."""

    def __init__(self, keys: Keyring, *, now: Callable[[], float]) -> None:
        self._keys = keys
        self._now = now

    def issue(self, account: str) -> str:
        """Make the cookie of a device on which the owner of the account has just signed in."""
        key = self._keys.primary
        said = f"{key.key_id}~{int(self._now())}~{secrets.token_urlsafe(16)}"
        return f"{said}~{_signature(key, account, said)}"

    def read(self, cookie: str | None, account: str) -> str | None:
        """Name the device; None for a cookie that is too old, another account's, or no cookie."""
        if cookie is None or len(cookie) > _LONGEST_COOKIE or cookie.count("~") != 3:
            return None
        said, _, signature = cookie.rpartition("~")
        key_id, issued, device = said.split("~")
        key = self._keys.find(key_id)
        if key is None:
            return None
        expected = _signature(key, account, said).encode()
        if not hmac.compare_digest(signature.encode(errors="replace"), expected):
            return None
        return device if self._now() - int(issued) < LONGEST_KNOWN else None


def _signature(key: RootKey, account: str, said: str) -> str:
    tag = hmac.digest(key.derive("device cookie", account), said.encode(errors="replace"), sha256)
    return urlsafe_b64encode(tag).decode().rstrip("=")
