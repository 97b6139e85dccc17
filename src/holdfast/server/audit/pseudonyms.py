"""Names that stand for an id where the id itself must not be written."""

import hmac
from typing import Final

from holdfast.keyring import Keyring, RootKey, framed

PREFIX_BYTES: Final = 8


class Pseudonyms:
    """Makes `key id . HMAC-SHA256(subkey, label | id)`, cut short, for one namespace.

    One id has one pseudonym as long as the key is the primary one: its events can be found
    together, and without the key nobody can tell whose they are.
    """

    def __init__(self, keys: Keyring, *, namespace: str = "default") -> None:
        self._keys = keys
        self._namespace = namespace

    def of(self, label: str, value: str | None) -> str | None:
        """Name what `value` is the id of; None stands for nobody."""
        return None if value is None else self._made(self._keys.primary, label, value)

    def all_of(self, label: str, value: str) -> frozenset[str]:
        """Name everything that `value` has been called under the keys at hand."""
        return frozenset(self._made(key, label, value) for key in self._keys)

    def _made(self, key: RootKey, label: str, value: str) -> str:
        subkey = key.derive("pseudonym", self._namespace)
        content = framed(label.encode()) + value.encode("utf-8", "surrogatepass")
        digest = hmac.digest(subkey, content, "sha256")
        return f"{key.key_id}.{digest[:PREFIX_BYTES].hex()}"
