"""Changes: everything small goes in one packed header, everything sealed behind it."""

from struct import Struct
from typing import Final

from holdfast.backend import (
    Absent,
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
from holdfast.backends.redis.calling import Caller, Place
from holdfast.backends.redis.link import Command
from holdfast.backends.redis.packing import escaped, pack_items, pack_text, unpack_integers
from holdfast.backends.redis.scripts import script

# Which keys a change needs; see lua/apply.lua.
PLAIN: Final = b"sop"
APPENDING: Final = b"sopi"
MOVING: Final = b"sopix"
LEASED: Final = b"sopixl"
NONE: Final = 65_535

_HEADER: Final = Struct("<8s4B5q4I4H")
_CHANGED: Final = Struct("<BqqqH")
_KNOWN: Final = Struct("<qqqB")
_NUMBER: Final = Struct("<q")
_NUMBERS: Final = Struct("<qq")


class Changing:
    """Applies changes."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._script = script("apply")

    async def apply(self, operation: Apply) -> Outcome:
        """Change a session, or say why not."""
        caller = self._caller
        place = caller.place(operation.key)
        command = self._command(place, caller.nonce(), operation)
        (answer,) = await caller.send(place.bucket, command)
        return _outcome(operation, answer)

    def _command(self, place: Place, nonce: bytes, operation: Apply) -> Command:
        parts: list[bytes] = [_header(nonce, operation), _integers(operation)]
        parts += map(escaped, operation.unset)
        for tag, sealed in operation.set.items():
            parts += (escaped(tag), sealed)
        if operation.append:
            parts += pack_items(operation.change_id, operation.append)
        count, start = place.start(self._script, _kinds(operation))
        body = [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
        payload = b"*%d\r\n%b%b" % (count + len(parts), start, b"".join(body))
        return Command(payload, nonce, self._script)


def _kinds(operation: Apply) -> bytes:
    if operation.lease_token is not None:
        return LEASED
    if operation.slide or operation.replace or operation.ttl is not None:
        return MOVING
    return APPENDING if operation.append else PLAIN


def _header(nonce: bytes, operation: Apply) -> bytes:
    change_id = operation.change_id.encode()
    digest = operation.digest
    incarnation = operation.expect_incarnation
    token = operation.lease_token
    revision, ttl = operation.expect_revision, operation.ttl
    header = _HEADER.pack(
        nonce,
        operation.remember,
        operation.slide,
        operation.replace,
        operation.repeated,
        -1 if revision is None else revision,
        operation.known_revision,
        -1 if ttl is None else ttl,
        operation.max_items,
        operation.max_bytes,
        len(operation.unset),
        len(operation.set),
        len(operation.append),
        len(operation.user_tags),
        len(change_id),
        len(digest),
        NONE if incarnation is None else len(incarnation.encode()),
        NONE if token is None else len(token.encode()),
    )
    header += change_id + digest
    if incarnation is not None:
        header += incarnation.encode()
    if token is not None:
        header += token.encode()
    if operation.user_tags:
        header += b"".join(map(pack_text, operation.user_tags))
    return header


def _integers(operation: Apply) -> bytes:
    """Write what a change does to integers."""
    if not (operation.put or operation.add or operation.claim):
        return b""
    steps = [f"={name} {value};" for name, value in operation.put.items()]
    steps += [f"+{name} {delta} {limit};" for name, delta, limit in operation.add]
    steps += [f"!{name};" for name in operation.claim]
    return "".join(steps).encode()


def _outcome(operation: Apply, answer: bytes) -> Outcome:
    match answer[0]:
        case 1:
            return _changed(answer)
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
