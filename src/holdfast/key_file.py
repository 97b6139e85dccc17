"""A file of keys that is followed, and how its keys are exchanged while it is.

A new key is written in front with the moment from which it seals. Until then every process has read
the file again and can open what is sealed under it; so no process ever meets a value that it cannot
open, and none seals under a key that another has left. The file is replaced as a whole, readable by
its owner alone.
"""

import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from holdfast.errors import InvalidKeyring
from holdfast.keyring import (
    KEY_BYTES,
    KeyEntry,
    Keyring,
    RootKey,
    new_key_id,
    read_key_file,
)

logger = logging.getLogger(__name__)

# How often a followed file is looked at, in seconds; a key that is not known is looked for at once.
LOOKS_EVERY: Final = 1.0
# Longer than it takes until every process has read the file and every call that was sealed before
# has ended (a look, the greatest deadline of a call by default, clocks that differ).
SETTLES: Final = 10

Signature = tuple[int, int, int]


class FollowedKeyring(Keyring):
    """The keyring of a file, read again when the file has changed.

    A file that cannot be used, or that has another key under an id that is known, leaves the keys
    as they were, and is logged once.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: float = LOOKS_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path = Path(path)
        self._every = every
        self._monotonic = monotonic
        self._wall = wall
        self._signature = _signature(self._path)
        self._entries = read_key_file(self._path)
        self._ring = Keyring.of(self._entries, now=wall())
        self._next = monotonic() + every
        self._complaint = ""

    @property
    def path(self) -> Path:
        """The file that is followed."""
        return self._path

    def current(self) -> Keyring:
        """Give the keys as they are now; the file is looked at so often and no oftener."""
        now = self._monotonic()
        if now >= self._next:
            self._look(now)
        return self._ring

    @property
    def primary(self) -> RootKey:
        """The key that seals now."""
        return self.current().primary

    def find(self, key_id: str) -> RootKey | None:
        """Find a key by its id; one that is not known may have come into the file just now."""
        found = self.current().find(key_id)
        if found is None:
            self.look()
            found = self._ring.find(key_id)
        return found

    def look(self) -> None:
        """Look at the file now, however short ago it was looked at."""
        self._look(self._monotonic())

    def to_text(self) -> str:
        """Write the keys as they are now. This is the secret itself."""
        return self.current().to_text()

    def __iter__(self) -> Iterator[RootKey]:
        return iter(self.current())

    def __len__(self) -> int:
        return len(self.current())

    def __repr__(self) -> str:
        return f"Followed{self._ring!r}"

    def _look(self, now: float) -> None:
        self._next = now + self._every
        try:
            signature = _signature(self._path)
            if signature != self._signature:
                self._entries = self._read()
                self._signature = signature
        except (OSError, InvalidKeyring) as exc:
            self._complain(_reason(exc))
        else:
            self._complaint = ""
        ring = Keyring.of(self._entries, now=self._wall())
        if ring.to_text() != self._ring.to_text():
            self._ring = ring
            logger.info("keys.changed", extra={"keys": [key.key_id for key in ring]})

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            self._complaint = reason
            logger.error("keys.file_unusable", extra={"reason": reason})

    def _read(self) -> tuple[KeyEntry, ...]:
        entries = read_key_file(self._path)
        Keyring.of(entries, now=self._wall())
        known = {entry.key_id: entry.key for entry in self._entries}
        for entry in entries:
            if known.get(entry.key_id, entry.key) != entry.key:
                raise InvalidKeyring(f"Key {entry.key_id!r} of {self._path} is not the one it was")
        return entries


def _signature(path: Path) -> Signature:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size


def _reason(error: OSError | InvalidKeyring) -> str:
    return str(error) if isinstance(error, InvalidKeyring) else type(error).__name__


def new_entry(key_id: str | None = None, *, seals_from: int = 0) -> KeyEntry:
    """Make a random key."""
    name = key_id or new_key_id()
    return KeyEntry(name, secrets.token_bytes(KEY_BYTES), seals_from)


def rotate(path: Path, *, key_id: str | None = None, settles: int = SETTLES, now: float) -> str:
    """Put a new key in front, which seals once all processes have read the file; give its id.

    Raises:
        InvalidKeyring: the file is no keyring, is full, or knows the id.
    """
    with _alone(path):
        # Rounded up, so that nobody has less time; one that seals at once says so since when.
        known = read_key_file(path)
        name = key_id or new_key_id({entry.key_id for entry in known})
        entry = new_entry(name, seals_from=int(now + settles + 1) if settles else int(now))
        write_key_file(path, [entry, *known])
    return entry.key_id


def retire(path: Path, key_id: str, *, settles: int = SETTLES, now: float) -> None:
    """Take a key out that has not sealed for a while. Nothing may be sealed under it any more.

    Raises:
        InvalidKeyring: it seals, or did just now; or the file does not hold it.
    """
    with _alone(path):
        entries = read_key_file(path)
        check_retirable(entries, key_id, settles=settles, now=now)
        write_key_file(path, [entry for entry in entries if entry.key_id != key_id])


def check_retirable(
    entries: Iterable[KeyEntry], key_id: str, *, settles: int = SETTLES, now: float
) -> None:
    """Refuse to give up a key under which a process may still seal.

    Raises:
        InvalidKeyring: it seals, or did just now; or it is none of the entries.
    """
    replaced = False
    for entry in entries:
        if entry.key_id == key_id:
            if not replaced:
                rule = f"Key {key_id!r} seals, or did a moment ago. Rotate first, then reseal."
                raise InvalidKeyring(rule)
            return
        replaced = replaced or entry.seals_from + settles <= now
    raise InvalidKeyring("The file holds no key of that id.")


def write_key_file(path: Path, entries: Iterable[KeyEntry], *, new: bool = False) -> None:
    """Put a file of keys in place, as a whole, readable by its owner alone.

    A file that was there keeps its owner, whoever writes it, and a link to it stays one. With `new`
    there is none yet: of any number of processes that make one at once, one does.

    Raises:
        InvalidKeyring: the entries are no keyring; the file stays as it was.
        FileExistsError: there is a file, and it was to be a new one.
    """
    kept = tuple(entries)
    Keyring([(entry.key_id, entry.key) for entry in kept])
    place = path.resolve()
    draft = place.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{entry.written()}\n" for entry in kept))
            file.flush()
            if not new:
                _keep_owner(descriptor, place)
            os.fsync(descriptor)
        if new:
            place.hardlink_to(draft)
        else:
            draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
    _sync(place.parent)


def _keep_owner(descriptor: int, place: Path) -> None:
    """Give a file to the owner of the one whose place it takes."""
    own = os.fstat(descriptor)
    with suppress(FileNotFoundError):
        owner = place.stat()
        if (owner.st_uid, owner.st_gid) != (own.st_uid, own.st_gid):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    """Have the disk know which files a folder holds: a key must outlast what it seals."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Let one process at a time exchange keys in a folder."""
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
