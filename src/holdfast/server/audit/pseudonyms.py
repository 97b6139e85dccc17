"""Names that stand for an id where the id itself must not be written."""

import hmac
from typing import Final

from holdfast.keyring import Keyring, framed

PREFIX_BYTES: Final = 8


class Pseudonyms:
    """Makes `key id . HMAC-SHA256(subkey, label | id)`, cut short, for one namespace.

    One id has one pseudonym as long as the key is the primary one: its events can be found
    together, and without the key nobody can tell whose they are.
    """

    def __init__(self, keys: Keyring, *, namespace: str = "default") -> None:
        self._keys = {key.key_id: key.derive("pseudonym", namespace) for key in keys}
        self._primary = keys.primary.key_id

    def of(self, label: str, value: str | None) -> str | None:
        """Name what `value` is the id of; None stands for nobody."""
        return None if value is None else self._made(self._primary, label, value)

    def all_of(self, label: str, value: str) -> frozenset[str]:
        """Name everything that `value` has been called under the keys at hand."""
        return frozenset(self._made(key_id, label, value) for key_id in self._keys)

    def _made(self, key_id: str, label: str, value: str) -> str:
        content = framed(label.encode()) + value.encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._keys[key_id], content, "sha256")
        return f"{key_id}.{digest[:PREFIX_BYTES].hex()}"
