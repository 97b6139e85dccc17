"""What a session is: a small pure model, to ask of each answer whether it could be given.

A step takes a state and an act to the next state, or to None where the answer given is impossible
there. The same object comes back when nothing changes. What a store is free to choose (an
incarnation, a fence, a token) is taken from the answer; where no answer came, a placeholder stands
for it, and the first answer that shows it fills it in.

Not modelled: deadlines (sessions in a history live longer than it), sizes, and that a store may
forget change ids after the last 256.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from holdfast.testing.histories.acts import Act, Effect, Sight, nonzero
from holdfast.testing.histories.events import NEVER

# A holder counts its lease as lost a little before its time is over.
EARLY: Final = 0.97
# Stores keep lease times in microseconds, or in milliseconds.
ROUNDING: Final = 1_000_000
SECOND: Final = 1_000_000_000


class Made(NamedTuple):
    """The first answer to a change that came with an id."""

    content: str
    revision: int
    integers: Mapping[str, int]
    first_item: int | None
    last_item: int

    def key(self) -> tuple[object, ...]:
        """Give something hashable that is equal for equal answers."""
        integers = frozenset(self.integers.items())
        return self.content, self.revision, integers, self.first_item, self.last_item


class Lease(NamedTuple):
    """Who holds the session: surely until one time, possibly until another."""

    token: str = ""
    surely: int = 0
    possibly: int = 0
    fence: int = 0


class State(NamedTuple):
    """A session between two operations; at revision 0 there is none."""

    incarnation: str = ""
    revision: int = 0
    integers: Mapping[str, int] = {}
    values: Mapping[str, str] = {}
    log: tuple[tuple[int, str], ...] = ()
    last_item: int = 0
    made: Mapping[str, Made] = {}
    lease: Lease = Lease()

    def key(self) -> tuple[object, ...]:
        """Give something hashable that is equal for equal states."""
        return (
            self.incarnation,
            self.revision,
            frozenset(self.integers.items()),
            frozenset(self.values.items()),
            self.log,
            self.last_item,
            frozenset((change_id, made.key()) for change_id, made in self.made.items()),
            self.lease,
        )


def step(state: State, act: Act, *, latest: int, max_items: int) -> State | None:
    """Let an operation take effect, not later than `latest`; None when its answer is impossible."""
    if act.error:
        return state if _may_be_refused(state, act, latest) else None
    if state.revision == 0:
        return _on_nothing(state, act)
    if act.moves and act.effect is not None:
        return _changed(state, act, act.effect, max_items)
    return _ON_SESSION[act.kind](state, act, latest)


def refusal(state: State, act: Act) -> str:
    """Name the error that a store must answer with; "" when there is no objection."""
    if state.revision == 0:
        return "" if act.creates or act.kind in _ANSWERED_OF_NOTHING else "SessionNotFound"
    if act.creates:
        return "SessionExists" if act.kind == "create" else "RevisionConflict"
    if act.kind == "renew":
        return "" if _holds(state.lease, act.event.request["token"], act) else "LeaseLost"
    if act.kind == "delete":
        request = act.event.request
        expected = request.get("expect_incarnation"), request.get("expect_revision")
        return "" if _agrees(state, *expected) else "RevisionConflict"
    return _objection(state, act, act.effect) if act.effect else ""


def _objection(state: State, act: Act, effect: Effect) -> str:
    known = state.made.get(effect.change_id) if effect.change_id else None
    if known is not None:
        return "" if known.content == effect.content else "InvalidSession"
    if effect.lease_token is not None and not _holds(state.lease, effect.lease_token, act):
        return "LeaseLost"
    if not _agrees(state, effect.expect_incarnation, effect.expect_revision):
        return "RevisionConflict"
    if any(over_limit(state, effect, name) is not None for name in effect.add):
        return "LimitReached"
    if any(state.integers.get(flag) for flag in effect.claim):
        return "FlagTaken"
    return ""


def over_limit(state: State, effect: Effect, name: str) -> tuple[int, int] | None:
    """Give the value of a counter and the bound that it would cross; None when it crosses none."""
    value, delta = state.integers.get(name, 0), effect.add[name]
    if value + delta < 0:
        return value, 0
    limit = effect.at_most.get(name)
    crosses = limit is not None and delta > 0 and value + delta > limit
    return (value, limit) if limit is not None and crosses else None


def _may_be_refused(state: State, act: Act, latest: int) -> bool:
    if act.error in _ALWAYS_ALLOWED or (act.error, act.kind) in _FOR_REASONS_UNSEEN:
        return True
    if act.error == "LeaseLost" and _token(act):
        if not state.revision:
            # A holder that is told of the end of the session refuses by itself.
            return True
        if _lease_may_be_over(state.lease, min(act.end, latest)):
            return act.kind == "renew" or (act.effect or Effect()).change_id not in state.made
    return act.error == refusal(state, act) and _facts_agree(state, act)


def _facts_agree(state: State, act: Act) -> bool:
    facts: dict[str, Any] = act.event.answer or {}
    effect = act.effect
    if not facts:
        return True
    match act.error:
        case "RevisionConflict":
            return bool(facts["found"] == state.revision)
        case "FlagTaken":
            return bool(state.integers.get(facts["flag"]))
        case "LimitReached" if effect and facts["counter"] in effect.add:
            crossed = over_limit(state, effect, facts["counter"])
            return crossed == (facts["value"], facts["limit"])
        case _:
            return True


def _on_nothing(state: State, act: Act) -> State | None:
    if act.creates:
        return _created(state, act)
    if act.unknown:
        return state
    if act.kind in _ANSWERED_OF_NOTHING and not act.event.answer:
        return state
    return None


def _created(state: State, act: Act) -> State | None:
    effect, sight = act.effect or Effect(), act.sight
    after = State(
        incarnation=sight.incarnation if sight else f"?{act.place}",
        revision=1,
        integers=nonzero(effect.put),
        values=effect.set,
        lease=Lease(fence=state.lease.fence),
    )
    return after if sight is None else _seen(after, sight)


def _changed(state: State, act: Act, effect: Effect, max_items: int) -> State | None:
    if refusal(state, act):
        return state if act.unknown else None
    known = state.made.get(effect.change_id) if effect.change_id else None
    if known is not None:
        return state if act.unknown else _replayed(state, act, known)
    if act.sight is not None and act.sight.echo and not act.event.repeated:
        # Nobody had sent it before, so there was nothing to repeat.
        return None
    after = applied(state, effect, max_items)
    return after if act.unknown else _answered(after, act)


def applied(state: State, effect: Effect, max_items: int) -> State:
    """Apply a change that nothing is against."""
    last = state.last_item + len(effect.append)
    log = state.log
    if effect.append:
        log = (*log, *enumerate(effect.append, start=state.last_item + 1))[-max_items:]
    integers = _integers(state.integers, effect)
    made = state.made
    if effect.change_id is not None:
        first = state.last_item + 1 if effect.append else None
        record = Made(effect.content, state.revision + 1, integers, first, last)
        made = {**made, effect.change_id: record}
    return state._replace(
        revision=state.revision + 1,
        integers=integers,
        values=values_after(state.values, effect),
        log=log,
        last_item=last,
        made=made,
    )


def values_after(values: Mapping[str, str], effect: Effect) -> Mapping[str, str]:
    """Give the values as a change leaves them."""
    if effect.whole:
        return effect.set
    if not effect.set and not effect.unset:
        return values
    kept = {name: value for name, value in values.items() if name not in effect.unset}
    return {**kept, **effect.set}


def _integers(integers: Mapping[str, int], effect: Effect) -> Mapping[str, int]:
    if effect.whole:
        return nonzero(effect.put)
    if not (effect.put or effect.add or effect.claim):
        return integers
    after = {**integers, **effect.put, **dict.fromkeys(effect.claim, 1)}
    for name, delta in effect.add.items():
        after[name] = after.get(name, 0) + delta
    return nonzero(after)


def _answered(after: State, act: Act) -> State | None:
    """Compare the answer to a change with the state that it led to."""
    answer = act.event.answer
    match act.kind:
        case "increment":
            name = act.event.request["name"]
            return after if answer == after.integers.get(name, 0) else None
        case "append":
            return after if answer == after.last_item else None
        case "apply" | "transact" | "set" if act.effect is not None:
            first = after.last_item - len(act.effect.append) + 1 if act.effect.append else None
            if (answer["first_item"], answer["last_item"]) != (first, after.last_item):
                return None
        case _:
            pass
    return _seen(after, act.sight) if act.sight else after


def _replayed(state: State, act: Act, made: Made) -> State | None:
    sight, answer = act.sight, act.event.answer
    if sight is None or not sight.echo or sight.revision != made.revision:
        return None
    if (answer["first_item"], answer["last_item"]) != (made.first_item, made.last_item):
        return None
    return _known(state, sight.incarnation) if sight.integers == made.integers else None


def _seen(state: State, sight: Sight) -> State | None:
    """Compare what an answer showed with the state."""
    if sight.revision != state.revision or sight.integers != state.integers:
        return None
    if sight.values is not None and sight.values != state.values:
        return None
    return _known(state, sight.incarnation)


def _known(state: State, incarnation: str) -> State | None:
    if state.incarnation == incarnation:
        return state
    placeholder = state.incarnation.startswith("?")
    return state._replace(incarnation=incarnation) if placeholder else None


def _agrees(state: State, incarnation: str | None, revision: int | None) -> bool:
    # An incarnation expected by a caller was shown by an answer, so it fits a placeholder.
    same = incarnation in {None, state.incarnation} or state.incarnation.startswith("?")
    return same and revision in {None, state.revision}


def _read(state: State, act: Act, _latest: int) -> State | None:
    if act.unknown:
        return state
    return _seen(state, act.sight) if act.sight else None


def _read_items(state: State, act: Act, _latest: int) -> State | None:
    request = act.event.request
    after, limit = request.get("after", 0), request.get("limit", 100)
    if act.unknown:
        return state
    expected = tuple(item for item in state.log if item[0] > after)[:limit]
    return state if act.items == expected else None


def _drop(state: State, act: Act, _latest: int) -> State | None:
    newest = state.log[-1] if state.log else None
    if act.ok and act.kind == "pop_item" and act.item != newest:
        return None
    log = state.log[:-1] if act.kind == "pop_item" else ()
    return state._replace(revision=state.revision + 1, log=log)


def _is_there(state: State, act: Act, _latest: int) -> State | None:
    return state if act.unknown or act.event.answer else None


def _delete(state: State, act: Act, _latest: int) -> State | None:
    if refusal(state, act):
        return state if act.unknown else None
    if act.ok and not act.event.answer:
        return None
    return State(lease=Lease(fence=state.lease.fence))


def _acquire(state: State, act: Act, latest: int) -> State | None:
    lease, request = state.lease, act.event.request
    free = not lease.token or _lease_may_be_over(lease, min(act.end, latest))
    if act.unknown:
        # Nobody knows its token, and the library gives it back by itself at some time.
        taken = Lease(f"?{act.place}", 0, NEVER, lease.fence + 1)
        return state._replace(lease=taken) if free or act.kind == "steal" else state
    token, fence = act.event.answer["token"], act.event.answer["fence"]
    again = token == lease.token and fence == lease.fence
    if not again and (fence <= lease.fence or not (free or act.kind == "steal")):
        return None
    return state._replace(lease=_granted(act, token, fence, renewed=request.get("renewed", False)))


def _granted(act: Act, token: str, fence: int, *, renewed: bool = False) -> Lease:
    ttl = act.event.request["ttl"] * SECOND
    ends = NEVER if renewed or act.unknown else act.end + int(ttl) + ROUNDING
    return Lease(token, act.begin + least(ttl), ends, fence)


def least(ttl: float) -> int:
    """Say how long a lease lasts at least, in nanoseconds as its ttl."""
    return int(ttl * EARLY) - ROUNDING


def _renew(state: State, act: Act, _latest: int) -> State | None:
    if refusal(state, act):
        return state if act.unknown else None
    token, fence = act.event.request["token"], state.lease.fence
    if act.ok and act.event.answer["fence"] != fence:
        return None
    return state._replace(lease=_granted(act, token, fence))


def _release(state: State, act: Act, latest: int) -> State | None:
    lease, token = state.lease, act.event.request["token"]
    if act.ok and not act.event.answer:
        if lease.token != token or _lease_may_be_over(lease, min(act.end, latest)):
            return state
        # The first attempt gave it back, and its answer was lost.
        return state._replace(lease=Lease(fence=lease.fence)) if act.event.repeated else None
    if not _holds(lease, token, act):
        return state if act.unknown else None
    return state._replace(lease=Lease(fence=lease.fence))


def _holds(lease: Lease, token: str, act: Act) -> bool:
    return lease.token == token and act.begin <= lease.possibly


def _lease_may_be_over(lease: Lease, moment: int) -> bool:
    return moment >= lease.surely


def _token(act: Act) -> str | None:
    if act.kind == "renew":
        return str(act.event.request["token"])
    return act.effect.lease_token if act.effect else None


_ON_SESSION: Final[Mapping[str, Callable[[State, Act, int], State | None]]] = {
    "create": lambda state, act, _latest: state if act.unknown else None,
    "set": lambda state, act, _latest: state if act.unknown else None,
    "get": _read,
    "items": _read_items,
    "pop_item": _drop,
    "clear_items": _drop,
    "touch": _is_there,
    "extend": _is_there,
    "exists": _is_there,
    "delete": _delete,
    "acquire": _acquire,
    "steal": _acquire,
    "renew": _renew,
    "release": _release,
}
# What is answered with null or false where there is no session.
_ANSWERED_OF_NOTHING: Final = frozenset({"get", "exists", "touch", "extend", "delete", "release"})
# The store did nothing, for reasons that no state of the session explains.
_ALWAYS_ALLOWED: Final = frozenset({"InvalidSession", "StoreUnavailable"})
_FOR_REASONS_UNSEEN: Final = frozenset({("LeaseUnavailable", "acquire")})
