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
        self._key_id = keys.primary.key_id
        self._key = keys.primary.derive("pseudonym", namespace)

    def of(self, label: str, value: str | None) -> str | None:
        """Name what `value` is the id of; None stands for nobody."""
        if value is None:
            return None
        content = framed(label.encode()) + value.encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, content, "sha256")
        return f"{self._key_id}.{digest[:PREFIX_BYTES].hex()}"
