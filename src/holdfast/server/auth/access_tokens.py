"""Access tokens: short-lived, signed, naming a login that is looked up at every use.

They are JSON Web Tokens (RFC 7519) of the type `at+jwt` (RFC 9068, 2.1), signed with HMAC-SHA256
alone (RFC 8725, 3.1). The header says which key of the ring signed, in `kid`, and nothing more:
a token with any other header is refused, so none of them can name an address or a key (3.10).
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import jwt

from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.keyring import Keyring, RootKey
from holdfast.server.auth.login import Login, is_login_id

ALGORITHM: Final = "HS256"
TYPE: Final = "at+jwt"
HEADERS: Final = ("alg", "typ", "kid")
CLAIMS: Final = ("iss", "aud", "sub", "sid", "jti", "iat", "exp")
# Clocks of several hosts differ a little.
LEEWAY_SECONDS: Final = 10
# Tokens that were issued together do not end together.
JITTER: Final = 0.05
LONGEST: Final = 2048


class Claims(NamedTuple):
    """What a token says: which user it is for, and which login stands behind it."""

    user_id: str
    login_id: str


class AccessTokens:
    """Issues and reads the access tokens of one issuer for one audience."""

    def __init__(
        self,
        keys: Keyring,
        *,
        namespace: str,
        issuer: str = "holdfast",
        seconds: float = 300,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._keys = keys
        self._namespace = namespace
        self._issuer = issuer
        self._audience = f"{issuer}/{namespace}"
        self._seconds = seconds
        self._clock = clock

    def issue(self, login: Login, *, ends: datetime) -> tuple[str, int]:
        """Make a token, and say for how many seconds it is good: never beyond `ends`."""
        now = self._now()
        jitter = secrets.randbelow(1000) / 1000 * JITTER
        exp = min(now + self._seconds * (1 - jitter), ends.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": login.user_id,
            "sid": login.session_id,
            "jti": secrets.token_hex(16),
            "iat": int(now),
            "exp": int(exp),
        }
        key = self._keys.primary
        headers = {"typ": TYPE, "kid": key.key_id}
        token = jwt.encode(claims, self._signing(key), algorithm=ALGORITHM, headers=headers)
        return token, max(0, int(exp) - int(now))

    def read(self, token: str) -> Claims | None:
        """Read a token; None for what is none of ours, or is not good any more."""
        if len(token) > LONGEST:
            return None
        try:
            return self._read(token)
        except jwt.InvalidTokenError:
            return None

    def _read(self, token: str) -> Claims | None:
        key = self._key(jwt.get_unverified_header(token))
        if key is None:
            return None
        claims = jwt.decode(
            token,
            self._signing(key),
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": list(CLAIMS),
                "enforce_minimum_key_length": True,
                # Times are compared with the clock that is given.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                # One service, by its name: a list of several is nobody's.
                "strict_aud": True,
            },
        )
        return self._claims(claims) if self._is_now(claims) else None

    def _key(self, header: Mapping[str, Any]) -> RootKey | None:
        """Find the key that a token claims to be signed with; whatever else it says is refused."""
        if set(header) != set(HEADERS) or header["typ"] != TYPE or header["alg"] != ALGORITHM:
            return None
        return self._keys.find(header["kid"]) if isinstance(header["kid"], str) else None

    def _is_now(self, claims: Mapping[str, Any]) -> bool:
        issued, ends = claims["iat"], claims["exp"]
        if type(issued) is not int or type(ends) is not int:
            return False
        return issued - LEEWAY_SECONDS <= self._now() < ends

    def _claims(self, claims: Mapping[str, Any]) -> Claims | None:
        named = [claims[name] for name in ("sub", "sid", "jti")]
        if set(claims) != set(CLAIMS) or not all(name and type(name) is str for name in named):
            return None
        user_id, login_id, _ = named
        return Claims(user_id, login_id) if is_login_id(login_id) else None

    def _signing(self, key: RootKey) -> bytes:
        return key.derive("access-token", self._namespace)

    def _now(self) -> float:
        return self._clock.wall() / MICROSECONDS
