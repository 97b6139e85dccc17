"""Read-only containers that are equal to, and serialised as, the plain `dict` and `list`."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from pydantic import BaseModel


def _refuse(*_: object, **__: object) -> NoReturn:
    raise TypeError(
        "A session that was read is a snapshot and cannot be changed. "
        "Copy the value with dict() or list(), and write it with update() or a Change."
    )


class FrozenDict(dict[str, Any]):
    """A `dict` without its mutators. Copies and pickles of it are plain dictionaries."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A `list` without its mutators. Copies and pickles of it are plain lists."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


def read_only(mapping: Mapping[str, Any]) -> FrozenDict:
    """Give a mapping back as one that cannot be written to; what is one already, as it is."""
    return mapping if type(mapping) is FrozenDict else FrozenDict(mapping)


def freeze(value: Any) -> Any:
    """Give `value` back with every container in it read-only; scalars are returned as they are."""
    for kind in type(value).__mro__:
        if kind in _FREEZERS:
            return _FREEZERS[kind](value)
    return value


def _freeze_dict(value: dict[str, Any]) -> FrozenDict:
    return FrozenDict({key: freeze(entry) for key, entry in value.items()})


def _freeze_list(value: list[Any]) -> FrozenList:
    return FrozenList([freeze(entry) for entry in value])


def _freeze_tuple(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Freeze what a tuple holds; a named one stays what it is."""
    entries = [freeze(entry) for entry in value]
    return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)


def _freeze_model(model: BaseModel) -> BaseModel:
    """Freeze what a nested (frozen) model holds, in place: it was built for this snapshot alone."""
    fields = vars(model)
    fields.update({name: freeze(value) for name, value in fields.items()})
    return model


_FREEZERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: _freeze_dict,
    list: _freeze_list,
    tuple: _freeze_tuple,
    set: frozenset,
    BaseModel: _freeze_model,
}
