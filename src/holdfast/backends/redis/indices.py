"""Indices read in the order of the whole, though each bucket has its own part of it."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.keys import INDEX, key
from holdfast.backends.redis.link import Command
from holdfast.backends.redis.scripts import Script, script

# A creation and an id.
Position = tuple[int, str]
ANY: Final = b"+inf"
# How often the parts of an index are asked again for one stretch of it.
ROUNDS: Final = 4


class Part(NamedTuple):
    """What one bucket has of an index: the keys that it is in, and the script that reads it."""

    bucket: int
    keys: tuple[bytes, ...]
    script: Script


class Stretch(NamedTuple):
    """Positions of the whole index, in order and without gaps; `ended` says that no more follow.

    `found` is what was read of each part.
    """

    positions: Sequence[Position]
    ended: bool
    found: Mapping[Part, Sequence[Position]]


def parts_of(namespace: str, buckets: int) -> list[Part]:
    """Name the parts of a namespace's index."""
    walk, name = script("walk"), namespace.encode()
    return [
        Part(bucket, tuple(key(bucket, kind, name) for kind in INDEX), walk)
        for bucket in range(buckets)
    ]


class _Reader:
    """One part: what it has behind a position, as far as it was read.

    `here` is where reading goes on, `sure` up to where all positions of the part are known.
    """

    def __init__(self, part: Part, after: Position) -> None:
        self.part = part
        self.here = self.sure = after
        self.found: list[Position] = []
        self.ended = False

    def take(self, more: int, flat: Sequence[bytes]) -> None:
        """Take an answer: whether more follow, then ids and creations in turn."""
        self.ended = not more
        read = sorted(
            (int(flat[place + 1]), flat[place].decode()) for place in range(0, len(flat), 2)
        )
        self.found += [position for position in read if position > self.sure]
        self.here = read[-1] if read else self.here
        self.sure = max(self.sure, self.here)


class Index:
    """The parts of an index, up to the creation `latest`."""

    def __init__(self, caller: Caller, parts: Iterable[Part], *, latest: bytes = ANY) -> None:
        self._caller = caller
        self._parts = tuple(parts)
        self._latest = latest

    async def stretch(self, after: Position, want: int) -> Stretch:
        """Read on behind a position: `want` positions, or fewer where the parts lie unevenly.

        It is empty at the end only.
        """
        readers = [_Reader(part, after) for part in self._parts]
        share = want + 1 if len(readers) == 1 else 2 + 2 * want // len(readers)
        found = {reader.part: reader.found for reader in readers}
        behind, rounds = readers, 0
        while True:
            await self._read(behind, share)
            nearest = list(islice(merge(*(reader.found for reader in readers)), want + 1))
            open_ends = [reader for reader in readers if not reader.ended]
            if not open_ends:
                return Stretch(nearest[:want], len(nearest) <= want, found)
            sure = min(reader.sure for reader in open_ends)
            known = [position for position in nearest if position <= sure]
            rounds += 1
            if len(known) > want or (known and rounds >= ROUNDS):
                return Stretch(known[:want], False, found)
            furthest = nearest[want:] or [sure]
            behind = [reader for reader in open_ends if reader.sure <= furthest[0]]
            share *= 2

    async def _read(self, readers: Sequence[_Reader], share: int) -> None:
        questions = [(reader.part.bucket, self._question(reader, share)) for reader in readers]
        answers = await self._caller.send_all(questions)
        for reader, (more, flat) in zip(readers, answers, strict=True):
            reader.take(more, flat)

    def _question(self, reader: _Reader, share: int) -> Command:
        created, session_id = reader.here
        terms = [b"%d" % share, b"%d" % created, self._latest]
        if session_id:
            terms.append(session_id.encode())
        return self._caller.command(reader.part.script, reader.part.keys, terms)
