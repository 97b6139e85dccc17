"""The calls of one caller: every operation there is, chosen with a seed."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.testing.histories import Call, Kind, Reply, stamp
from holdfast.testing.histories.events import EVERYWHERE, monotonic

# How often each operation is chosen; only wild sessions are ended and put in place as a whole.
CALM: Final[Mapping[Kind, float]] = {
    "get": 8, "apply": 12, "increment": 2, "claim": 2, "append": 1.5, "items": 4,
    "pop_item": 1, "clear_items": 0.2, "touch": 1, "extend": 0.5, "exists": 1, "create": 0.5,
    "acquire": 2.5, "steal": 0.5, "renew": 1.5, "release": 1.5,
    "transact": 0.8, "get_or_create": 0.5, "get_batch": 0.3, "list": 0.03, "count": 0.3,
}  # fmt: skip
WILD: Final[Mapping[Kind, float]] = {**CALM, "delete": 2, "set": 1, "create": 3, "get_or_create": 2}
# What a near cache may answer with what was there a moment ago.
NEAR: Final = frozenset({"get_or_create", "get_batch"})
BATCH: Final = 5
# Leases end within a round, and before a worker that stands still goes on.
LEASE_SECONDS: Final = (0.003, 0.02, 0.1, 0.25)
# A change is sent again soon or not at all: a store may forget it after 256 others.
SENT_AGAIN_WITHIN: Final = 30_000_000
# The greater, the more of the calls go to the first sessions.
CROWDING: Final = 1.4


class Caller:
    """Chooses calls, and knows what it was answered: snapshots, leases, what to send again."""

    def __init__(
        self, name: str, *, session_ids: Sequence[str], seed: str, near: bool = False
    ) -> None:
        self.name = name
        self._near = near
        self._session_ids = session_ids
        self._dice = random.Random(f"{seed}/{name}")
        self._seen: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, str] = {}
        self._again: list[tuple[int, Call]] = []
        self._next: Call | None = None
        self._written = 0

    def call(self) -> Call:
        """Choose a call."""
        if self._next is not None:
            following, self._next = self._next, None
            return following
        if self._again and self._chance(0.6):
            sent, call = self._again.pop()
            if monotonic() - sent < SENT_AGAIN_WITHIN:
                return call
        session = self._session()
        weights = WILD if "wild" in session else CALM
        kind = self._dice.choices(list(weights), list(weights.values()))[0]
        if kind in {"renew", "release"} and session not in self._tokens:
            kind = "acquire"
        if kind in NEAR and self._near:
            kind = "get"
        if kind in {"list", "count", "get_batch"}:
            return Call(kind, EVERYWHERE, self._request(kind, session))
        call = Call(kind, session, self._request(kind, session))
        if call.request.get("change_id"):
            self._again.append((monotonic(), call))
        return call

    def learn(self, call: Call, reply: Reply) -> None:
        """Remember what an answer is good for."""
        if reply.outcome != "ok" or not reply.answer:
            return
        if call.kind in {"get", "create", "get_or_create"}:
            self._seen[call.session] = reply.answer
            if "wild" in call.session and self._chance(0.1):
                self._go_on(call.session, "set")
        elif call.kind in {"acquire", "steal"}:
            self._tokens[call.session] = reply.answer["token"]
            if self._chance(0.7):
                self._go_on(call.session, self._dice.choice(["apply", "renew", "release"]))

    def tenure(self) -> Call:
        """Choose a session to hold for a while, renewed until it is given back."""
        return Call("acquire", self._session(), {"ttl": 0.1, "wait": 0.01, "renewed": True})

    def change_under(self, session: str, token: str) -> Call:
        """Choose a change under a lease."""
        return Call("apply", session, {**self._change(session), "lease_token": token})

    def _go_on(self, session: str, kind: Kind) -> None:
        """Choose the next call for what was just answered, before it is out of date."""
        self._next = Call(kind, session, self._request(kind, session))

    def _session(self) -> str:
        return self._session_ids[int(len(self._session_ids) * self._dice.random() ** CROWDING)]

    def _chance(self, share: float) -> bool:
        return self._dice.random() < share

    def _stamp(self, session: str) -> dict[str, Any]:
        self._written += 1
        return stamp(session, by=self.name, number=self._written)

    def _stamps(self, session: str, most: int) -> list[dict[str, Any]]:
        return [self._stamp(session) for _ in range(self._dice.randint(1, most))]

    def _request(self, kind: Kind, session: str) -> dict[str, Any]:
        match kind:
            case "get_batch":
                chosen = {session, *(self._session() for _ in range(BATCH))}
                return {"sessions": sorted(chosen)}
            case "create" | "get_or_create":
                return {"integers": {"visits": self._dice.randint(0, 2)}, **self._values(session)}
            case "set":
                return self._whole(session)
            case "apply":
                return self._change(session) | self._conditions(session)
            case "increment":
                return self._increment(session)
            case "transact":
                name = self._dice.choice(["visits", "spending"])
                return {"name": name, "delta": self._dice.choice([1, 2]), **self._mood(session)}
            case "claim":
                return {"flag": self._dice.choice(["escalated", "closed"])}
            case "append":
                return {"items": self._stamps(session, 2)}
            case "items":
                return {"after": self._dice.choice([0, 0, 9]), "limit": self._dice.choice([5, 100])}
            case "delete" if session in self._seen and self._chance(0.5):
                # It may have ended since, and begun again: then this is not for the new one.
                return {"expect_incarnation": self._seen[session]["incarnation"]}
            case "extend":
                return {"ttl": 1000}
            case "acquire" | "steal" | "renew" | "release":
                return self._lease(kind, session)
            case _:
                return {}

    def _values(self, session: str) -> dict[str, Any]:
        return {"values": {"topic": self._stamp(session)}}

    def _mood(self, session: str) -> dict[str, Any]:
        return {"set": {"mood": self._stamp(session)}} if self._chance(0.5) else {}

    def _whole(self, session: str) -> dict[str, Any]:
        seen = self._seen.get(session)
        known = seen if seen and self._chance(0.7) else {"revision": 0, "incarnation": ""}
        integers = {"visits": self._dice.randint(0, 3)}
        expected = {name: known[name] for name in ("revision", "incarnation")}
        return {**expected, "integers": integers, **self._values(session)}

    def _change(self, session: str) -> dict[str, Any]:
        change: dict[str, Any] = {}
        if self._chance(0.8):
            change["set"] = {self._dice.choice(["topic", "mood"]): self._stamp(session)}
        elif self._chance(0.3):
            change["unset"] = ["mood"]
        if self._chance(0.3):
            change["add"] = {"visits": self._dice.choice([1, 1, 2])}
        if self._chance(0.3):
            change["append"] = self._stamps(session, 3)
        if "wild" in session and self._chance(0.1):
            change["put"] = {"escalated": 0}
        return change

    def _conditions(self, session: str) -> dict[str, Any]:
        conditions: dict[str, Any] = {}
        seen = self._seen.get(session)
        if seen and self._chance(0.15):
            conditions["expect_revision"] = seen["revision"]
            conditions["expect_incarnation"] = seen["incarnation"]
        if session in self._tokens and self._chance(0.3):
            conditions["lease_token"] = self._tokens[session]
        if self._chance(0.4):
            conditions["change_id"] = f"{self.name}-{self._dice.getrandbits(40)}"
        return conditions

    def _increment(self, session: str) -> dict[str, Any]:
        name = self._dice.choice(["visits", "spending"])
        delta = -1 if "wild" in session and self._chance(0.2) else self._dice.choice([1, 3])
        return {"name": name, "delta": delta, "at_most": self._dice.choice([40, 1_000_000])}

    def _lease(self, kind: Kind, session: str) -> dict[str, Any]:
        token = {"token": self._tokens.get(session, "")}
        ttl = {"ttl": self._dice.choice(LEASE_SECONDS)}
        match kind:
            case "acquire":
                return {**ttl, "wait": self._dice.choice([0, 0, 0.01])}
            case "steal":
                return ttl
            case "renew":
                return {**token, **ttl}
            case _:
                return token
