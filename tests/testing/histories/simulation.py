"""Histories of a store that keeps its promises, made by running one.

Callers take turns in simulated time. Every call takes effect at one moment between its beginning
and its end, on a real store in memory whose clock is moved to that moment; a call without an answer
takes effect at any later moment, or never. The checkers know nothing of that store.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from heapq import heappop, heappush
from itertools import count
from typing import Any, cast

from holdfast.backends.memory import MemoryBackend
from holdfast.errors import HoldfastError
from holdfast.keyring import Keyring
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.histories import Call, CheckedSession, Event, History, Reply, perform, stamp
from holdfast.testing.histories.events import EVERYWHERE, NEVER
from holdfast.testing.histories.recording import reply_of
from holdfast.testing.manual_clock import ManualClock

KEYS = Keyring([("first", sha256(b"first").digest())])
MILLISECOND = 1_000_000
START = 5_000 * MILLISECOND
MAX_ITEMS = 12


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What kind of history to make. Calm sessions live once and are never set back."""

    seed: int
    operations: int = 160
    callers: int = 5
    calm: tuple[str, ...] = ("calm",)
    wild: tuple[str, ...] = ("wild",)
    unanswered: float = 0.08


@dataclass
class Caller:
    """What one caller knows: by session, the last snapshot, its lease, what it may send again."""

    name: str
    seen: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    again: list[tuple[int, Call]] = field(default_factory=list[tuple[int, Call]])
    written: int = 0

    def stamp(self, session: str) -> dict[str, Any]:
        """Make a value that was never written before."""
        self.written += 1
        return stamp(session, by=self.name, number=self.written)


@dataclass
class Watch:
    """A watch of one session, and the step that it is at."""

    name: str
    session: str
    after: int = 0
    incarnation: str = ""
    begin: int = 0

    @property
    def call(self) -> Call:
        """Give the step as a call."""
        return Call("watch", self.session, {"watch": self.name, "after": self.after})


async def simulate(plan: Plan) -> History:
    """Make a history."""
    return await _Simulation(plan).run()


