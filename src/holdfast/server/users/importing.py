"""Users files of older services: names, hashes of bcrypt, and groups that become roles.

Two forms are read. JSON: a list of users or an object of them by name, alone or under "users"; each
has `password_hash` (or `hashed_password`, `hash`, `password`) and `groups` (or `roles`), and may be
`disabled`. Lines: `name:hash[:group,group]`, as `htpasswd -B` writes them.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.server.database.database import Database
from holdfast.server.users.errors import InvalidUser, UserExists
from holdfast.server.users.hashing import is_old
from holdfast.server.users.user import normal_name
from holdfast.server.users.users import Users

GROUPS: Final[Mapping[str, str]] = {
    "admin": "admin",
    "admins": "admin",
    "administrator": "admin",
    "administrators": "admin",
    "staff": "staff",
    "agents": "staff",
    "operators": "staff",
    "support": "staff",
}


class Entry(BaseModel):
    """One user as the file has them."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    name: str = Field("", validation_alias=AliasChoices("username", "name", "user"))
    hashed: str = Field(
        "", validation_alias=AliasChoices("password_hash", "hashed_password", "hash", "password")
    )
    groups: tuple[str, ...] = Field((), validation_alias=AliasChoices("groups", "roles"))
    disabled: bool = False
    active: bool = True


class Wrapped(BaseModel):
    """A file that holds its users under a name."""

    model_config = ConfigDict(extra="forbid")

    users: list[Entry] | dict[str, Entry]


Document = Wrapped | list[Entry] | dict[str, Entry]
_DOCUMENT: Final[TypeAdapter[Document]] = TypeAdapter(Document)


class Imported(NamedTuple):
    """What became of an entry; `reason` is there where it was refused."""

    name: str
    outcome: Literal["added", "exists", "refused"]
    reason: str = ""


async def import_users(
    database: Database, users: Users, content: bytes, *, groups: Mapping[str, str] = GROUPS
) -> list[Imported]:
    """Add the users of a file; those whose name is taken stay as they are.

    `groups` says which role a group becomes. A user none of whose groups becomes one is refused.

    Raises:
        InvalidUser: the file as a whole cannot be read; nobody was added.
    """
    entries = read_entries(content)
    async with database.writing() as connection:
        return [await _import(connection, users, entry, groups) for entry in entries]


def read_entries(content: bytes) -> list[Entry]:
    """Read a users file of either form.

    Raises:
        InvalidUser: it is neither.
    """
    try:
        text = content.decode("utf-8-sig")
        if text.lstrip().startswith(("{", "[")):
            return _of_document(_DOCUMENT.validate_json(text))
    except (UnicodeDecodeError, ValidationError) as exc:
        raise InvalidUser(
            "file", f"must be JSON of users, or lines of name:hash; {_why(exc)}"
        ) from exc
    lines = (line.strip() for line in text.splitlines())
    return [_of_line(line) for line in lines if line and not line.startswith("#")]


def _why(error: UnicodeDecodeError | ValidationError) -> str:
    """Say what is wrong without what stands there: it may be a password."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8"
    last = error.errors(include_url=False, include_input=False)[-1]
    return f"{'.'.join(map(str, last['loc']))}: {last['msg']}"


def _of_document(document: Document) -> list[Entry]:
    found = document.users if isinstance(document, Wrapped) else document
    if isinstance(found, list):
        return found
    return [entry.model_copy(update={"name": name}) for name, entry in found.items()]


def _of_line(line: str) -> Entry:
    name, _, rest = line.partition(":")
    hashed, _, groups = rest.partition(":")
    listed = tuple(group.strip() for group in groups.split(",") if group.strip())
    return Entry(name=name, hashed=hashed, groups=listed)


async def _import(
    connection: AsyncConnection, users: Users, entry: Entry, groups: Mapping[str, str]
) -> Imported:
    disabled = entry.disabled or not entry.active
    try:
        name, roles = _checked(entry, groups)
        await users.add_hashed(connection, name, entry.hashed, roles=roles, disabled=disabled)
    except UserExists as exc:
        return Imported(exc.name, "exists")
    except InvalidUser as exc:
        return Imported(repr(entry.name), "refused", str(exc))
    return Imported(name, "added")


def _checked(entry: Entry, groups: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    name = normal_name(entry.name)
    if not is_old(entry.hashed):
        raise InvalidUser("password_hash", "must be a hash of bcrypt, of 4 to 16 rounds")
    roles = frozenset(groups[group.lower()] for group in entry.groups if group.lower() in groups)
    if not roles:
        named = ", ".join(map(repr, entry.groups)) or "none"
        raise InvalidUser("groups", f"none of them is a role here ({named}); say which it is")
    return name, roles
