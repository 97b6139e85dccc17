"""Random bytes in blocks: one call of the operating system for many nonces and ids."""

import os
from functools import partial
from typing import Final
from weakref import ref

BLOCK_BYTES: Final = 4096


class Entropy:
    """Random bytes from the operating system. A forked process never repeats its parent's."""

    def __init__(self) -> None:
        self._block = b""
        self._position = 0
        os.register_at_fork(after_in_child=partial(_forget, ref(self)))

    def take(self, size: int) -> bytes:
        """Take `size` fresh random bytes."""
        end = self._position + size
        if end > len(self._block):
            self._block = os.urandom(max(BLOCK_BYTES, size))
            self._position, end = 0, size
        taken = self._block[self._position : end]
        self._position = end
        return taken

    def forget(self) -> None:
        """Draw anew next time."""
        self._block = b""

    def token(self) -> str:
        """Make a new unguessable id: 128 random bits as 32 hexadecimal digits."""
        return self.take(16).hex()


def _forget(entropy: ref[Entropy]) -> None:
    """Keep a forked process from repeating what its parent draws."""
    alive = entropy()
    if alive is not None:
        alive.forget()
