"""How an API key is written: alone it may do everything, `key=scope|scope` only what is named."""

from typing import NamedTuple

from pydantic import SecretStr

from holdfast.server.auth.principal import EVERYTHING, SCOPES


class ApiKey(NamedTuple):
    """One key, and what its holder may do."""

    key: bytes
    scopes: frozenset[str]

    def __repr__(self) -> str:
        return f"ApiKey({', '.join(sorted(self.scopes))})"


def read_api_key(written: SecretStr) -> ApiKey:
    """Tell a key from its scopes; a `=` at the very end belongs to the key, as in base64.

    Raises:
        ValueError: there is no such scope, or no key; neither is repeated, it may be the key.
    """
    key, sign, named = written.get_secret_value().rpartition("=")
    if not sign or not named:
        return ApiKey(written.get_secret_value().encode(), frozenset({EVERYTHING}))
    scopes = frozenset(named.split("|"))
    if not key or scopes - SCOPES:
        raise ValueError(f"what stands behind a = are scopes: {', '.join(sorted(SCOPES))}")
    return ApiKey(key.encode(), scopes)
