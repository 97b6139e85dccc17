"""Changes: everything small goes in one packed header, everything sealed behind it."""

from collections.abc import Mapping
from struct import Struct
from typing import Final

from holdfast.assembling import assemble
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
from holdfast.backends.redis.damage import unusable
from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.packing import (
    Damaged,
    escaped,
    pack_items,
    pack_life,
    pack_text,
    unpack_fields,
    unpack_integers,
    unpack_life,
)
from holdfast.backends.redis.scripts import script
from holdfast.backends.redis.users import Users

# Which keys a change needs; see lua/apply.lua.
PLAIN: Final = b"sop"
APPENDING: Final = b"sopi"
MOVING: Final = b"sopitcx"
LEASED: Final = b"sopitcxl"
REPEATED: Final = b"sopitcxld"
NONE: Final = 65_535
CHANGED: Final = 1
PUT, ADD, CLAIM = range(3)

_HEADER: Final = Struct("<8s4B2q3I2H")
_CONDITIONS: Final = Struct("<2B3qI3H")
# What a change says between its limits and the digests of older keys when it has no conditions.
UNCONDITIONAL: Final = (None, None, None, False, (), None)
_KIND: Final = Struct("<BH")
_CHANGED: Final = Struct("<BqqqH")
BEGUN: Final = _CHANGED.size
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
        try:
            if len(operation.user_tags) > 1:
                await self._index(operation)
            link, name = self._caller.link, operation.key.encode()
            bucket = bucket_of(name, link.buckets)
            command = self._command(bucket, name, operation)
            try:
                (answer,) = await link.send(bucket, command)
            except Refused as refused:
                (answer,) = await link.recover(bucket, command, refused)
            return _changed(answer) if answer[0] == CHANGED else _outcome(operation, answer)
        except (Refused, Damaged) as fault:
            raise unusable(operation, fault) from fault

    async def _index(self, operation: Apply) -> None:
        """Have the index under a user's first tag name the session before it has that tag."""
        place = self._caller.place(operation.key)
        record = unpack_fields(await self._caller.send(place.bucket, place.look))
        first = operation.user_tags[0]
        if record is not None and first and record.user_tag != first:
            age = record.cap - record.created
            await self._users.put(place, first, age, created=record.created)

    def _command(self, bucket: int, name: bytes, operation: Apply) -> Command:
        # Taken apart at once: reading the fields one by one takes as long as all the rest here.
        (
            _, change_id, remember, digest, slide, values, unset, put, add, claim, append,
            most_items, most_bytes, _, _, _, _, _, _, _, _, repeated, _, minted,
        ) = operation  # fmt: skip
        conditional = repeated or operation[13:19] != UNCONDITIONAL
        nonce, named = self._caller.nonce(), change_id.encode()
        header = _HEADER.pack(
            nonce, remember, slide, conditional, minted and not repeated, most_items, most_bytes,
            len(unset), len(values), len(append), len(named), len(digest),
        )  # fmt: skip
        header += named + digest
        if conditional:
            header += _conditions(operation)
        header += _integers(put, add, claim)
        kinds = _kinds(operation) if conditional or slide else APPENDING if append else PLAIN
        start = self._starts.get((kinds, bucket)) or self._start(kinds, bucket)
        count = start.parts + 1 + len(unset) + 2 * len(values) + len(append)
        payload = b"*%d\r\n%b$%d\r\n%b\r\n" % (count, start.named(name), len(header), header)
        if unset:
            payload += as_arguments(map(escaped, unset))
        for own, sealed in values.items():
            tag = escaped(own)
            payload += b"$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(tag), tag, len(sealed), sealed)
        if append:
            payload += as_arguments(pack_items(change_id, append))
        return assemble(Command, (payload, nonce, self._script, b"", 0, False))

    def _start(self, kinds: bytes, bucket: int) -> Start:
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


def _conditions(operation: Apply) -> bytes:
    """Pack what a change depends on, and what a whole snapshot or a repetition has besides."""
    revision, ttl, tags = operation.expect_revision, operation.ttl, operation.user_tags
    expected, token = operation.expect_incarnation, operation.lease_token
    incarnation = b"" if expected is None else pack_life(expected)
    holder = b"" if token is None else token.encode()
    # Only a repetition is compared with what was known.
    known = operation.known_incarnation if operation.repeated else None
    life = b"" if known is None else pack_life(known)
    conditions = _CONDITIONS.pack(
        operation.replace, operation.repeated,
        -1 if revision is None else revision, operation.known_revision, -1 if ttl is None else ttl,
        len(tags), len(life),
        NONE if expected is None else len(incarnation), NONE if token is None else len(holder),
    )  # fmt: skip
    shown = b"".join(map(pack_text, tags)) if operation.replace else b""
    return conditions + life + incarnation + holder + shown


def _integers(put: Mapping[str, int], add: tuple[Add, ...], claim: tuple[str, ...]) -> bytes:
    """Write what a change does to integers."""
    steps = b""
    for name, value in put.items():
        steps += _step(PUT, name, value, 0)
    for name, delta, limit in add:
        steps += _step(ADD, name, delta, limit)
    for name in claim:
        steps += _step(CLAIM, name, 0, 0)
    return steps


def _step(kind: int, name: str, number: int, limit: int) -> bytes:
    text = name.encode()
    return b"%b%b%b" % (_KIND.pack(kind, len(text)), text, _NUMBERS.pack(number, limit))


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
    end = BEGUN + size
    incarnation, integers = unpack_life(answer[BEGUN:end]), unpack_integers(answer[end:])
    return assemble(Changed, (incarnation, revision, integers, first or None, last, False))


def _known(operation: Apply, answer: bytes) -> Changed | ChangeIdReused:
    """Give the first answer again, if that was to the same content."""
    middle = 3 + int.from_bytes(answer[1:3], "little")
    revision, first, last, size = _KNOWN.unpack_from(answer, middle)
    start = middle + _KNOWN.size
    if not operation.repeats(answer[start : start + size]):
        return ChangeIdReused()
    integers = unpack_integers(answer[start + size :])
    return Changed(unpack_life(answer[3:middle]), revision, integers, first or None, last, True)
