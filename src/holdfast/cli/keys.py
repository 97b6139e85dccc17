"""`holdfast keys`: make keys, and exchange those of a file while services use it."""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from holdfast.cli.commands import Commands, complain
from holdfast.cli.resealing import add_namespaces, opened_spaces
from holdfast.errors import HoldfastError
from holdfast.key_file import (
    SETTLES,
    check_retirable,
    new_entry,
    retire,
    rotate,
    write_key_file,
)
from holdfast.keyring import KeyEntry, in_use, read_key_file

Run = Callable[[Namespace], int]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("keys", help="make, list, rotate and retire keys")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    generate = actions.add_parser("generate", help="make a new key: id:base64-of-32-bytes")
    generate.add_argument("--id", help="the id of the key (random)")
    generate.add_argument("--file", type=Path, metavar="F", help="write it to a new file")
    generate.set_defaults(run=_answering(_generate))
    _add_file(actions.add_parser("list", help="list ids of keys, never keys"), _list)
    turn = actions.add_parser("rotate", help="put a new key in front; the others still open")
    turn.add_argument("--id", help="the id of the key (random)")
    _add_file(turn, _rotate, settles=True)
    end = actions.add_parser("retire", help="take out a key that nothing is sealed under any more")
    end.add_argument("id", metavar="ID", help="the id of the key")
    end.add_argument("--store", metavar="URL", help="the store to look into (of the settings)")
    add_namespaces(end)
    _add_file(end, _retire, settles=True)


def _add_file(parser: ArgumentParser, run: Run, *, settles: bool = False) -> None:
    parser.add_argument("--file", type=Path, metavar="F", required=True, help="the file of keys")
    if settles:
        meaning = "how long processes may take to know a key, in seconds"
        parser.add_argument("--settle", type=int, default=SETTLES, metavar="S", help=meaning)
    parser.set_defaults(run=_answering(run))


def _answering(run: Run) -> Run:
    """Say in a sentence why something is refused."""

    def answer(options: Namespace) -> int:
        try:
            return run(options)
        except (HoldfastError, OSError, ValueError) as exc:
            return complain(str(exc))

    return answer


def _generate(options: Namespace) -> int:
    entry = new_entry(options.id)
    if options.file is None:
        print(entry.written())
        return 0
    try:
        write_key_file(options.file, [entry], new=True)
    except FileExistsError:
        return complain(f"{options.file} is there already: holdfast keys rotate adds a key to it")
    print(entry.key_id)
    return 0


def _list(options: Namespace) -> int:
    now = time.time()
    for place, entry in enumerate(in_use(read_key_file(options.file), now=now)):
        print(f"{entry.key_id}  {_state(entry, seals=place == 0, now=now)}")
    return 0


def _state(entry: KeyEntry, *, seals: bool, now: float) -> str:
    if seals:
        return "seals"
    return f"seals in {entry.seals_from - now:.0f} s" if entry.seals_from > now else "opens"


def _rotate(options: Namespace) -> int:
    key_id = rotate(options.file, key_id=options.id, settles=options.settle, now=time.time())
    print(f"{key_id} seals in {options.settle} s; then run: holdfast sessions reseal")
    return 0


def _retire(options: Namespace) -> int:
    check_retirable(
        read_key_file(options.file), options.id, settles=options.settle, now=time.time()
    )
    left = asyncio.run(_left(options))
    if any(left.values()):
        return complain(
            f"{left.total()} values are still sealed under key {options.id!r}, in the namespaces "
            f"{', '.join(+left)}. Run: holdfast sessions reseal"
        )
    retire(options.file, options.id, settles=options.settle, now=time.time())
    print(f"{options.id} is retired: nothing stood under it in the namespaces {', '.join(left)}")
    print("No other namespace was looked into; see --namespace.")
    return 0


async def _left(options: Namespace) -> Counter[str]:
    """Count what is sealed under the key that is to go, in each namespace."""
    opening = opened_spaces(options.store, options.file, namespaces=options.namespace)
    async with opening as (spaces, _):
        counts = {space.namespace: (await space.count())[options.id] for space in spaces}
        return Counter(counts)
