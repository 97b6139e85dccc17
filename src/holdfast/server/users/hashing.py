"""Hashing passwords, slow on purpose, in threads of its own so that nothing else waits.

Argon2id as RFC 9106 recommends where memory is not scarce (64 MiB, 3 passes, 4 lanes), which is
more than OWASP's least. Hashes of an old users file are bcrypt's, and are only read.
"""

import asyncio
import os
import re
import secrets
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

import bcrypt
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from holdfast.server.users.errors import HashingBusy

T = TypeVar("T")

LONGEST_LINE: Final = 256
NICENESS: Final = 10
# bcrypt reads no further; those who made old hashes cut there.
BCRYPT_BYTES: Final = 72
BCRYPT: Final = ("$2a$", "$2b$", "$2y$")
FEWEST_ROUNDS: Final = 4
# Four seconds and more; each further one doubles it.
MOST_ROUNDS: Final = 16
# A salt has 128 bits: of its last character two count, and bcrypt takes no other.
_OLD: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")


class Cost(NamedTuple):
    """What one hash takes: memory in KiB, passes over it, lanes side by side."""

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4


RECOMMENDED: Final = Cost()


class Hasher:
    """Makes and checks hashes, a few at a time; a bounded line waits, and all others are refused.

    It starts no thread before it is asked for a hash, and is closed when it is not needed any more.
    """

    def __init__(
        self, cost: Cost | None = None, *, threads: int | None = None, line: int = LONGEST_LINE
    ) -> None:
        cost = cost or RECOMMENDED
        self._argon2 = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            type=Type.ID,
        )
        self._nobodys = _nobodys(cost)
        # Half of the processors: the loop of this process is to have one as well.
        workers = threads or max(1, (os.cpu_count() or 1) // 2)
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="hashing", initializer=_give_way
        )
        self._line, self._waiting = line, 0

    async def hash(self, password: bytes) -> str:
        """Hash a password with a new salt.

        Raises:
            HashingBusy: the line is full.
        """
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, known: str | None, password: bytes, *, old_rounds: int | None) -> bool:
        """Say whether a password is the one that was hashed; None stands for a user not known.

        Every wrong password takes the same work: that of Argon2id, and that of bcrypt as long as
        somebody's hash is one (`old_rounds`, those of the slowest).

        Raises:
            HashingBusy: the line is full.
        """
        return await self._run(lambda: self._verify(known, password, old_rounds))

    def outdated(self, known: str) -> bool:
        """Say whether a hash was made in another way than hashes are made now."""
        return known.startswith(BCRYPT) or self._argon2.check_needs_rehash(known)

    def close(self) -> None:
        """Forget those in the line, and wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        with self._place():
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @contextmanager
    def _place(self) -> Generator[None]:
        if self._waiting >= self._line:
            raise HashingBusy(retry_after=5)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _verify(self, known: str | None, password: bytes, old_rounds: int | None) -> bool:
        old = known is not None and known.startswith(BCRYPT)
        right = False
        if old_rounds is not None:
            own = (known or "").encode() if old else _nobodys_old(old_rounds)
            right = _old_matches(own, password) and old
        if right:
            # Its new hash, which is made now, takes as long as what follows.
            return True
        if known is not None and old and old_rounds is not None:
            # Each round doubles the work: with these it adds up to that of the most rounds.
            for rounds in range(int(known[4:6]), old_rounds):
                _old_matches(_nobodys_old(rounds), password)
        return self._matches(self._nobodys if known is None or old else known, password)

    def _matches(self, known: str, password: bytes) -> bool:
        try:
            return self._argon2.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False


def _give_way() -> None:
    """Let the system prefer every other thread to this one: a loop that wakes up goes first."""
    if sys.platform == "linux":  # Elsewhere niceness is the whole process's.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def is_old(known: str) -> bool:
    """Say whether a text is a hash of bcrypt that can be checked in reasonable time."""
    found = _OLD.fullmatch(known)
    return found is not None and FEWEST_ROUNDS <= int(found[1]) <= MOST_ROUNDS


def _old_matches(known: bytes, password: bytes) -> bool:
    return bcrypt.checkpw(password[:BCRYPT_BYTES], known)


def _nobodys_old(rounds: int) -> bytes:
    return bcrypt.gensalt(rounds) + b"." * 31


def _nobodys(cost: Cost) -> str:
    """Make a hash that no password has, without hashing one."""
    salt, tag = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    memory, passes, lanes = cost
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${tag}"
