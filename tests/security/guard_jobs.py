"""Jobs of several processes on one store: tries of a password, takes from a limit."""

import asyncio
import time
from contextlib import closing
from typing import Final, NamedTuple

from holdfast import open_store
from holdfast.limits import Rate, RateLimit
from holdfast.server.auth.socket_tickets import SocketTickets
from holdfast.server.auth.throttle import Throttle
from holdfast.server.database import open_database
from holdfast.server.users import Hasher, Users
from holdfast.server.users.hashing import Cost
from tests.security.processes import Work

ATTACKER = "203.0.113.0/24"
OWNER = "198.51.100.0/24"
QUICK: Final = Cost(memory_kib=64, passes=1, lanes=1)


async def guess(work: Work) -> int:
    """Try a hundred wrong passwords at once, and say how many came to be hashed.

    `told` is the device cookie that is shown, if any, and how many networks the tries come from.
    """
    cookie, networks = work.told
    async with open_store(work.url, keys=work.keyring) as store:
        throttle = Throttle(store, work.keyring, limit=5)
        await throttle.waiting.count_active()
        await work.meet()
        tries = (
            throttle.admit("owner", f"{ATTACKER}{number % networks}", cookie)
            for number in range(100)
        )
        return sum(admission.allowed for admission in await asyncio.gather(*tries))


async def take(work: Work) -> int:
    """Take from one limit as often as `told` says at once; say how often it was allowed."""
    name, burst, calls = work.told
    async with open_store(work.url, keys=work.keyring, deadline=60) as store:
        limit = RateLimit(store.backend, name, Rate(1, 3600, burst), key=work.keyring.primary)
        await limit.look("caller")
        await work.meet()
        taken = await asyncio.gather(*(limit.take("caller") for _ in range(calls)))
        return sum(one.allowed for one in taken)


class Looking(Hasher):
    """A hasher that counts the passwords of users that it looks at."""

    def __init__(self) -> None:
        super().__init__(QUICK, threads=1, line=1000)
        self.looked_at = 0

    async def verify(self, known: str | None, password: bytes, *, old_rounds: int | None) -> bool:
        self.looked_at += known is not None
        return await super().verify(known, password, old_rounds=old_rounds)


async def fail(work: Work) -> int:
    """Try a hundred wrong passwords of one user at once; say how many were looked at.

    `told` is the user's name, and whether they come from devices that the user knows.
    """
    name, known = work.told
    async with open_database(work.url) as database:
        with closing(Looking()) as hasher:
            users = Users(database, hasher)
            await users.find(name)
            await work.meet()
            tries = (users.check(name, f"{number}", known_device=known) for number in range(100))
            assert await asyncio.gather(*tries) == [None] * 100
            return hasher.looked_at


class Pressed(NamedTuple):
    """How often a limit let somebody pass, and between which moments."""

    passed: int
    began: float
    ended: float


async def press(work: Work) -> Pressed:
    """Take from one limit without a pause for so many seconds."""
    name, rate, seconds = work.told
    async with open_store(work.url, keys=work.keyring) as store:
        limit = RateLimit(store.backend, name, rate, key=work.keyring.primary)
        await limit.look("caller")
        await work.meet()
        began, passed = time.monotonic(), 0
        while time.monotonic() < began + seconds:
            taken = await asyncio.gather(*(limit.take("caller") for _ in range(20)))
            passed += sum(one.allowed for one in taken)
        return Pressed(passed, began, time.monotonic())


async def redeem(work: Work) -> list[int]:
    """Show each ticket of `told` fifty times at once; say how often each opened something."""
    async with open_store(work.url, keys=work.keyring) as store:
        tickets = SocketTickets(store, work.keyring)
        await tickets.store.count_active()
        await work.meet()
        opened: list[int] = []
        for ticket in work.told:
            answers = await asyncio.gather(
                *(tickets.redeem(ticket, origin=None) for _ in range(50))
            )
            opened.append(sum(answer is not None for answer in answers))
        return opened
