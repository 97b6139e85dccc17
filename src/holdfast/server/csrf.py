"""The second layer against requests that a page of another site has a browser send.

Where a cookie shows who is signed in, a request that changes something has to bring a token as
well, in a header that no form can set (OWASP, signed double-submit cookie). It is bound to the
sign-in by an HMAC and ends with it; nothing of it is stored.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Final

from holdfast.keyring import Keyring, RootKey

CSRF_HEADER: Final = "X-CSRF-Token"
_LONGEST: Final = 256


class CsrfTokens:
    """Makes and checks tokens: `key id ~ random ~ HMAC of the random part for one sign-in`."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    def issue(self, login_id: str) -> str:
        """Make a token for a sign-in; each is another one, and all of them are good."""
        key, salt = self._keys.primary, secrets.token_hex(16)
        return f"{key.key_id}~{salt}~{_signature(key, login_id, salt)}"

    def is_good(self, login_id: str, token: str | None) -> bool:
        """Say whether a token was made for this sign-in."""
        if token is None or len(token) > _LONGEST or token.count("~") != 2:
            return False
        key_id, salt, signature = token.split("~")
        key = self._keys.find(key_id)
        if key is None:
            return False
        expected = _signature(key, login_id, salt).encode()
        return hmac.compare_digest(signature.encode(errors="replace"), expected)


def _signature(key: RootKey, login_id: str, salt: str) -> str:
    content = salt.encode(errors="replace")
    return hmac.digest(key.derive("csrf", login_id), content, sha256).hex()
