"""What goes wrong in a round, when and to whom: decided by the seed."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from holdfast.testing.histories.events import monotonic
from holdfast.verification.load import LEASE_SECONDS
from holdfast.verification.plan import (
    OF_CUT_NETWORKS,
    OF_SERVERS,
    OF_SLOW_NETWORKS,
    Fault,
    Suffered,
)
from holdfast.verification.proxy import BOTH_WAYS, Proxy
from holdfast.verification.relaying import Way
from holdfast.verification.server import Server
from holdfast.verification.swarm import Crew
from holdfast.verification.together import together

# A fault of each kind comes about once in so many seconds, those that are over at once more often.
EVERY: Final = 2.0
EVERY_CUT: Final = 0.25
LONGEST_LEASE: Final = max(LEASE_SECONDS)
# How long each lasts, in seconds; all others are over at once.
LASTING: Final[Mapping[Fault, tuple[float, float]]] = {
    "pause": (1.5 * LONGEST_LEASE, 3 * LONGEST_LEASE),
    "block": (0.5 * LONGEST_LEASE, 1.5 * LONGEST_LEASE),
    "delay": (0.2, 0.8), "freeze": (0.1, 1.0), "trickle": (0.1, 0.4),
    "server-pause": (0.1, 0.7), "server-kill": (0.0, 0.3), "restart": (0.0, 0.3),
}  # fmt: skip
FROZEN: Final[Sequence[frozenset[Way]]] = (
    frozenset({"requests"}), frozenset({"answers"}), BOTH_WAYS,
)  # fmt: skip


@dataclass(frozen=True)
class Blow:
    """A fault to come: in how many seconds, to which place, for how long, and how bad (0 to 1)."""

    at: float
    fault: Fault
    place: int
    seconds: float = 0.0
    strength: float = 0.0


def schedule(faults: Sequence[Fault], *, seconds: float, places: int, seed: str) -> list[Blow]:
    """Decide on the faults of a round; those of one kind do not always come to everybody."""
    dice = random.Random(seed)
    blows = [
        _blow(dice, fault, seconds, places)
        for fault in faults
        for _ in range(max(1, round(seconds / _every(fault))))
    ]
    return sorted(blows, key=lambda blow: blow.at)


def _every(fault: Fault) -> float:
    return EVERY_CUT if fault in OF_CUT_NETWORKS else EVERY


def _blow(dice: random.Random, fault: Fault, seconds: float, places: int) -> Blow:
    at, place = dice.uniform(0.05, 0.7) * seconds, dice.randrange(places)
    lasts = dice.uniform(*LASTING[fault]) if fault in LASTING else 0.0
    return Blow(at, fault, places if fault in OF_SERVERS else place, lasts, dice.random())


def blocks(blows: Sequence[Blow], place: int) -> list[tuple[float, float]]:
    """Give what a worker does to itself."""
    return [
        (blow.at, blow.seconds) for blow in blows if blow.fault == "block" and blow.place == place
    ]


@dataclass(frozen=True)
class Nemesis:
    """Does what comes from outside: to workers, to the proxy of each, and to the server."""

    crew: Crew
    proxies: Sequence[Proxy] = ()
    server: Server | None = None

    async def strike(self, blows: Sequence[Blow]) -> list[Suffered]:
        """Do what comes from outside, each at its time.

        A server, or a worker that stands still, suffers one thing after the other.
        """
        places = defaultdict[int, asyncio.Lock](asyncio.Lock)
        strokes = [self._stroke(blow, places[blow.place]) for blow in blows]
        struck: Sequence[Suffered | None] = await together(*strokes)
        return [suffered for suffered in struck if suffered is not None]

    async def _stroke(self, blow: Blow, place: asyncio.Lock) -> Suffered | None:
        """Strike once; None when there was nobody to be struck."""
        await asyncio.sleep(blow.at)
        async with place if blow.fault in ("pause", *OF_SERVERS) else nullcontext():
            began = monotonic()
            server = blow.fault in OF_SERVERS
            struck = await (self._strike_server(blow) if server else self._strike(blow))
        return Suffered(blow.fault, blow.place, began, monotonic()) if struck else None

    async def _strike(self, blow: Blow) -> bool:
        match blow.fault:
            case "kill":
                return self.crew.kill(blow.place)
            case "pause":
                struck = self.crew.stop(blow.place)
                await asyncio.sleep(blow.seconds)
                self.crew.go_on(blow.place)
                return struck
            case "block" | "cancel":
                # Workers do these to themselves.
                return False
            case _:
                return bool(self.proxies) and await _disturb(self.proxies[blow.place], blow)

    async def _strike_server(self, blow: Blow) -> bool:
        if self.server is None:
            return False
        match blow.fault:
            case "server-pause":
                await self.server.pause(blow.seconds)
            case "server-kill":
                await self.server.kill(blow.seconds)
            case _:
                await self.server.restart(blow.seconds)
        return True


async def _disturb(proxy: Proxy, blow: Blow) -> bool:
    if blow.fault in OF_SLOW_NETWORKS:
        with _weather(proxy, blow):
            await asyncio.sleep(blow.seconds)
        return True
    match blow.fault:
        case "half" | "swallow" | "garbage":
            return proxy.trick(blow.fault)
        case _:
            return proxy.cut(reset=blow.strength < 0.5)


def _weather(proxy: Proxy, blow: Blow) -> AbstractContextManager[None]:
    match blow.fault:
        case "delay":
            return proxy.delayed(0.1 * blow.strength, jitter=0.05 * blow.strength)
        case "trickle":
            return proxy.trickling()
        case _:
            return proxy.frozen(FROZEN[int(blow.strength * len(FROZEN))])
