"""Protocols between this program and a server that are broken on purpose, each in one way.

`put_in` puts the broken part where the sound one is; `docs/verification.md` lists them all. The
part may be a Lua script with one line altered, or a class of the library.
"""

import asyncio
import secrets
from hashlib import sha1
from typing import Any, ClassVar

import pytest

from holdfast.backend import Acquire, Apply, Found, Operation, Outcome, Read
from holdfast.backends import rules
from holdfast.backends.redis import backend as redis_backend
from holdfast.backends.redis import changing, leasing, living, node
from holdfast.backends.redis.backend import RedisBackend
from holdfast.backends.redis.changing import Changing
from holdfast.backends.redis.connection import Connection
from holdfast.backends.redis.leasing import Leasing
from holdfast.backends.redis.listening import Listening
from holdfast.backends.redis.scripts import Script, script
from holdfast.errors import StoreUnavailable
from holdfast.near_cache import NearCache, Ticket
from holdfast.retrying import Resilient

Patch = pytest.MonkeyPatch


class BrokenScript:
    """A script in which one line is another."""

    name: ClassVar[str]
    right: ClassVar[str]
    wrong: ClassVar[str]

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        """Have it loaded instead of the sound one."""
        sound = script(cls.name)
        source = sound.source.decode()
        assert source.count(cls.right) == 1, "The script is not what it was"
        broken = source.replace(cls.right, cls.wrong).encode()
        loaded = Script(cls.name, broken, _digest(broken))

        def chosen(name: str) -> Script:
            return loaded if name == cls.name else script(name)

        for module in (changing, leasing, living):
            patch.setattr(module, "script", chosen)


def _digest(source: bytes) -> bytes:
    return sha1(source, usedforsecurity=False).hexdigest().encode()


class LendsToAStranger(BrokenScript):
    """Acquiring again is not recognised: a repeated acquire finds the session held, by itself."""

    name = "acquire"
    right = "if steal or (left > 0 and holder == token) then"
    wrong = "if steal then"


class TakesAnyToken(BrokenScript):
    """A lease is given back without its token."""

    name = "release"
    right = "if lease and token ~= '' and lease:sub(25) == token then"
    wrong = "if lease and token ~= '' then"


class WakesNobody(BrokenScript):
    """A release tells nobody in line."""

    name = "release"
    right = "if held == 1 or place then"
    wrong = "if false then"


class GuessesWhatItForgot(BrokenScript):
    """A repetition is applied though the session does not remember that far back."""

    name = "apply"
    right = "if earlier or known_revision < floor then"
    wrong = "if false then"


class AppliesToTheNextLife(BrokenScript):
    """A repetition is applied to the session that came after the one it was applied to."""

    name = "apply"
    right = "if earlier or known_revision < floor then"
    wrong = "if known_revision < floor then"


class BringsBackWhatEnded(BrokenScript):
    """A repeated create makes the session again that was deleted in between."""

    name = "create"
    right = "if ended then"
    wrong = "if false then"


class DeletesTwice(BrokenScript):
    """A repeated deletion ends what has come into being since."""

    name = "delete"
    right = "if change ~= '' and call('HEXISTS', KEYS[10], change) == 1 then"
    wrong = "if false then"


class RemembersNoChange(Changing):
    """Change ids are not stored, so that a repetition is a second change."""

    async def apply(self, operation: Apply) -> Outcome:
        return await super().apply(operation._replace(remember=False, change_id=""))

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr(redis_backend, "Changing", cls)


class RepeatsUnderANewId(Resilient):
    """What may have been applied is sent again as if it were something new."""

    async def _again(
        self, operation: Operation, failure: StoreUnavailable, attempts: int
    ) -> Operation:
        again = await super()._again(operation, failure, attempts)
        if isinstance(again, Apply) and again.repeated:
            again = again._replace(change_id=secrets.token_hex(16), repeated=False)
        return again

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr("holdfast.opening.Resilient", cls)


class BelievesTheLastRefusal(Resilient):
    """When the first attempt was lost and the last one refused, it says that nothing happened."""

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        def later(earlier: StoreUnavailable, last: StoreUnavailable) -> StoreUnavailable:
            return last

        patch.setattr("holdfast.retrying._either", later)


class ReadsThenWrites(RedisBackend):
    """Reads a session, decides here, and writes what it has worked out: GET and SET, no script."""

    async def execute(self, operation: Operation) -> Outcome:
        if not isinstance(operation, Apply) or operation.replace:
            return await super().execute(operation)
        found = await super().execute(Read(operation.key))
        if not isinstance(found, Found) or operation.lease_token is not None:
            return await super().execute(operation)
        if refused := rules.refuse(found.record, operation):
            return refused
        before = found.record.integers
        sums = {add.name: before.get(add.name, 0) + add.delta for add in operation.add}
        put = {**operation.put, **sums, **dict.fromkeys(operation.claim, 1)}
        unconditional = operation._replace(
            put=put, add=(), claim=(), expect_revision=None, expect_incarnation=None
        )
        return await super().execute(unconditional)

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr("holdfast.backends.redis.RedisBackend", cls)


class LeasesByItsOwnClock(Leasing):
    """The end of a lease is reckoned by a client whose clock is a tenth of a second behind."""

    async def acquire(self, operation: Acquire) -> Any:
        return await super().acquire(operation._replace(ttl=max(operation.ttl - 100_000, 1000)))

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr(redis_backend, "Leasing", cls)


class AnyNonce(bytes):
    """A nonce that every answer has."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = bytes.__hash__


class ComparesNoNonce(Connection):
    """Takes whatever comes for the answer to what was asked."""

    def send(self, command: Any, future: Any = None) -> Any:
        return super().send(command._replace(nonce=AnyNonce(command.nonce)), future)

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr(node, "Connection", cls)


class ForgetsTheCancelled(Connection):
    """Expects no answer for who was cancelled, and goes on with the connection."""

    def _hand_out(self) -> None:
        waiting = [entry for entry in self._in_flight if not entry[0].cancelled()]
        self._in_flight.clear()
        self._in_flight.extend(waiting)
        super()._hand_out()

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr(node, "Connection", cls)


class ListensAfterReading(Listening):
    """Asks to be told of moves a little after the caller has read: a lost wake-up."""

    def _track(self, name: str) -> None:
        asyncio.get_running_loop().call_later(0.1, super()._track, name)

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr("holdfast.backends.redis.pushes.Listening", cls)


class FillsAfterInvalidation(NearCache[Any]):
    """Keeps what a read has answered although the session has moved since it was sent."""

    def fill(self, ticket: Ticket, snapshot: Any, *, expires: int) -> None:
        self._tickets[ticket.session_id] = ticket
        super().fill(ticket, snapshot, expires=expires)

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr("tests.backends.redis.test_pushes_near.NearCache", cls)


class KeepsWhatALostConnectionPromised(NearCache[Any]):
    """Goes on with what was near when the connection that would have told of moves was lost."""

    def flush(self) -> None:
        return

    @classmethod
    def put_in(cls, patch: Patch) -> None:
        patch.setattr("tests.backends.redis.test_pushes_near.NearCache", cls)
