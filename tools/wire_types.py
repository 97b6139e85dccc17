"""Write `web/src/wire.ts` from the service's models, or with --check say whether it is up to date.

python -m tools.wire_types [--check]
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel

from holdfast.server.chat import ConversationReply
from holdfast.server.conversation.wire import Frame, Hello, Rating, Said, TextKey
from holdfast.support import Purchased, Source
from holdfast.support.messages import Outcome, Role

PATH: Final = Path(__file__).parents[1] / "web" / "src" / "wire.ts"
HEAD: Final = """\
/** What travels between the page and the service.
 *
 * Written by `python -m tools.wire_types` from the service's own models: do not edit.
 */
"""
NAMED: Final = {"Role": Role, "TextKey": TextKey, "Rating": Rating, "Outcome": Outcome}
UNIONS: Final = {"Said": Said, "Frame": Frame}
WIDTH: Final = 100
PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def typescript() -> str:
    """Give the whole file."""
    parts = [HEAD]
    parts += [_alias(name, map(_quoted, get_args(literal))) for name, literal in NAMED.items()]
    parts += [_interface(model) for model in (Source, Purchased, ConversationReply, Hello)]
    for name, union in UNIONS.items():
        models = get_args(union)
        parts += [_interface(model) for model in models]
        parts.append(_alias(name, (model.__name__ for model in models)))
    return "\n".join(parts)


def _alias(name: str, members: Iterator[str] | Any) -> str:
    listed = list(members)
    line = f"export type {name} = {' | '.join(listed)};"
    if len(line) > WIDTH:
        line = f"export type {name} =\n" + "\n".join(f"  | {member}" for member in listed) + ";"
    return line + "\n"


def _interface(model: type[BaseModel]) -> str:
    """Write a model as an interface, with the first sentence of what is said of it."""
    said = (model.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
    lines = [f"/** {said} */", f"export interface {model.__name__} {{", *_fields(model), "}"]
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """Write the fields, the one that names a frame first.

    What a client says may leave out whatever has a default; what it is told has everything that is
    not None.
    """
    heard = model.__module__.endswith("wire") and model.model_config.get("extra") == "forbid"
    schema = model.model_json_schema(mode="validation" if heard else "serialization")
    fields = schema["properties"]
    for name in sorted(fields, key=lambda name: name != "type"):
        absent = model.model_fields[name].get_default(call_default_factory=True)
        required = model.model_fields[name].is_required() or name == "type"
        optional = not required and (heard or absent is None)
        yield f"  {name}{'?' if optional else ''}: {_type(fields[name])};"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return _quoted(schema["const"])
    if "enum" in schema:
        return _named(schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema["type"] == "array":
        return f"{_type(schema['items'])}[]"
    return PLAIN[schema["type"]]


def _named(values: list[str]) -> str:
    """Give the name of a set of words, or the words."""
    names = [name for name, literal in NAMED.items() if list(get_args(literal)) == values]
    return names[0] if names else " | ".join(map(_quoted, values))


def _quoted(word: str) -> str:
    return f'"{word}"'


def main(arguments: list[str]) -> int:
    """Write the file, or compare."""
    written = typescript()
    if "--check" not in arguments:
        PATH.write_text(written)
        return 0
    if PATH.read_text() == written:
        return 0
    print(f"{PATH.name} is not what the models say: run python -m tools.wire_types.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
