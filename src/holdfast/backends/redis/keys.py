"""Names of keys, and which bucket a session is in: all keys of a bucket share one slot.

A key is `hf:{bucket}:KIND:NAME`; the name is `<namespace>/<session id>`, a namespace, or that of a
limit. The bucket in braces is the hash tag, so that every operation is one call in one slot.
"""

from typing import Final
from zlib import crc32

SESSION: Final = b"s"  # hash: packed integers under `m`, sealed values under their tags
LOG: Final = b"i"  # list of packed items
CHANGES: Final = b"o"  # hash of remembered changes, those since the last turn-over
OLDER_CHANGES: Final = b"p"  # the same, those before it
DRAFT: Final = b"r"  # the note beside the session
LEASE: Final = b"l"
LINE: Final = b"q"  # who waits for the lease
ENDED: Final = b"d"  # the deletion that ended a session, for its repetition
# The index of a namespace; see lua/leaves.lua.
LEAVES: Final = b"t"
CREATIONS: Final = b"c"
DEADLINES: Final = b"x"
INDEX: Final = (LEAVES, CREATIONS, DEADLINES)
USER: Final = b"u"  # sorted set of a user's sessions: id -> creation
LIMIT: Final = b"g"

# Channels, named like keys.
WAKING: Final = b"w"  # of a process: whose turn it is
EVENTS: Final = b"e"  # of a namespace: what became of its sessions


def bucket_of(name: bytes, buckets: int) -> int:
    """Say which bucket a name is in."""
    return crc32(name) % buckets if buckets > 1 else 0


def key(bucket: int, kind: bytes, name: bytes) -> bytes:
    """Name a key."""
    return b"hf:{%d}:%b:%b" % (bucket, kind, name)
