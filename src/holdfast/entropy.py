"""Random bytes in blocks: one call of the operating system for many nonces and ids."""

import os
from base64 import b32encode
from typing import Final

BLOCK_BYTES: Final = 4096


class _Forks:
    """Counts how often this process came out of a fork; asking for its id is a system call."""

    def __init__(self) -> None:
        self.seen = 0
        os.register_at_fork(after_in_child=self._count)

    def _count(self) -> None:
        self.seen += 1


_FORKS: Final = _Forks()


class Entropy:
    """Random bytes from the operating system. A forked process never repeats its parent's."""

    def __init__(self) -> None:
        self._block = b""
        self._position = 0
        self._forks = _FORKS.seen

    def take(self, size: int) -> bytes:
        """Take `size` fresh random bytes."""
        start = self._position
        self._position = end = start + size
        if end > len(self._block) or self._forks != _FORKS.seen:
            self._block = os.urandom(max(BLOCK_BYTES, size))
            self._forks = _FORKS.seen
            self._position = size
            return self._block[:size]
        return self._block[start:end]

    def token(self) -> str:
        """Make a new unguessable id: 128 random bits as 32 hexadecimal digits."""
        return self.take(16).hex()

    def name(self) -> str:
        """Make a new id for what is named often: 128 random bits as 26 letters and digits.

        They are base32 of RFC 4648 in small letters: whole words, whatever folds case.
        """
        return b32encode(self.take(16))[:26].decode().lower()
