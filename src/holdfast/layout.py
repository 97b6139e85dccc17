"""What a model declares, worked out once: its counters, its flags, its sealed values."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import Any, Final, NamedTuple, cast, get_args

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, PydanticUndefined, from_json, to_json
from typing_extensions import TypedDict

from holdfast.change import MEMBER, check_name
from holdfast.errors import InvalidSession
from holdfast.session import COUNTER, FAMILY, FLAG, MAX_INTEGER, MAX_METADATA_BYTES, Session

RESERVED: Final = frozenset(Session.model_fields)
MAX_PLACE: Final = 8
_KEY: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_SCALARS: Final = frozenset({str, int, bool, NoneType})
_METADATA: Final = TypeAdapter[Any](JsonValue).validator.validate_python
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Layout(NamedTuple):
    """The fields that a model adds to `Session`.

    `limits` holds each counter's upper limit, `values` how each sealed field is checked and
    written, `required` those without a default, `stored` how all that was opened is read again in
    one go, `families` the fields that are families of counters, `texts` the values that may be any
    text.
    """

    limits: Mapping[str, int]
    flags: frozenset[str]
    values: Mapping[str, TypeAdapter[Any]]
    required: frozenset[str]
    stored: TypeAdapter[dict[str, Any]]
    families: frozenset[str]
    texts: frozenset[str]

    @classmethod
    def of(cls, model: type[Session]) -> "Layout":
        """Read the declarations of a model.

        Raises:
            TypeError: counters or a flag that do not start at 0, empty or down, or in a choice.
        """
        limits: dict[str, int] = {}
        flags: set[str] = set()
        families: set[str] = set()
        values: dict[str, Any] = {}
        for name, field in model.model_fields.items():
            if name in RESERVED:
                continue
            _check_start(f"{model.__name__}.{name}", field)
            if FAMILY in field.metadata:
                families.add(name)
            elif COUNTER in field.metadata:
                limits[name] = min(_bounds(field.metadata))
            elif FLAG in field.metadata:
                flags.add(name)
            elif _holds_integers(field.annotation):
                rule = "must be a Counter, Counters or a Flag by itself"
                raise TypeError(f"{model.__name__}.{name} {rule}.")
            else:
                values[name] = field.rebuild_annotation()
        adapters = {name: TypeAdapter(annotation) for name, annotation in values.items()}
        required = frozenset(name for name in values if model.model_fields[name].is_required())
        stored = _stored(model.__name__, values)
        texts = frozenset(name for name, annotation in values.items() if annotation is str)
        return cls(limits, frozenset(flags), adapters, required, stored, frozenset(families), texts)

    @property
    def zeros(self) -> dict[str, int]:
        """Every counter and flag as it starts."""
        return dict.fromkeys((*self.limits, *self.flags), 0)

    def is_integer(self, name: str) -> bool:
        """Say whether the store keeps this field as a plain integer."""
        return name in self.limits or name in self.flags or self.is_member(name)

    def is_member(self, name: str) -> bool:
        """Say whether this is `family.key`, one counter of a declared family.

        Raises:
            InvalidSession: it is the family itself, or one that no counter of it can have.
        """
        # What is no name at all is refused where values are written.
        if not self.families or type(name) is not str:
            return False
        family, _, key = name.partition(MEMBER)
        if family not in self.families:
            return False
        if not _KEY.fullmatch(key):
            rule = f"must name a counter of it: {family}.key, of 1-64 letters, digits, underscores"
            raise InvalidSession(name, rule)
        return True

    def spread(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Name each counter of a whole family by itself; those at 0 are not kept."""
        spread = dict(state)
        for family in self.families & state.keys():
            counters = spread.pop(family)
            if not isinstance(counters, Mapping):
                raise InvalidSession(family, "must be a mapping of keys to integers")
            counted = cast("Mapping[str, Any]", counters)
            spread |= {f"{family}{MEMBER}{key}": count for key, count in counted.items() if count}
        return spread

    def integer(self, name: str, value: Any) -> int:
        """Check what a counter or a flag is set to."""
        if name in self.flags:
            if not isinstance(value, bool):
                raise InvalidSession(name, "must be True or False")
            return int(value)
        limit = self.limits.get(name, MAX_INTEGER)
        if type(value) is not int or not 0 <= value <= limit:
            raise InvalidSession(name, f"must be an integer from 0 to {limit}")
        return value

    def dump(self, name: str, value: Any) -> bytes:
        """Check a declared value and write it as JSON."""
        if type(value) is str and name in self.texts:
            return write_json(name, value)
        adapter = self.values[name]
        try:
            plain = adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as exc:
            raise InvalidSession(name, explain(exc)) from exc
        except PydanticSerializationError as exc:
            raise InvalidSession(name, str(exc)) from exc
        except UnicodeDecodeError as exc:
            raise InvalidSession(name, "must be UTF-8, or of a type that is written so") from exc
        return write_json(name, plain)


