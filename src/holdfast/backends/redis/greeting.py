"""The first words on a connection: protocol, password, name, database, tracking."""

import asyncio
import re
from typing import Final, NamedTuple

from holdfast.backends.redis.connection import Connection
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Settings
from holdfast.backends.redis.refusals import FAULT, refusal_of, unavailable
from holdfast.backends.redis.resp import encode
from holdfast.errors import InvalidStore

OLDEST: Final = (7, 0)
DENIED: Final = {
    "WRONGPASS": "it refuses user or password",
    "NOAUTH": "it asks for a password",
    "NOPERM": "it does not let this user say HELLO",
}


class Greeting(NamedTuple):
    """What a server says of itself; `role` is `master`, `replica`, or nothing of a Sentinel."""

    server: str
    version: str
    role: str
    mode: str


async def greet(connection: Connection, settings: Settings, location: str) -> Greeting:
    """Introduce ourselves, and see who answers.

    Raises:
        InvalidStore: it is too old, or refuses user, password or what a store needs.
        StoreUnavailable: it cannot answer now.
    """
    answers = [connection.send(Command(words)) for words in _words(settings)]
    try:
        replies = await asyncio.gather(*answers, return_exceptions=True)
    finally:
        for answer in answers:
            answer.cancel()
    if isinstance(replies[0], Refused):
        raise _unwelcome(replies[0], location)
    for reply in replies:
        if isinstance(reply, Refused):
            raise _denied(reply, location)
        if isinstance(reply, BaseException):
            raise reply
    return _checked(replies[0], location)


def _words(settings: Settings) -> list[bytes]:
    hello = [b"HELLO", b"3"]
    if settings.user or settings.password:
        hello += [b"AUTH", (settings.user or "default").encode(), settings.password.encode()]
    if settings.client_name:
        hello += [b"SETNAME", settings.client_name.encode()]
    words = [encode(*hello)]
    if settings.database:
        words.append(encode(b"SELECT", b"%d" % settings.database))
    if settings.tracking:
        words.append(encode(b"CLIENT", b"TRACKING", b"ON", b"OPTIN"))
    return words


def _unwelcome(refused: Refused, location: str) -> Exception:
    """Say why `HELLO` was refused, not in the server's words: they can repeat the password."""
    if refused.code in DENIED:
        return InvalidStore(location, DENIED[refused.code])
    if refusal_of(refused) is not FAULT:
        return unavailable(refused)
    return InvalidStore(location, f"it does not speak RESP3 ({refused.code}); 7.0 is needed")


def _denied(refused: Refused, location: str) -> Exception:
    if refusal_of(refused) is not FAULT:
        return unavailable(refused)
    return InvalidStore(location, f"it answered {refused}")


def _checked(hello: Reply, location: str) -> Greeting:
    facts = {bytes(name): value for name, value in hello.items()}
    facts.setdefault(b"role", b"")
    greeting = Greeting(*(facts[key].decode() for key in (b"server", b"version", b"role", b"mode")))
    numbers = re.match(r"(\d+)\.(\d+)", greeting.version)
    found = tuple(map(int, numbers.groups())) if numbers else OLDEST
    if greeting.server == "redis" and found < OLDEST:
        raise InvalidStore(location, f"it is Redis {greeting.version}, and 7.0 is needed")
    return greeting
