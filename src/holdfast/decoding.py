"""From what backends keep to what users read: records become frozen snapshots, once each."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from holdfast.backend import Record, StoredItem
from holdfast.change import MEMBER, Item
from holdfast.encoding import METADATA
from holdfast.errors import DecryptionFailed
from holdfast.freezing import FrozenDict, freeze
from holdfast.layout import Layout, explain
from holdfast.moments import moment
from holdfast.sealing import Sealer
from holdfast.session import Session

M = TypeVar("M", bound=Session)

SNAPSHOTS_KEPT: Final = 4096
# In bytes of sealed values.
LARGEST_KEPT: Final = 1 << 14
_METADATA_BYTE: Final = ord(METADATA)


class _Kept(NamedTuple, Generic[M]):
    """A session as it was read last; `opened` holds its values as they stood in the seal."""

    record: Record
    snapshot: M
    opened: Mapping[bytes, bytes]


class Decoder(Generic[M]):
    """Opens sessions of one model. A record equal to the last one gives the same snapshot again.

    That is exact because nonces are random: equal ciphertext is the same sealed value.
    """

    def __init__(self, model: type[M], layout: Layout, sealer: Sealer) -> None:
        self._model = model
        self._layout = layout
        self._sealer = sealer
        self._readers = tuple(_readers(model, layout))
        self._snapshots: OrderedDict[str, _Kept[M]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._snapshots)

    def session(self, session_id: str, record: Record) -> M:
        """Open a record.

        Raises:
            DecryptionFailed: a value does not open, or is not what the model declares.
        """
        kept = self._snapshots.get(session_id)
        if kept is not None and (kept.record is record or kept.record == record):
            return kept.snapshot
        opened = self._opened(session_id, record, kept)
        snapshot = self._read(session_id, record, opened)
        self.forget(session_id)
        if is_small(record):
            self._keep(session_id, _Kept(record, snapshot, opened))
        return snapshot

    def forget(self, session_id: str) -> None:
        """Keep nothing of a session that is gone."""
        self._snapshots.pop(session_id, None)

    def item(self, session_id: str, stored: StoredItem) -> Item:
        """Open one entry of a log."""
        seal = self._sealer.of(session_id)
        text = seal.open("item", stored.origin.encode(), stored.sealed)
        return Item(stored.number, moment(stored.at), freeze(from_json(text)))

    def draft(self, session_id: str, sealed: bytes) -> Any:
        """Open the note beside a session; None where there is none."""
        if not sealed:
            return None
        return freeze(from_json(self._sealer.of(session_id).open("draft", b"", sealed)))

    def _keep(self, session_id: str, kept: _Kept[M]) -> None:
        self._snapshots[session_id] = kept
        if len(self._snapshots) > SNAPSHOTS_KEPT:
            self._snapshots.popitem(last=False)

    def _opened(
        self, session_id: str, record: Record, kept: "_Kept[M] | None"
    ) -> dict[bytes, bytes]:
        """Open the values, except those that are the same as last time."""
        seal = self._sealer.of(session_id)
        before: Mapping[bytes, bytes] = {} if kept is None else kept.record.values
        return {
            tag: kept.opened[tag]
            if kept is not None and before.get(tag) == sealed
            else seal.open("value", tag, sealed)
            for tag, sealed in record.values.items()
        }

    def _read(self, session_id: str, record: Record, opened: Mapping[bytes, bytes]) -> M:
        try:
            stored = self._layout.stored.validate_json(_joined(opened.values()))
        except ValidationError as exc:
            reason = f"it does not hold what the model declares ({explain(exc)})"
            raise DecryptionFailed(session_id, reason=reason) from exc
        if missing := sorted((self._layout.required | {"user_id"}) - stored.keys()):
            raise DecryptionFailed(session_id, reason=f"its sealed {missing[0]!r} is missing")
        return self._snapshot(session_id, record, stored)

    def _snapshot(self, session_id: str, record: Record, stored: Mapping[str, Any]) -> M:
        """Put a session together from parts that were each checked on their way in."""
        fields = {
            "session_id": session_id,
            "user_id": stored["user_id"],
            "metadata": freeze(stored["metadata"]),
            "created_at": moment(record.created),
            "updated_at": moment(record.updated),
            "last_activity": moment(record.active),
            "expires_at": moment(record.expires),
            "revision": record.revision,
            "incarnation": record.incarnation,
        }
        for name, read in self._readers:
            fields[name] = read(record, stored)
        snapshot = self._model.__new__(self._model)
        object.__setattr__(snapshot, "__dict__", fields)
        object.__setattr__(snapshot, "__pydantic_fields_set__", set(fields))
        object.__setattr__(snapshot, "__pydantic_extra__", None)
        object.__setattr__(snapshot, "__pydantic_private__", None)
        return snapshot


def is_small(record: Record) -> bool:
    """Say whether a snapshot of the record is small enough to be kept."""
    return sum(map(len, record.values.values())) <= LARGEST_KEPT


Reader = Callable[[Record, Mapping[str, Any]], Any]


def _readers(model: type[Session], layout: Layout) -> Iterable[tuple[str, Reader]]:
    """Say for each declared field how a snapshot comes to its value."""
    for name, field in model.model_fields.items():
        if name in layout.limits:
            yield name, _counter(name)
        elif name in layout.flags:
            yield name, _flag(name)
        elif name in layout.families:
            yield name, _family(name)
        elif name in layout.values:
            yield name, _value(name, partial(field.get_default, call_default_factory=True))


def _counter(name: str) -> Reader:
    return lambda record, _: record.integers.get(name, 0)


def _flag(name: str) -> Reader:
    return lambda record, _: record.integers.get(name, 0) > 0


def _family(name: str) -> Reader:
    start = name + MEMBER

    def read(record: Record, _: Mapping[str, Any]) -> FrozenDict:
        integers = record.integers.items()
        return FrozenDict({key[len(start) :]: n for key, n in integers if key.startswith(start)})

    return read


def _value(name: str, default: Callable[[], Any]) -> Reader:
    """Read a sealed value. A session may be older than a field that the model declares now."""
    return lambda _, stored: freeze(stored[name] if name in stored else default())


def _joined(opened: Iterable[bytes]) -> bytes:
    """Make one JSON text of all opened values; each is a kind and `"name":value`."""
    fields: list[bytes] = []
    metadata: list[bytes] = []
    for plain in opened:
        if plain[0] == _METADATA_BYTE:
            metadata.append(plain[1:])
        else:
            fields.append(plain[1:])
    return b'{"metadata":{%b}%b}' % (b",".join(metadata), b"".join(b"," + text for text in fields))
