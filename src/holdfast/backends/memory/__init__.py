"""Sessions in the memory of this process: as exact as the others, gone when it ends."""

from holdfast.backends.memory.backend import MemoryBackend

__all__ = ["MemoryBackend"]
