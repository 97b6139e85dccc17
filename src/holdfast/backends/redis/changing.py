"""Changes: everything small goes in one packed header, everything sealed behind it."""

from collections.abc import Mapping
from struct import Struct
from typing import Final

from holdfast.backend import (
    Absent,
    Add,
    Apply,
    Changed,
    ChangeIdReused,
    Conflict,
    FlagUp,
    Forgotten,
    LeaseGone,
    Outcome,
    OverLimit,
    TooLarge,
    UserDiffers,
)
from holdfast.backends.redis.calling import Caller, Start, as_arguments
from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.packing import (
    escaped,
    pack_items,
    pack_text,
    unpack_fields,
    unpack_integers,
)
from holdfast.backends.redis.scripts import script
from holdfast.backends.redis.users import Users

# Which keys a change needs; see lua/apply.lua.
PLAIN: Final = b"sop"
APPENDING: Final = b"sopi"
MOVING: Final = b"sopix"
LEASED: Final = b"sopixl"
REPEATED: Final = b"sopixld"
NONE: Final = 65_535
CHANGED: Final = 1

_HEADER: Final = Struct("<8s4B5q4I5H")
_CHANGED: Final = Struct("<BqqqH")
_KNOWN: Final = Struct("<qqqB")
_NUMBER: Final = Struct("<q")
_NUMBERS: Final = Struct("<qq")


class Changing:
    """Applies changes."""

    def __init__(self, caller: Caller, users: Users) -> None:
        self._caller = caller
        self._users = users
        self._script = script("apply")
        self._starts: dict[tuple[bytes, int], Start] = {}

    async def apply(self, operation: Apply) -> Outcome:
        """Change a session, or say why not."""
        caller = self._caller
        if len(operation.user_tags) > 1:
            await self._index(operation)
        link, name = caller.link, operation.key.encode()
        bucket = bucket_of(name, link.buckets)
        command = self._command(bucket, name, operation)
        try:
            (answer,) = await link.send(bucket, command)
        except Refused as refused:
            (answer,) = await link.recover(bucket, command, refused)
        return _changed(answer) if answer[0] == CHANGED else _outcome(operation, answer)

    async def _index(self, operation: Apply) -> None:
        """Have the index under a user's first tag name the session before it has that tag."""
        place = self._caller.place(operation.key)
        record = unpack_fields(await self._caller.send(place.bucket, place.look))
        first = operation.user_tags[0]
        if record is not None and first and record.user_tag != first:
            age = record.cap - record.created
            await self._users.put(place, first, age, created=record.created)

    def _command(self, bucket: int, name: bytes, operation: Apply) -> Command:
        values, unset, append = operation.set, operation.unset, operation.append
        nonce = self._caller.nonce()
        header = _header(nonce, operation)
        start = self._start(_kinds(operation), bucket)
        count = start.parts + 1 + len(unset) + 2 * len(values) + len(append)
        payload = b"*%d\r\n%b$%d\r\n%b\r\n" % (count, start.named(name), len(header), header)
        if unset:
            payload += as_arguments(map(escaped, unset))
        for own, sealed in values.items():
            tag = escaped(own)
            payload += b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(tag), tag, len(sealed), sealed)
        if append:
            payload += as_arguments(pack_items(operation.change_id, append))
        return Command(payload, nonce, self._script)

    def _start(self, kinds: bytes, bucket: int) -> Start:
        start = self._starts.get((kinds, bucket))
        if start is None:
            start = self._starts[kinds, bucket] = Start(self._script, kinds, bucket)
        return start


def _kinds(operation: Apply) -> bytes:
    if operation.repeated:
        return REPEATED
    if operation.lease_token is not None:
        return LEASED
    if operation.slide or operation.replace or operation.ttl is not None:
        return MOVING
    return APPENDING if operation.append else PLAIN


def _header(nonce: bytes, operation: Apply) -> bytes:
    """Pack everything that is small."""
    # Taken apart at once: reading the fields one by one takes as long as all the rest here.
    (
        _, change_id, remember, digest, slide, values, unset, put, add, claim, append,
        most_items, most_bytes, incarnation, revision, token, replace, user_tags, ttl, _,
        known_revision, repeated, known_incarnation,
    ) = operation  # fmt: skip
    named = change_id.encode()
    expected = b"" if incarnation is None else incarnation.encode()
    holder = b"" if token is None else token.encode()
    life = b"" if known_incarnation is None else known_incarnation.encode()
    header = _HEADER.pack(
        nonce, remember, slide, replace, repeated,
        -1 if revision is None else revision, known_revision, -1 if ttl is None else ttl,
        most_items, most_bytes, len(unset), len(values), len(append), len(user_tags),
        len(named), len(digest), len(life),
        NONE if incarnation is None else len(expected), NONE if token is None else len(holder),
    )  # fmt: skip
    header += named + digest + life + expected + holder
    if replace:
        header += b"".join(map(pack_text, user_tags))
    if put or add or claim:
        header += _integers(put, add, claim)
    return header


def _integers(put: Mapping[str, int], add: tuple[Add, ...], claim: tuple[str, ...]) -> bytes:
    """Write what a change does to integers."""
    text = "".join([f"+{name} {delta} {limit};" for name, delta, limit in add])
    if put:
        text = "".join([f"={name} {value};" for name, value in put.items()]) + text
    if claim:
        text += "".join([f"!{name};" for name in claim])
    return text.encode()


def _outcome(operation: Apply, answer: bytes) -> Outcome:
    match answer[0]:
        case 0:
            return Absent()
        case 2:
            return _known(operation, answer)
        case 3:
            return Forgotten()
        case 4:
            return LeaseGone()
        case 5:
            return Conflict(_NUMBER.unpack_from(answer, 1)[0])
        case 6:
            return UserDiffers()
        case 7:
            return OverLimit(answer[17:].decode(), *_NUMBERS.unpack_from(answer, 1))
        case 8:
            return FlagUp(answer[1:].decode())
        case 9:
            return TooLarge(*_NUMBERS.unpack_from(answer, 1))
        case status:
            raise ValueError(f"The script that applies changes answered with {status}")


def _changed(answer: bytes) -> Changed:
    _, revision, first, last, size = _CHANGED.unpack_from(answer)
    end = _CHANGED.size + size
    return Changed(
        answer[_CHANGED.size : end].decode(),
        revision,
        unpack_integers(answer[end:]),
        first or None,
        last,
    )


def _known(operation: Apply, answer: bytes) -> Changed | ChangeIdReused:
    """Give the first answer again, if that was to the same content."""
    middle = 3 + int.from_bytes(answer[1:3], "little")
    revision, first, last, size = _KNOWN.unpack_from(answer, middle)
    start = middle + _KNOWN.size
    if not operation.repeats(answer[start : start + size]):
        return ChangeIdReused()
    integers = unpack_integers(answer[start + size :])
    return Changed(answer[3:middle].decode(), revision, integers, first or None, last, True)