class _Simulation:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._clock = ManualClock()
        self._now = START
        self._names = count(1)
        self._numbers = count(1)
        self._order = count()
        self._agenda: list[tuple[int, int, Callable[[], Any]]] = []
        self._events: list[Event] = []
        self._waiting: list[Watch] = []

    async def run(self) -> History:
        backend = MemoryBackend(clock=self._clock.clock)
        terms = Terms(max_items=MAX_ITEMS)
        async with SessionStore(backend, model=CheckedSession, keys=KEYS, terms=terms) as store:
            self._store = store
            for session in (*self._plan.calm, *self._plan.wild):
                await self._alone(Call("create", session, {"values": {"topic": "none"}}))
            for _ in range(self._plan.callers):
                self._begin_soon(Caller(f"c{next(self._names)}"))
            for session in (*self._plan.calm, *self._plan.wild):
                self._watch_soon(Watch(f"c{next(self._names)}", session))
            await self._work()
            for session in (*self._plan.calm, *self._plan.wild):
                await self._alone(Call("get", session))
                await self._alone(Call("items", session))
            for kind in ("list", "count"):
                await self._alone(Call(cast("Any", kind), EVERYWHERE))
            await self._end_watches()
        return History(self._events)

    async def _work(self) -> None:
        while self._agenda:
            moment, _, work = heappop(self._agenda)
            self._move_to(moment)
            made = work()
            if made is not None:
                await made

    def _move_to(self, moment: int) -> None:
        self._clock.pass_by(moment // 1000 - self._now // 1000)
        self._now = moment

    def _at(self, moment: int, work: Callable[[], Any]) -> None:
        heappush(self._agenda, (moment, next(self._order), work))

    def _some(self, milliseconds: float) -> int:
        return 1 + int(self._random.expovariate(1 / milliseconds) * MILLISECOND)

    async def _alone(self, call: Call) -> None:
        """Make a call while nobody else makes one."""
        self._move_to(self._now + MILLISECOND)
        begin, reply = self._now, await self._perform(call)
        self._move_to(self._now + MILLISECOND)
        self._write("main", call, begin, self._now, reply)

    async def _perform(self, call: Call) -> Reply:
        try:
            return Reply("ok", await perform(self._store, call))
        except HoldfastError as exc:
            return reply_of(exc)

    def _write(self, caller: str, call: Call, begin: int, end: int, reply: Reply) -> None:
        self._events.append(
            Event(
                number=next(self._numbers),
                process="p1",
                caller=caller,
                kind=call.kind,
                session=call.session,
                request=call.request,
                begin=begin,
                end=end if reply.outcome != "unknown" else NEVER,
                outcome=reply.outcome,
                error=reply.error,
                answer=reply.answer,
            )
        )

    def _begin_soon(self, caller: Caller) -> None:
        self._at(self._now + self._some(0.5), lambda: self._begin(caller))

    def _begin(self, caller: Caller) -> None:
        if self._plan.operations <= 0 or len(self._events) >= self._plan.operations:
            return
        call = choose(self._random, self._plan, caller, self._now)
        begin = self._now
        if self._random.random() < self._plan.unanswered:
            self._lose(caller, call, begin)
            return
        moment = begin + self._some(1)
        end = moment + self._some(1)
        self._at(moment, lambda: self._answer(caller, call, begin, end))

    def _lose(self, caller: Caller, call: Call, begin: int) -> None:
        """Let a call go unanswered; it takes effect at some time, or never."""
        self._write(caller.name, call, begin, NEVER, Reply("unknown", error="StoreUnavailable"))
        if self._random.random() < 0.6:
            self._at(begin + self._some(4), lambda: self._perform(call))
        if call.request.get("change_id"):
            caller.again.append((begin, call))
        if self._random.random() < 0.3:
            caller = Caller(f"c{next(self._names)}")
        self._at(begin + self._some(2), lambda: self._begin(caller))

    # Watches: each step looks at the session now and then, until there is something to tell.

    def _watch_soon(self, watch: "Watch") -> None:
        self._at(self._now + self._some(3), lambda: self._begin_step(watch))

    def _begin_step(self, watch: "Watch") -> None:
        if len(self._events) < self._plan.operations:
            watch.begin = self._now
            self._waiting.append(watch)
            self._at(self._now + self._some(2), lambda: self._look(watch))

    async def _look(self, watch: "Watch") -> None:
        answer = await self._told(watch)
        if answer is not None:
            self._waiting.remove(watch)
            self._at(self._now + self._some(1), lambda: self._end_step(watch, answer))
        elif len(self._events) < self._plan.operations:
            self._at(self._now + self._some(2), lambda: self._look(watch))

    async def _told(self, watch: "Watch") -> dict[str, Any] | None:
        found = await self._store.get(watch.session)
        if found is None or found.incarnation != (watch.incarnation or found.incarnation):
            return {"ended": True}
        watch.incarnation = found.incarnation
        return {"revision": found.revision} if found.revision > watch.after else None

    def _end_step(self, watch: "Watch", answer: dict[str, Any]) -> None:
        self._write(watch.name, watch.call, watch.begin, self._now, Reply("ok", answer))
        if "ended" in answer:
            watch = Watch(f"c{next(self._names)}", watch.session)
        else:
            watch.after = answer["revision"]
        self._watch_soon(watch)

    async def _end_watches(self) -> None:
        """Have every watch told what there is to tell, and wait a while longer."""
        waited = self._now + MILLISECOND
        for watch in self._waiting:
            self._move_to(self._now + MILLISECOND)
            answer = await self._told(watch) or {"waiting": waited}
            self._write(watch.name, watch.call, watch.begin, self._now, Reply("ok", answer))

    async def _answer(self, caller: Caller, call: Call, begin: int, end: int) -> None:
        reply = await self._perform(call)
        self._at(end, lambda: self._end(caller, call, begin, reply))

    def _end(self, caller: Caller, call: Call, begin: int, reply: Reply) -> None:
        self._write(caller.name, call, begin, self._now, reply)
        if reply.outcome == "ok":
            learn(caller, call, begin, reply.answer)
        self._begin_soon(caller)


def learn(caller: Caller, call: Call, begin: int, answer: Any) -> None:
    """Let a caller know what it was answered."""
    match call.kind:
        case "get" | "create" if answer:
            caller.seen[call.session] = dict(answer)
        case "acquire" | "steal":
            caller.tokens[call.session] = answer["token"]
        case "apply" if call.request.get("change_id"):
            caller.again.append((begin, call))
        case _:
            pass


def choose(dice: random.Random, plan: Plan, caller: Caller, now: int) -> Call:
    """Choose what a caller does next."""
    return _Choice(dice, plan, caller, now).call()


class _Choice:
    """What a caller does next."""

    def __init__(self, dice: random.Random, plan: Plan, caller: Caller, now: int) -> None:
        self._now = now
        self._dice = dice
        self._caller = caller
        self._session = dice.choice((*plan.calm, *plan.wild))
        self._wild = self._session in plan.wild

    def call(self) -> Call:
        """Choose."""
        if self._caller.again and self._dice.random() < 0.5:
            began, call = self._caller.again.pop()
            # A store may forget a change after many others.
            if self._now - began < 20 * MILLISECOND:
                return call
        weights = {
            "get": 8, "apply": 8, "increment": 4, "claim": 1, "append": 3, "items": 4,
            "pop_item": 1, "clear_items": 0.3, "touch": 1, "extend": 0.5, "exists": 1, "create": 1,
            "acquire": 3, "steal": 0.7, "renew": 1.5, "release": 1.5,
            "transact": 2, "list": 0.7, "count": 1,
        } | ({"delete": 1.5, "set": 1.5, "create": 3} if self._wild else {})  # fmt: skip
        kind = self._dice.choices(list(weights), list(weights.values()))[0]
        if kind in {"list", "count"}:
            return Call(cast("Any", kind), EVERYWHERE)
        request: dict[str, Any] = getattr(self, f"_{kind}", dict)()
        if kind in {"renew", "release"} and not request["token"]:
            return Call("get", self._session)
        return Call(cast("Any", kind), self._session, request)

    def _stamp(self) -> dict[str, Any]:
        return self._caller.stamp(self._session)

    def _create(self) -> dict[str, Any]:
        return {
            "integers": {"visits": self._dice.randint(0, 2)},
            "values": {"topic": self._stamp()},
        }

    def _set(self) -> dict[str, Any]:
        snapshot = self._caller.seen.get(self._session, {"revision": 0, "incarnation": ""})
        revision = snapshot["revision"] if self._dice.random() < 0.7 else 0
        return {
            "revision": revision,
            "incarnation": snapshot["incarnation"] if revision else "",
            "integers": {"visits": self._dice.randint(0, 3)},
            "values": {"topic": self._stamp(), "mood": 12345678901234567},
        }

    def _apply(self) -> dict[str, Any]:
        request: dict[str, Any] = {}
        if self._dice.random() < 0.7:
            request["set"] = {self._dice.choice(["topic", "mood"]): self._stamp()}
        elif self._dice.random() < 0.3:
            request["unset"] = ["mood"]
        if self._dice.random() < 0.3:
            request["add"] = {"visits": self._dice.choice([1, 1, 2])}
        if self._dice.random() < 0.3:
            request["append"] = [self._stamp() for _ in range(self._dice.randint(1, 3))]
        if self._wild and self._dice.random() < 0.2:
            request["put"] = {"escalated": 0}
        return request | self._conditions()

    def _conditions(self) -> dict[str, Any]:
        request: dict[str, Any] = {}
        seen = self._caller.seen.get(self._session)
        if seen and self._dice.random() < 0.2:
            request["expect_revision"] = seen["revision"]
            request["expect_incarnation"] = seen["incarnation"]
        if self._session in self._caller.tokens and self._dice.random() < 0.7:
            request["lease_token"] = self._caller.tokens[self._session]
        if self._dice.random() < 0.4:
            request["change_id"] = f"{self._caller.name}-{self._dice.getrandbits(40)}"
        return request

    def _increment(self) -> dict[str, Any]:
        name = self._dice.choice(["visits", "spending"])
        delta = -1 if self._wild and self._dice.random() < 0.2 else self._dice.choice([1, 3])
        return {"name": name, "delta": delta, "at_most": 30}

    def _transact(self) -> dict[str, Any]:
        name = self._dice.choice(["visits", "spending"])
        return {"name": name, "delta": self._dice.choice([1, 2]), "set": {"mood": self._stamp()}}

    def _claim(self) -> dict[str, Any]:
        return {"flag": self._dice.choice(["escalated", "closed"])}

    def _append(self) -> dict[str, Any]:
        return {"items": [self._stamp() for _ in range(self._dice.randint(1, 2))]}

    def _items(self) -> dict[str, Any]:
        return {"after": self._dice.choice([0, 0, 3]), "limit": self._dice.choice([4, 100])}

    def _extend(self) -> dict[str, Any]:
        return {"ttl": 1000}

    def _acquire(self) -> dict[str, Any]:
        return {"ttl": self._dice.choice([0.005, 0.02, 0.1])}

    _steal = _acquire

    def _renew(self) -> dict[str, Any]:
        return {"token": self._caller.tokens.get(self._session, ""), "ttl": 0.02}

    def _release(self) -> dict[str, Any]:
        return {"token": self._caller.tokens.get(self._session, "")}