def _check_start(place: str, field: FieldInfo) -> None:
    begins = field.get_default(call_default_factory=True)
    if COUNTER in field.metadata or FLAG in field.metadata:
        if begins not in (0, PydanticUndefined):
            raise TypeError(f"{place} must start at 0 or False.")
    if FAMILY in field.metadata and begins not in ({}, PydanticUndefined):
        raise TypeError(f"{place} must start empty.")


def _bounds(marks: Iterable[Any]) -> Iterator[int]:
    """Find the largest values that the rules of a counter allow."""
    yield MAX_INTEGER
    for mark in marks:
        if hasattr(mark, "le"):
            yield mark.le
        if hasattr(mark, "lt"):
            yield mark.lt - 1


def _holds_integers(annotation: Any) -> bool:
    """Say whether a counter or a flag hides in a type, where the store could not add to it."""
    return annotation in (COUNTER, FAMILY, FLAG) or any(map(_holds_integers, get_args(annotation)))


def _stored(name: str, values: Mapping[str, Any]) -> TypeAdapter[dict[str, Any]]:
    """Describe the JSON text that the opened values of a session make, each of them optional."""
    shape = {**values, "user_id": str | None, "metadata": dict[str, JsonValue]}
    return TypeAdapter(TypedDict(name, shape, total=False))  # type: ignore[operator]


def explain(error: ValidationError) -> str:
    """Say the first thing that is wrong, without the value that was given."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"][:MAX_PLACE]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def dump_metadata(name: str, value: Any) -> bytes:
    """Check an undeclared value and write it as JSON: what comes back is what went in."""
    check_name("metadata", name)
    field = f"metadata.{name}"
    return write_json(field, check_json(field, value))


def check_json(field: str, value: Any) -> Any:
    """Refuse what JSON would lose or alter: tuples, bytes, keys that are no strings, cycles."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, BaseModel):
        raise InvalidSession(field, "must be plain JSON; dump the model first")
    try:
        return _METADATA(value)
    except ValidationError as exc:
        raise InvalidSession(field, f"must be plain JSON ({explain(exc)})") from exc


def write_json(field: str, value: Any, *, limit: int | None = MAX_METADATA_BYTES) -> bytes:
    """Write a value as compact JSON text of at most `limit` bytes.

    Raises:
        InvalidSession: NaN or infinity, a lone surrogate, a cycle, deeper than it could be read
            again, or larger than the limit.
    """
    try:
        # A quarter of the time that the standard encoder takes, reading it again included.
        data = to_json(value)
        if type(value) is not str:
            _read_deep_inside(data)
    except ValueError:
        data = _explain_or_write(field, value)
    if limit is not None and len(data) > limit:
        raise InvalidSession(field, f"is {len(data)} bytes of JSON; at most {limit}")
    return data


def _explain_or_write(field: str, value: Any) -> bytes:
    """Say what JSON has no word for; where there is nothing, the value is nested too deeply."""
    try:
        data = _encode(value).encode()
    except UnicodeEncodeError as exc:
        raise InvalidSession(field, "must not contain lone surrogates") from exc
    except (ValueError, TypeError, RecursionError) as exc:
        raise InvalidSession(field, f"must be plain JSON ({exc})") from exc
    try:
        _read_deep_inside(data)
    except ValueError as exc:
        raise InvalidSession(field, "is nested too deeply") from exc
    return data


def _read_deep_inside(data: bytes) -> None:
    """Read a text a little deeper inside than it will stand: reading has a limit of nesting."""
    from_json(b"[[[[[[[[%b]]]]]]]]" % data, allow_inf_nan=False, cache_strings="none")


def byte_length(text: str) -> int:
    """Count the bytes that a text takes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
