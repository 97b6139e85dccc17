"""`holdfast users`: who can sign in."""

import asyncio
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from holdfast.cli.commands import Commands, answered_for, complain
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.server.database import Database
    from holdfast.server.settings import Settings
    from holdfast.server.users import User, Users

ROLES = ("staff", "admin")


class Opened(NamedTuple):
    """The users of the settings."""

    settings: "Settings"
    database: "Database"
    users: "Users"


class Done(NamedTuple):
    """What was done to a user; with `ending`, whoever is signed in as them is signed out."""

    event: str
    user: "User"
    ending: bool = False


class Outcome(NamedTuple):
    """What an action did, and the exit code for what it could not do."""

    done: tuple[Done, ...] = ()
    code: int = 0


Action = Callable[[Opened, Namespace], Awaitable[Outcome]]


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("users", help="add, list, disable and remove users")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, meaning in (
        ("add", _add, "add a user"),
        ("list", _list, "list users: name, roles, creation"),
        ("disable", _disable, "let a user sign in no more, and sign them out"),
        ("enable", _enable, "let a user sign in again who is disabled or locked"),
        ("password", _password, "give a user another password, and sign them out"),
        ("remove", _remove, "remove a user, and sign them out"),
        ("import", _import, "add the users of an older users file"),
    ):
        action = actions.add_parser(name, help=meaning)
        _add_options(action, name)
        action.add_argument("--data-dir", type=Path, help="the data folder (./data)")
        action.add_argument("--store", metavar="URL", help="the store (that of the settings)")
        action.set_defaults(run=_with_users(run))


def _add_options(action: ArgumentParser, name: str) -> None:
    if name == "import":
        action.add_argument("file", type=Path, metavar="FILE", help="JSON, or lines of name:hash")
        action.add_argument(
            "--group", type=_group, action="append", default=[], metavar="GROUP=ROLE",
            help="which role a group of the file becomes (may be repeated)",
        )  # fmt: skip
    elif name != "list":
        action.add_argument("name", metavar="NAME")
    if name == "add":
        action.add_argument(
            "--role", action="append", required=True, choices=ROLES, help="may be repeated"
        )
    if name in {"add", "password"}:
        action.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )


def _group(text: str) -> tuple[str, str]:
    group, _, role = text.partition("=")
    if not group or role not in ROLES:
        raise ArgumentTypeError(f"must be GROUP=ROLE, with one of the roles {', '.join(ROLES)}")
    return group.lower(), role


def _with_users(action: Action) -> Callable[[Namespace], int]:
    """Open the users of the settings for an action, and do what follows from it."""

    async def run(options: Namespace) -> int:
        async with _opened(options) as opened:
            done, code = await action(opened, options)
            return (await _follow_up(opened, done) if done else 0) or code

    return answered_for(run)


@asynccontextmanager
async def _opened(options: Namespace) -> AsyncGenerator[Opened]:
    from holdfast.server.database import open_database
    from holdfast.server.settings import Settings
    from holdfast.server.users import Hasher, Users

    settings = Settings.load(data_dir=options.data_dir, store=options.store)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with open_database(settings.application_database) as database:
        with closing(Hasher()) as hasher:
            yield Opened(settings, database, Users(database, hasher))


async def _follow_up(opened: Opened, done: tuple[Done, ...]) -> int:
    """Sign users out, and put what was done on the trail; the users are changed already."""
    from holdfast.opening import open_store
    from holdfast.server.audit import open_trail
    from holdfast.server.auth.logins import Logins
    from holdfast.server.keys import load_keys
    from holdfast.server.model import ServiceSession

    settings = opened.settings
    keys = load_keys(settings)
    opening = open_store(
        settings.store_url, model=ServiceSession, keys=keys, namespace=settings.namespace
    )
    try:
        async with opening as store, open_trail(opened.database, store, keys) as trail:
            logins = Logins.beside(store, keys, terms=settings.login_terms)
            for event, user, ending in done:
                ended = await logins.end_all(user.user_id) if ending else 0
                named = trail.pseudonym(user.user_id)
                await trail.record(event, user=named, by="command line", ended=ended)
    except HoldfastError as exc:
        return complain(f"It is done, but sign-ins and the trail could not be reached: {exc}")
    if settings.in_memory and any(entry.ending for entry in done):
        complain("With memory:// a running service has to be started again to sign them out.")
    return 0


async def _add(opened: Opened, options: Namespace) -> Outcome:
    user = await opened.users.add(options.name, _read_password(options), roles=options.role)
    print(f"added {user.name}")
    return Outcome((Done("user.added", user),))


async def _list(opened: Opened, _: Namespace) -> Outcome:
    after, locked = "", await opened.users.locked()
    while users := await opened.users.list(after=after):
        for user in users:
            roles = ",".join(sorted(user.roles))
            state = "disabled" if user.disabled else "locked" * (user.user_id in locked)
            line = f"{user.name:<30}  {roles:<12}  {user.created_at:%Y-%m-%d %H:%M}  {state}"
            print(line.rstrip())
        after = users[-1].name
    return Outcome()


async def _disable(opened: Opened, options: Namespace) -> Outcome:
    user = await opened.users.disable((await _found(opened, options)).user_id)
    print(f"disabled {user.name}")
    return Outcome((Done("user.disabled", user, ending=True),))


async def _enable(opened: Opened, options: Namespace) -> Outcome:
    user = await opened.users.enable((await _found(opened, options)).user_id)
    print(f"enabled {user.name}")
    return Outcome((Done("user.enabled", user),))


async def _password(opened: Opened, options: Namespace) -> Outcome:
    user = await _found(opened, options)
    await opened.users.set_password(user.user_id, _read_password(options))
    print(f"changed the password of {user.name}")
    return Outcome((Done("password.changed", user, ending=True),))


async def _remove(opened: Opened, options: Namespace) -> Outcome:
    user = await _found(opened, options)
    # Until their sign-ins have ended the user stays, disabled: who is gone cannot be named again.
    await opened.users.disable(user.user_id)
    if await _follow_up(opened, (Done("user.removed", user, ending=True),)):
        print(f"disabled {user.name}")
        return Outcome(code=complain("Remove them again when they can be signed out."))
    await opened.users.remove(user.user_id)
    print(f"removed {user.name}")
    return Outcome()


async def _import(opened: Opened, options: Namespace) -> Outcome:
    from holdfast.server.users.importing import GROUPS, import_users

    content: bytes = await asyncio.to_thread(options.file.read_bytes)
    groups = {**GROUPS, **dict(options.group)}
    told = await import_users(opened.database, opened.users, content, groups=groups)
    for entry in told:
        print(f"{entry.outcome:<8}  {entry.name}  {entry.reason}".rstrip())
    added = [entry.name for entry in told if entry.outcome == "added"]
    found = [await opened.users.find(name) for name in added]
    done = tuple(Done("user.imported", user) for user in found if user is not None)
    refused = any(entry.outcome == "refused" for entry in told)
    return Outcome(done, complain("Those refused were not added.") if refused else 0)


async def _found(opened: Opened, options: Namespace) -> "User":
    from holdfast.server.users import UserNotFound

    user = await opened.users.find(options.name)
    if user is None:
        raise UserNotFound(options.name)
    return user


def _read_password(options: Namespace) -> str:
    """Read it from standard input, or ask for it twice.

    Raises:
        ValueError: nobody is there to ask, or the two differ.
    """
    if options.password_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise ValueError("Nobody can be asked for the password here: use --password-stdin.")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise ValueError("The two passwords differ; nothing was changed.")
    return password
