"""The keyring that the settings name; in development one is made in the data folder.

Keys that stand in a file are read again when it changes, also while the service runs.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.errors import InvalidStore
from holdfast.key_file import FollowedKeyring, new_entry, write_key_file
from holdfast.keyring import Keyring
from holdfast.server.settings import Settings

KEY_FILE: Final = "holdfast.key"
# Those that the product keeps beside the sessions that users name; see `open_beside`.
OWN_NAMESPACES: Final = ("~audit", "~throttle")
OWN_BY_NAMESPACE: Final = ("~budget", "~login", "~ticket")


def load_keys(settings: Settings) -> Keyring:
    """Read the keyring, or make the one of a development machine.

    Raises:
        InvalidKeyring: what was found is no keyring.
        InvalidStore: there are sessions already, and the key that was made for them is gone.
        OSError: the file cannot be read or made.
    """
    if settings.keys is not None:
        return Keyring.from_text(settings.keys.get_secret_value())
    if settings.keys_file is not None:
        return FollowedKeyring(settings.keys_file)
    if settings.in_memory:
        return Keyring.generate()
    path, sessions = settings.data_dir / KEY_FILE, settings.session_file
    # In this order: whoever made the session file made the key before it.
    if sessions is not None and sessions.exists() and not path.exists():
        reason = f"its key {path} is missing; put it back, give HOLDFAST_KEYS, or remove the store"
        raise InvalidStore(str(sessions), reason)
    return make_key_file(path)


def sealed_namespaces(namespace: str) -> tuple[str, ...]:
    """Name every namespace that a service seals in: that of its sessions, and the product's own."""
    return namespace, *OWN_NAMESPACES, *(f"{own}.{namespace}" for own in OWN_BY_NAMESPACE)


def make_key_file(path: Path) -> Keyring:
    """Write a new key to `path`, readable by its owner alone, unless somebody was there first.

    The file appears whole or not at all.
    """
    if not path.exists():
        # Where another process makes its key first, that one counts.
        with suppress(FileExistsError):
            write_key_file(path, [new_entry()], new=True)
    return FollowedKeyring(path)
