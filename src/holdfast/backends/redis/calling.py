"""Scripts called on one session or one bucket: each call carries a nonce, and is one command."""

import asyncio
import secrets
from collections.abc import Iterable
from itertools import chain, count
from struct import Struct
from typing import Final

from holdfast.backends.redis.keys import INDEX, SESSION, bucket_of, key
from holdfast.backends.redis.link import Command, Link, Refused, Reply
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.scripts import Script
from holdfast.errors import StoreUnavailable

PLACES_KEPT: Final = 4096
TRACKED: Final = encode(b"CLIENT", b"CACHING", b"YES")
_NONCE: Final = Struct("<Q")


class Place:
    """Where a name is: its bucket, and what the commands on it begin with, encoded once."""

    __slots__ = ("_starts", "bucket", "look", "name", "namespace", "session_id", "tracked")

    def __init__(self, name: str, buckets: int) -> None:
        self.name = name.encode()
        self.namespace, _, self.session_id = self.name.partition(b"/")
        self.bucket = bucket_of(self.name, buckets)
        self._starts: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        read = encode(b"HGETALL", self.key(SESSION))
        self.look = Command(read)
        self.tracked = Command(read, prelude=TRACKED, preludes=1)

    def key(self, kind: bytes) -> bytes:
        """Name one of the keys; those of the index belong to the whole namespace."""
        if kind in INDEX:
            return key(self.bucket, kind, self.namespace)
        return key(self.bucket, kind, self.name)

    def start(self, script: Script, kinds: bytes) -> tuple[int, bytes]:
        """Give how many parts the call of a script with these keys begins with, and the parts."""
        start = self._starts.get((script.name, kinds))
        if start is None:
            keys = [self.key(kinds[place : place + 1]) for place in range(len(kinds))]
            parts = (b"EVALSHA", script.digest, b"%d" % len(keys), *keys)
            start = self._starts[script.name, kinds] = len(parts), as_arguments(parts)
        return start


class Start:
    """What the calls of a script on the keys of a session begin with, but for its name.

    Writing the name into it takes less time than looking for what was kept of each session: that
    is seldom near the processor.
    """

    __slots__ = ("_longer", "_names", "_of_namespace", "_text", "parts")

    def __init__(self, script: Script, kinds: bytes, bucket: int) -> None:
        letters = [kinds[at : at + 1] for at in range(len(kinds))]
        keys = [key(bucket, kind, b"%b") for kind in letters]
        fixed = as_arguments((b"EVALSHA", script.digest, b"%d" % len(keys)))
        self._text = fixed + b"".join([b"$%%d\r\n%b\r\n" % each for each in keys])
        self._longer = len(key(bucket, SESSION, b""))
        self._names = len(keys)
        shared = [kind in INDEX for kind in letters]
        self._of_namespace = shared if any(shared) else ()
        self.parts = 3 + len(keys)

    def named(self, name: bytes) -> bytes:
        """Write the name, or its namespace where a key belongs to that."""
        if not self._of_namespace:
            return self._text % ((len(name) + self._longer, name) * self._names)
        namespace = name.partition(b"/")[0]
        names = [namespace if shared else name for shared in self._of_namespace]
        sizes = [len(each) + self._longer for each in names]
        return self._text % tuple(chain.from_iterable(zip(sizes, names, strict=True)))


class Caller:
    """Calls scripts over a link; errors that the link can do something about are its affair."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._nonces = count(secrets.randbits(62))
        self._places: dict[str, Place] = {}

    @property
    def buckets(self) -> int:
        """How many buckets the store has."""
        return self.link.buckets

    def forget(self) -> None:
        """Forget where names are: the store that is opened next may have other buckets."""
        self._places.clear()

    def place(self, name: str) -> Place:
        """Say where a name is."""
        place = self._places.get(name)
        if place is None:
            place = Place(name, self.link.buckets)
            if len(self._places) >= PLACES_KEPT:
                del self._places[next(iter(self._places))]
            self._places[name] = place
        return place

    def bucket_of(self, name: str) -> int:
        """Say which bucket a name is in."""
        place = self._places.get(name)
        return place.bucket if place is not None else bucket_of(name.encode(), self.buckets)

    def nonce(self) -> bytes:
        """Make a nonce that no other command under way has."""
        return _NONCE.pack(next(self._nonces))

    async def call(
        self, place: Place, script: Script, kinds: bytes, arguments: Iterable[bytes] = ()
    ) -> Reply:
        """Call a script on keys of a place; a nonce is its first argument.

        `kinds` has one letter a key; see `holdfast.backends.redis.keys`.
        """
        nonce = self.nonce()
        count, start = place.start(script, kinds)
        rest = (nonce, *arguments)
        payload = b"*%d\r\n%b%b" % (count + len(rest), start, as_arguments(rest))
        return await self.send(place.bucket, Command(payload, nonce, script))

    async def call_bucket(
        self, bucket: int, script: Script, keys: Iterable[bytes], arguments: Iterable[bytes] = ()
    ) -> Reply:
        """Call a script on keys of a bucket."""
        return await self.send(bucket, self.command(script, keys, arguments))

    def command(
        self, script: Script, keys: Iterable[bytes], arguments: Iterable[bytes] = ()
    ) -> Command:
        """Write the call of a script on any keys of one bucket."""
        nonce, keys = self.nonce(), tuple(keys)
        payload = encode(b"EVALSHA", script.digest, b"%d" % len(keys), *keys, nonce, *arguments)
        return Command(payload, nonce, script)

    async def send(self, bucket: int, command: Command) -> Reply:
        """Send a command, and wait for its answer."""
        try:
            return await self.link.send(bucket, command)
        except Refused as refused:
            failure = refused
        return await self.link.recover(bucket, command, failure)

    async def send_all(
        self, commands: Iterable[tuple[int, Command]], *, spared: str = ""
    ) -> list[Reply]:
        """Send commands to their buckets, all at once, and wait for all answers.

        An error with the code `spared` is an answer (`Refused`).
        """
        asked = tuple(commands)
        futures: list[asyncio.Future[Reply]] = []
        try:
            for bucket, command in asked:
                futures.append(self.link.send(bucket, command))
        except StoreUnavailable:
            # A node is away: nobody waits for what the others answer.
            for future in futures:
                future.cancel()
            raise
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for place, answer in enumerate(answers):
            if isinstance(answer, Refused) and answer.code == spared:
                continue
            if isinstance(answer, Refused):
                answers[place] = await self.link.recover(*asked[place], answer)
            elif isinstance(answer, BaseException):
                raise answer
        return answers


def as_arguments(parts: Iterable[bytes]) -> bytes:
    """Write parts of a command, without how many they are."""
    return b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
