"""How sessions, items and integers stand in Redis; the scripts say it from their side.

A session is a hash: under `m` ten integers (revision, created, updated, active, base, ttl, cap,
length, last item, size; how long each is stands in lua/apply.lua), incarnation and user tag after
their lengths, and the counters as `;name=12;other=0;`; every other field is a sealed value under
its tag. Names of counters are identifiers, so nothing in them needs to be escaped.
"""

from collections.abc import Iterable, Mapping
from struct import Struct, error
from typing import Final

from holdfast.backend import Create, Record, StoredItem

META: Final = b"m"
LENGTH: Final = Struct("<H")
# Integers of five, six and seven bytes are read in pieces.
_META: Final = Struct("<IBIHIHIHIHIHBIHBIIBIB")
RAW_BYTES: Final = 16
RAW: Final = b"\0"
LAST_SHORT: Final = 255


class Damaged(Exception):
    """What was read cannot be taken apart: somebody else has written there."""


def pack_text(text: bytes) -> bytes:
    """Put its length before a text."""
    return LENGTH.pack(len(text)) + text


def pack_short(text: bytes) -> bytes:
    """Put its length before a text of at most 255 bytes."""
    return bytes((len(text),)) + text


def pack_life(incarnation: str) -> bytes:
    """Write an incarnation: a zero byte and the 16 bytes of 32 digits, or any other text."""
    raw = _raw(incarnation)
    return incarnation.encode() if raw is None else RAW + raw


def unpack_life(life: bytes) -> str:
    """Read what `pack_life` wrote."""
    return life[1:].hex() if life[:1] == RAW else life.decode()


def pack_integers(integers: Mapping[str, int]) -> bytes:
    """Write counters and flags."""
    return f";{''.join([f'{name}={value:d};' for name, value in integers.items()])}".encode()


def unpack_integers(text: bytes) -> dict[str, int]:
    """Read what `pack_integers` or a script wrote.

    Raises:
        Damaged: it did not.
    """
    integers: dict[str, int] = {}
    if text != b";":
        try:
            for word in text[1:-1].decode().split(";"):
                name, number = word.split("=")
                integers[name] = int(number)
        except ValueError as exc:
            raise Damaged from exc
    return integers


def escaped(tag: bytes) -> bytes:
    """Name the field of a value: a tag of nothing but m gets one more, for `m` is taken."""
    return tag + META if tag and not tag.strip(META) else tag


def _unescaped(values: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {tag if not tag or tag.strip(META) else tag[1:]: value for tag, value in values.items()}


def pack_identity(operation: Create) -> bytes:
    """Write what stands in `m` behind the size when a session begins."""
    return b"".join(
        (
            pack_short(pack_life(operation.incarnation)),
            pack_short(operation.user_tag),
            pack_integers(operation.integers),
        )
    )


def unpack_record(meta: bytes, values: dict[bytes, bytes]) -> Record:
    """Read a session from its `m` and its other fields.

    Raises:
        Damaged: it is none.
    """
    try:
        (
            revision, revision_high, created, created_high, updated, updated_high,
            active, active_high, base, base_high, ttl, ttl_middle, ttl_high,
            cap, cap_middle, cap_high, length, last_item, last_high, _, size,
        ) = _META.unpack_from(meta)  # fmt: skip
        middle: int = _META.size + size
        incarnation = unpack_life(meta[_META.size : middle])
        user_size = meta[middle]
    except (error, ValueError, IndexError) as exc:
        raise Damaged from exc
    start, end = middle + 1, middle + 1 + user_size
    integers = unpack_integers(meta[end:])
    if not all(tag.strip(META) or not tag for tag in values):
        values = _unescaped(values)
    return Record(
        incarnation, revision | revision_high << 32,
        (created | created_high << 32) * 1000, (updated | updated_high << 32) * 1000,
        (active | active_high << 32) * 1000, (base | base_high << 32) * 1000,
        ttl | ttl_middle << 32 | ttl_high << 48, cap | cap_middle << 32 | cap_high << 48,
        meta[start:end], integers, values, length, last_item | last_high << 32,
    )  # fmt: skip


def unpack_flat(fields: list[bytes]) -> Record | None:
    """Read a session from its fields and values in turn; None when what is there is none.

    Raises:
        Damaged: it is something else.
    """
    pairs = iter(fields)
    return unpack_fields(dict(zip(pairs, pairs, strict=True)))


def unpack_fields(fields: dict[bytes, bytes]) -> Record | None:
    """Read a session from all its fields, which are its values afterwards."""
    meta = fields.pop(META, None)
    return None if meta is None else unpack_record(meta, fields)


def pack_items(change_id: str, sealed: Iterable[bytes]) -> list[bytes]:
    """Write what a change puts into the log; the script adds numbers and the time.

    Before the sealed item stands its place in the change, in a byte, and the 16 bytes that the
    change id's 32 digits stand for; or 0, length and text of any other id, and the place.
    """
    raw = _raw(change_id)
    text = pack_text(change_id.encode())
    return [
        bytes((place,)) + raw + item
        if raw is not None and place <= LAST_SHORT
        else b"\0" + text + LENGTH.pack(place) + item
        for place, item in enumerate(sealed, start=1)
    ]


def unpack_item(packed: bytes) -> StoredItem:
    """Read one item.

    Raises:
        Damaged: it is none.
    """
    try:
        return _unpack_item(packed)
    except (error, ValueError, IndexError) as exc:
        raise Damaged from exc


def _unpack_item(packed: bytes) -> StoredItem:
    number = int.from_bytes(packed[:5], "little")
    at = int.from_bytes(packed[5:11], "little") * 1000
    place = packed[11]
    if place:
        return StoredItem(number, at, f"{packed[12:28].hex()}:{place}", packed[28:])
    end = 14 + LENGTH.unpack_from(packed, 12)[0]
    (place,) = LENGTH.unpack_from(packed, end)
    return StoredItem(number, at, f"{packed[14:end].decode()}:{place}", packed[end + 2 :])


def _raw(change_id: str) -> bytes | None:
    if len(change_id) != 2 * RAW_BYTES:
        return None
    try:
        raw = bytes.fromhex(change_id)
    except ValueError:
        return None
    return raw if raw.hex() == change_id else None
