"""Sessions in one SQLite file, shared by all processes of a host."""

from holdfast.backends.sqlite.backend import SQLiteBackend
from holdfast.backends.sqlite.connections import Synchronous

__all__ = ["SQLiteBackend", "Synchronous"]
