"""From what users say to what backends keep: changes become integers and ciphertext."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from holdfast.assembling import assemble
from holdfast.backend import Add, Apply, Where
from holdfast.change import MEMBER, Change
from holdfast.entropy import Entropy
from holdfast.errors import InvalidSession
from holdfast.freezing import FrozenDict
from holdfast.layout import (
    RESERVED,
    Layout,
    byte_length,
    check_json,
    dump_metadata,
    write_json,
)
from holdfast.moments import microseconds
from holdfast.sealing import Sealer, SessionSeal
from holdfast.session import MAX_INTEGER, MAX_METADATA_BYTES, Session, SessionFilter

# What the name of a sealed value begins with, so that metadata may use the name of a field.
FIELD: Final = "f"
METADATA: Final = "m"
USER: Final = "u"

MAX_DRAFT_BYTES: Final = 1 << 18
# Ciphertext of all values together: the metadata's limit, the declared fields, the envelopes.
MAX_SEALED_BYTES: Final = MAX_METADATA_BYTES + (1 << 17)
MAX_APPENDED: Final = 1000
NAMES_KEPT: Final = 1024


class State(NamedTuple):
    """What a session is brought into being with, as a backend takes it."""

    user_tag: bytes
    values: Mapping[bytes, bytes]
    integers: Mapping[str, int]


class Encoder:
    """Checks, writes and seals what is put into the sessions of one model and namespace."""

    def __init__(
        self,
        layout: Layout,
        sealer: Sealer,
        *,
        entropy: Entropy,
        remember: bool = False,
        slide: bool = False,
        max_items: int = 1000,
    ) -> None:
        self._layout = layout
        self._sealer = sealer
        self._entropy = entropy
        self._remember = remember
        self._slide = slide
        self._max_items = max_items
        self._openings: dict[str, bytes] = {}

    def initial(self, session_id: str, user_id: Any, state: Mapping[str, Any]) -> State:
        """Seal the state of a new session. The user is sealed in it always, even if there is none.

        Raises:
            InvalidSession: a value that breaks a rule, or a required field that is missing.
        """
        if missing := sorted(self._layout.required - state.keys()):
            raise InvalidSession(missing[0], "is required")
        if user_id is not None and not (isinstance(user_id, str) and 1 <= len(user_id) <= 255):
            raise InvalidSession("user_id", "must be a string of 1-255 characters")
        texts, integers = self._read(self._layout.spread(state) if self._layout.families else state)
        texts[USER + "user_id"] = write_json("user_id", user_id)
        values = self._sealed(self._sealer.of(session_id), texts)
        size = sum(map(len, values.values()))
        if size > MAX_SEALED_BYTES:
            raise InvalidSession(
                "metadata", f"{size} bytes when sealed; at most {MAX_SEALED_BYTES}"
            )
        tag = b"" if user_id is None else self._sealer.user_tags(user_id)[0]
        begun = {name: n for name, n in integers.items() if n or MEMBER not in name}
        return State(tag, values, FrozenDict({**self._layout.zeros, **begun}))

    def whole(self, session: Session) -> State:
        """Seal everything that a snapshot holds."""
        fields = vars(session)
        layout = self._layout
        names = (*layout.values, *layout.limits, *layout.flags, *layout.families, "metadata")
        state = {name: fields[name] for name in names}
        return self.initial(session.session_id, session.user_id, state)

    def replacement(self, key: str, session: Session, state: State, **settings: Any) -> Apply:
        """Put a whole state in the place of the revision that `session` was read at."""
        if not session.incarnation:
            raise InvalidSession("incarnation", "must be that of the session that was read")
        user_id = session.user_id
        return Apply(
            key=key,
            change_id=self._entropy.token(),
            set=state.values,
            put=state.integers,
            max_bytes=MAX_SEALED_BYTES,
            expect_incarnation=session.incarnation,
            expect_revision=session.revision,
            known_revision=session.revision,
            known_incarnation=session.incarnation,
            replace=True,
            user_tags=(b"",) if user_id is None else self._sealer.user_tags(user_id),
            **settings,
        )

    def change(
        self,
        key: str,
        session_id: str,
        change: Change,
        known: tuple[str, int] | None = None,
    ) -> Apply:
        """Turn a change into the operation that applies it; `known` is what was seen last.

        Raises:
            InvalidSession: a value that breaks a rule.
        """
        # Taken apart at once, and put together without the keywords: this is done for every write.
        (
            values, unset, add, at_most, claim, append,
            revision, incarnation, lease_token, change_id, known_revision,
        ) = change  # fmt: skip
        texts, integers = self._read(values)
        if unset or claim or at_most or append or integers:
            self._check_names(change, texts, integers)
        seal = self._sealer.of(session_id)
        items = _items(append) if append else ()
        life, since = known or (incarnation, 0)
        if known_revision is not None:
            # It is sent again by its caller, who says what was known when it was sent first.
            life, since = incarnation, known_revision
        digests = _digests(seal, change, texts, integers, items) if change_id else (b"",)
        remember, minted = self._remember or change_id is not None, change_id is None
        change_id = change_id or (self._entropy.token() if remember or items else "")
        return assemble(
            Apply,
            (
                key, change_id, remember, digests[0], self._slide,
                self._sealed(seal, texts) if texts else texts,
                self._unset(seal, change, texts, integers) if unset or seal.rotated else (),
                integers,
                self._adds(add, at_most) if add else (),
                claim,
                _sealed_items(seal, change_id, items) if items else (),
                self._max_items, MAX_SEALED_BYTES, incarnation, revision, lease_token,
                False, (), None, digests[1:], since, known_revision is not None, life, minted,
            ),
        )  # fmt: skip

    def draft(self, session_id: str, value: Any) -> bytes:
        """Seal a note beside the session; None is no note.

        Raises:
            InvalidSession: it is not plain JSON, or too large.
        """
        if value is None:
            return b""
        text = write_json("draft", check_json("draft", value), limit=MAX_DRAFT_BYTES)
        return self._sealer.of(session_id).seal("draft", b"", text)

    def where(self, chosen: SessionFilter | None) -> Where:
        """Turn a filter into what a backend can compare."""
        if chosen is None:
            return Where()
        ranges = chosen.ranges()
        for name in ranges:
            if not self._layout.is_integer(name):
                raise InvalidSession("filter", f"{name!r} is not a declared counter or flag")
        return Where(
            () if chosen.user_id is None else self._sealer.user_tags(chosen.user_id),
            None if chosen.created_after is None else microseconds(chosen.created_after),
            None if chosen.created_before is None else microseconds(chosen.created_before),
            tuple((name, low, high) for name, (low, high) in ranges.items()),
        )

    def _read(self, values: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, int]]:
        """Sort values into JSON texts (by kind and name) and integers."""
        texts: dict[str, bytes] = {}
        integers: dict[str, int] = {}
        size, layout = 0, self._layout
        for name, value in values.items():
            if name in layout.values:
                texts[FIELD + name] = layout.dump(name, value)
            elif layout.is_integer(name):
                integers[name] = layout.integer(name, value)
            else:
                for key, entry in _metadata(name, value):
                    text = dump_metadata(key, entry)
                    if METADATA + key in texts:
                        raise _twice()
                    texts[METADATA + key] = text
                    size += byte_length(key) + len(text)
        if size > MAX_METADATA_BYTES:
            raise InvalidSession("metadata", f"is {size} bytes; at most {MAX_METADATA_BYTES}")
        return texts, integers

    def _unset(
        self,
        seal: SessionSeal,
        change: Change,
        texts: Iterable[str],
        integers: dict[str, int],
    ) -> tuple[bytes, ...]:
        """Name the values that are to go, and what older keys called those that are set.

        Integers are put to 0 instead.
        """
        tags: list[bytes] = []
        for name in change.unset:
            if self._layout.is_integer(name):
                integers[name] = 0
            else:
                place = self._kind(name) + name
                tags += (seal.tag(place), *seal.older_tags(place))
        for name in texts:
            tags += seal.older_tags(name)
        return tuple(tags)

    def _adds(self, add: Mapping[str, int], at_most: Mapping[str, int]) -> tuple[Add, ...]:
        limits = self._layout.limits
        adds: list[Add] = []
        for name, delta in add.items():
            if type(delta) is not int or not -MAX_INTEGER <= delta <= MAX_INTEGER:
                raise InvalidSession(name, f"a delta must be an integer within ±{MAX_INTEGER}")
            limit = limits.get(name)
            if limit is None:
                if not self._layout.is_member(name):
                    raise InvalidSession(name, "is not a declared counter")
                limit = MAX_INTEGER
            if at_most and name in at_most:
                limit = _lower(limit, at_most[name])
            adds.append(assemble(Add, (name, delta, limit)))
        return tuple(adds)

    def _sealed(self, seal: SessionSeal, texts: Mapping[str, bytes]) -> dict[bytes, bytes]:
        """Seal values together with their real names; the backend knows them by their tags."""
        sealed: dict[bytes, bytes] = {}
        for name, text in texts.items():
            tag = seal.tag(name)
            opening = self._openings.get(name) or self._opening(name)
            sealed[tag] = seal.seal("value", tag, opening + text)
        return sealed

    def _opening(self, name: str) -> bytes:
        """Write what the text of a value begins with: its kind and its name."""
        opening = b"%b%b:" % (name[0].encode(), write_json("metadata", name[1:]))
        if len(self._openings) < NAMES_KEPT:
            self._openings[name] = opening
        return opening

    def _check_names(
        self, change: Change, texts: Mapping[str, bytes], integers: Mapping[str, int]
    ) -> None:
        """Refuse names that do not fit what is done to them, or that are named twice."""
        if len(change.append) > MAX_APPENDED:
            raise InvalidSession("append", f"at most {MAX_APPENDED} items in one change")
        if change.at_most and not change.at_most.keys() <= change.add.keys():
            raise InvalidSession("at_most", "may only name counters that the change adds to")
        named = set(integers)
        for name in change.unset:
            if name in RESERVED or name in self._layout.required:
                raise InvalidSession(name, "cannot be unset")
            if name in named or self._kind(name) + name in texts:
                raise _twice()
            named.add(name)
        for name in change.add:
            if name in named:
                raise _twice()
        for name in change.claim:
            if name not in self._layout.flags:
                raise InvalidSession(name, "is not a declared flag")
            if name in named:
                raise _twice()
            named.add(name)

    def _kind(self, name: str) -> str:
        return FIELD if name in self._layout.values else METADATA


def _lower(limit: int, at_most: Any) -> int:
    """Give the lower one of a counter's limit and a change's."""
    if type(at_most) is not int or not 0 <= at_most <= MAX_INTEGER:
        raise InvalidSession("at_most", f"must hold integers from 0 to {MAX_INTEGER}")
    return min(limit, at_most)


def _twice() -> InvalidSession:
    return InvalidSession("change", "names a field twice; a change does one thing to each")


def _metadata(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Give the metadata keys that setting `name` writes: itself, or those of a whole mapping."""
    if name != "metadata":
        if name in RESERVED:
            raise InvalidSession(name, "is kept by the store and cannot be written")
        return ((name, value),)
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).items()
    raise InvalidSession("metadata", "must be a mapping of names to values")


def _items(values: tuple[Any, ...]) -> list[bytes]:
    return [write_json("append", check_json("append", value)) for value in values]


def _sealed_items(seal: SessionSeal, change_id: str, texts: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple([
        seal.seal("item", f"{change_id}:{place}".encode(), text)
        for place, text in enumerate(texts, start=1)
    ])  # fmt: skip


def _digests(
    seal: SessionSeal,
    change: Change,
    texts: dict[str, bytes],
    integers: dict[str, int],
    items: Sequence[bytes],
) -> tuple[bytes, ...]:
    """Tell this content from any other that might come under the same change id, by each key."""
    content = [
        sorted((name, text.decode()) for name, text in texts.items()),
        sorted(integers.items()),
        sorted(change.unset),
        sorted(change.add.items()),
        sorted(change.at_most.items()),
        sorted(change.claim),
        [item.decode() for item in items],
    ]
    return seal.digests(write_json("change", content, limit=None))
