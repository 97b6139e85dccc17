"""Random bytes in blocks: one call of the operating system for many nonces and ids."""

import os
from typing import Final

BLOCK_BYTES: Final = 4096


class Entropy:
    """Random bytes from the operating system. A forked process never repeats its parent's."""

    def __init__(self) -> None:
        self._block = b""
        self._position = 0
        self._process = os.getpid()

    def take(self, size: int) -> bytes:
        """Take `size` fresh random bytes."""
        end = self._position + size
        if end > len(self._block) or self._process != os.getpid():
            self._block = os.urandom(max(BLOCK_BYTES, size))
            self._process = os.getpid()
            self._position, end = 0, size
        taken = self._block[self._position : end]
        self._position = end
        return taken

    def token(self) -> str:
        """Make a new unguessable id: 128 random bits as 32 hexadecimal digits."""
        return self.take(16).hex()
