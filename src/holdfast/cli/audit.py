"""`holdfast audit`: check, read and export the audit trail."""

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from holdfast.cli.commands import Commands, answered_for, complain
from holdfast.keyring import Keyring

if TYPE_CHECKING:
    from holdfast.server.audit.chain import Chain, Head, Row
    from holdfast.server.audit.ledger import Ledger
    from holdfast.server.database import Database
    from holdfast.server.settings import Settings


class Opened(NamedTuple):
    """The trail of the settings, and what it is read with."""

    settings: "Settings"
    keys: Keyring
    chain: "Chain"
    database: "Database"
    ledger: "Ledger"


Action = Callable[[Opened, Namespace], Awaitable[int]]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("audit", help="check, read and export the audit trail")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="name the first row that is not what was written")
    verify.add_argument(
        "--head", type=_head, action="append", default=[], metavar="ROWS:HASH",
        help="how the trail once ended, as `tail` said (may be repeated)",
    )  # fmt: skip
    tail = actions.add_parser("tail", help="show the last events, and how the trail ends")
    tail.add_argument("-n", type=_positive, default=20, metavar="N", help="how many (20)")
    export = actions.add_parser("export", help="write all rows as lines of JSON")
    for action, run in ((verify, _verify), (tail, _tail), (export, _export)):
        _add_common(action)
        action.set_defaults(run=_with_trail(run))
    for action in (tail, export):
        action.add_argument("--user", help="events of this user alone")
        action.add_argument("--session", metavar="ID", help="events of this session alone")


def _add_common(action: ArgumentParser) -> None:
    action.add_argument("--data-dir", type=Path, help="the data folder (./data)")
    action.add_argument("--store", metavar="URL", help="the store (that of the settings)")
    action.add_argument(
        "--keys-file", type=Path, metavar="FILE", help="keys that are retired, for older rows"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)


def _head(text: str) -> tuple[int, str]:
    rows, _, digest = text.partition(":")
    if not rows.isdecimal() or len(digest) != 64:
        raise ArgumentTypeError("must be ROWS:HASH, as `holdfast audit tail` writes it")
    return int(rows), digest


def _with_trail(action: Action) -> Callable[[Namespace], int]:
    """Open the trail of the settings for an action."""

    async def run(options: Namespace) -> int:
        async with _opened(options) as opened:
            return await action(opened, options)

    return answered_for(run)


@asynccontextmanager
async def _opened(options: Namespace) -> AsyncGenerator[Opened]:
    from holdfast.server.audit.chain import Chain
    from holdfast.server.audit.ledger import Ledger
    from holdfast.server.database import open_database
    from holdfast.server.database.location import database_file
    from holdfast.server.keys import load_keys
    from holdfast.server.settings import Settings

    settings = Settings.load(data_dir=options.data_dir, store=options.store)
    file = database_file(settings.application_database)
    if not file.exists():
        raise FileNotFoundError(f"There is no trail: {file} does not exist.")
    keys = _all_keys(load_keys(settings), options.keys_file)
    chain = Chain(keys, namespace=settings.namespace)
    async with open_database(settings.application_database) as database:
        yield Opened(settings, keys, chain, database, Ledger(database, chain))


def _all_keys(keys: Keyring, file: Path | None) -> Keyring:
    if file is None:
        return keys
    known = {key.key_id for key in keys}
    retired = Keyring.from_file(file).to_text().split(",")
    older = [entry for entry in retired if entry.partition(":")[0] not in known]
    return Keyring.from_text(",".join([keys.to_text(), *older]))


async def _verify(opened: Opened, options: Namespace) -> int:
    from holdfast.server.audit.chain import Head
    from holdfast.server.audit.checking import check

    # The anchor first: what it knows of was in the trail before.
    anchor = await _anchor(opened)
    anchors = (anchor, *(Head(*head) for head in options.head))
    head, broken = await check(opened.ledger.rows(), opened.chain, anchors=anchors)
    if broken is not None:
        return complain(str(broken), f"Rows 1 to {head.rows} are whole.")
    print(f"The trail is whole: {head.rows} rows.")
    print(f"Head: {head}")
    return 0


async def _anchor(opened: Opened) -> "Head":
    """Read the anchor; that of a store in memory ended with its process."""
    from holdfast.opening import open_store
    from holdfast.server.audit.anchor import Anchor
    from holdfast.server.audit.chain import EMPTY

    settings = opened.settings
    if settings.in_memory:
        return EMPTY
    url, namespace = settings.store_url, settings.namespace
    async with open_store(url, keys=opened.keys, namespace=namespace) as store:
        return await Anchor(store, opened.keys).read()


async def _tail(opened: Opened, options: Namespace) -> int:
    head = await opened.ledger.head()
    wanted = await _filter(opened, options)
    chosen: deque[Row] = deque(maxlen=options.n)
    after = 0 if options.user or options.session else max(0, head.rows - options.n)
    async for row in opened.ledger.rows(after=after):
        if wanted(row):
            chosen.append(row)
    for row in chosen:
        print(_line(row))
    print(f"Head: {head}")
    return 0


async def _export(opened: Opened, options: Namespace) -> int:
    wanted = await _filter(opened, options)
    async for row in opened.ledger.rows():
        if wanted(row):
            print(json.dumps(_columns(row), ensure_ascii=True))
    return 0


async def _filter(opened: Opened, options: Namespace) -> "Callable[[Row], bool]":
    """Choose the rows of a user and of a session, under whichever key they are named there."""
    from holdfast.server.audit.pseudonyms import Pseudonyms

    pseudonyms = Pseudonyms(opened.keys, namespace=opened.settings.namespace)
    named = await _called(opened.database, options.user) if options.user else set[str]()
    users = {known for name in named for known in pseudonyms.all_of("user", name)}
    sessions = pseudonyms.all_of("session", options.session) if options.session else ()

    def wanted(row: "Row") -> bool:
        return (not users or _is_about(row, users)) and (
            not sessions or row.entry.session in sessions
        )

    return wanted


async def _called(database: "Database", name: str) -> set[str]:
    """Give what a user is known by: a failed sign-in tells of the name, all else of the id."""
    from holdfast.server.users import Hasher, Users
    from holdfast.server.users.user import spelled

    hasher = Hasher()
    try:
        user = await Users(database, hasher).find(name)
    finally:
        hasher.close()
    return {name, spelled(name), *({user.user_id} if user else ())}


def _is_about(row: "Row", users: set[str]) -> bool:
    """Say whether somebody did it, or it was done to them."""
    facts = _facts(row.entry.facts)
    about = cast("dict[str, Any]", facts).get("user") if isinstance(facts, dict) else None
    return row.entry.actor in users or about in users


def _columns(row: "Row") -> dict[str, Any]:
    entry = row.entry._asdict() | {"facts": _facts(row.entry.facts)}
    bound = {"key_id": row.key_id, "previous": row.previous, "hash": row.hash}
    return {"number": row.number, **entry, **bound}


def _facts(text: str) -> Any:
    """Read facts; what is no JSON was not written by us, and is shown as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _line(row: "Row") -> str:
    from holdfast.server.printable import printable

    at, event, outcome, *rest, facts = row.entry
    names = ("actor", "session", "network", "request")
    said = " ".join(f"{name}={value}" for name, value in zip(names, rest, strict=True) if value)
    parts = (f"{row.number:>6}", at, event, outcome, said, facts)
    return printable(" ".join(part for part in parts if part))
