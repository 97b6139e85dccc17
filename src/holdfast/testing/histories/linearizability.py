"""Is there an order of the operations on one session that agrees with real time and all answers?

The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of
Lowe ("Testing for linearizability", 2017): from each state try the operations that may come next;
never go on twice from the same operations done and the same state. Four things keep it short, and
none loses an order:

- an operation that changes nothing here and whose answer fits is taken at once: where a later place
  would do, this one does as well;
- what any answer tells beforehand of revisions, incarnations and items is kept to (`foresight`);
- of unanswered calls that would do the same, the oldest is tried;
- an unanswered call waits until an answered one that may be next depends on it (`needs`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.foresight import Foresight
from holdfast.testing.histories.needs import Needs, has_passed
from holdfast.testing.histories.specification import State, step

BUDGET: Final = 60_000

Answer = Literal["yes", "no", "undecided"]


class Node(NamedTuple):
    """How far an order has come.

    In it are all answered operations before `first`, those in `window` (bit 0 is `first`), and of
    the unanswered ones those in `taken`.
    """

    first: int
    window: int
    taken: int
    state: State
    born: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Found:
    """The answer; `state` is where the longest order ended, `left` what could not follow it."""

    answer: Answer
    steps: int
    state: State
    left: tuple[Act, ...] = ()


class Option(NamedTuple):
    """An answered operation that may be next by its times, and the state that it would lead to."""

    offset: int
    act: Act
    after: State | None


class Search:
    """Looks for an order of the operations on one session."""

    def __init__(self, acts: Sequence[Act], *, max_items: int, budget: int = BUDGET) -> None:
        self._known = [act for act in acts if not act.unknown]
        self._unknown = [act for act in acts if act.unknown and _matters(act)]
        self._ends = [act.end for act in self._known]
        self._max_items = max_items
        self._left = self._budget = budget
        # At first, a session whose incarnation nobody saw and calls that help others only are
        # left out: what is found so is an order, but one that is not found may still be there.
        self._narrow = True
        self._foresight = Foresight(acts)
        self._likeness = [self._foresight.likeness(act) for act in self._unknown]
        self._longest = (-1, Node(0, 0, 0, State()))

    def run(self) -> Found:
        """Look where an order most probably is, then everywhere; within a budget of steps each."""
        narrow = self._look()
        if narrow.answer == "yes":
            return narrow
        self._narrow, self._left = False, self._budget
        return self._look()

    def _look(self) -> Found:
        """Look, depth first; give up honestly when the budget of steps is used."""
        start, options = self._absorb(Node(0, 0, 0, State()))
        path = [(start, self._choices(start, options))]
        dead = _Dead()
        while path and self._left > 0:
            node, choices = path[-1]
            if node.first == len(self._known):
                return self._found("yes")
            chosen = next(choices, None)
            if chosen is None:
                dead.add(node)
                path.pop()
                continue
            following, options = self._absorb(chosen)
            if following not in dead:
                path.append((following, self._choices(following, options)))
        return self._found("no" if not path else "undecided")

    def _found(self, answer: Answer) -> Found:
        node = self._longest[1]
        left = tuple(act for _, act in self._next(node)) if answer != "yes" else ()
        return Found(answer, self._budget - self._left, node.state, left)

    def _next(self, node: Node) -> Iterator[tuple[int, Act]]:
        """Give what may be next of the answered: no other one ended before it began."""
        horizon = NEVER
        for offset, act in enumerate(self._known[node.first :]):
            if act.begin > horizon:
                return
            if not node.window >> offset & 1:
                horizon = min(horizon, act.end)
                yield offset, act

    def _absorb(self, node: Node) -> tuple[Node, Sequence[Option]]:
        """Take every operation that fits here and changes nothing; give what else may be next."""
        while True:
            horizon = self._horizon(node)
            options = [
                Option(offset, act, self._step(node.state, act, horizon))
                for offset, act in self._next(node)
            ]
            passed = [option for option in options if option.after is node.state]
            for option in passed:
                node = node._replace(window=node.window | 1 << option.offset)
            if not passed:
                self._remember(node)
                return node, options
            node = _moved_up(node)

    def _remember(self, node: Node) -> None:
        done = node.first + node.window.bit_count()
        if done > self._longest[0]:
            self._longest = done, node

    def _horizon(self, node: Node) -> int:
        return min((act.end for _, act in self._next(node)), default=NEVER)

    def _choices(self, node: Node, options: Sequence[Option]) -> Iterator[Node]:
        """Give what may come next, the answered operations first."""
        if has_passed([option.act for option in options if option.after is None], node.state):
            return
        horizon = min((option.act.end for option in options), default=NEVER)
        waiting: list[Act] = []
        going: list[Act] = []
        for option in options:
            after = self._allowed(node.state, option.act, option.after, horizon)
            if after is not None:
                window = node.window | 1 << option.offset
                yield _moved_up(node._replace(window=window, state=after))
                going.append(option.act)
            else:
                waiting.append(option.act)
        needs = Needs.of(waiting, going, node.state)
        for offset, act in self._unanswered(node, needs, horizon):
            taken = node._replace(taken=node.taken | 1 << offset)
            if act.creates:
                yield from self._births(taken, act, needs, horizon)
                continue
            reached = self._step(node.state, act, horizon)
            after = self._allowed(node.state, act, reached, horizon)
            if after is not None:
                yield taken._replace(state=after)

    def _unanswered(self, node: Node, needs: Needs, horizon: int) -> Iterator[tuple[int, Act]]:
        """Give the unanswered calls that may matter to what waits, the oldest of equal ones."""
        tried: set[str] = set()
        unseen = self._foresight.beyond(node.state)
        for offset, act in enumerate(self._unknown):
            if act.begin > horizon:
                return
            likeness = self._likeness[offset]
            if node.taken >> offset & 1 or likeness in tried:
                continue
            tried.add(likeness)
            if needs.concern(act, narrow=self._narrow) and not (unseen and _sets_values_only(act)):
                yield offset, act

    def _births(self, node: Node, act: Act, needs: Needs, horizon: int) -> Iterator[Node]:
        """Let a call create an incarnation that nobody is known to have created, or saw."""
        unseen = self._step(node.state, act, horizon)
        if unseen is None or unseen is node.state:
            return
        wanted = self._foresight.orphans - node.born
        for incarnation in sorted(wanted if needs.weak else wanted & needs.incarnations):
            state = unseen._replace(incarnation=incarnation)
            if self._foresight.allows(node.state, state, act, horizon):
                yield node._replace(state=state, born=node.born | {incarnation})
        if needs.weak and not self._narrow:
            yield node._replace(state=unseen)

    def _allowed(self, state: State, act: Act, after: State | None, horizon: int) -> State | None:
        """Give the state that an operation leads to, if it is another and nothing is against it."""
        if after is None or after is state or _names(state, after):
            return None
        return after if self._foresight.allows(state, after, act, horizon) else None

    def _step(self, state: State, act: Act, horizon: int) -> State | None:
        self._left -= 1
        return step(state, act, latest=horizon, max_items=self._max_items)


class _Dead:
    """From where there is no way on; with fewer unanswered calls to take there is none either."""

    def __init__(self) -> None:
        self._taken: dict[tuple[object, ...], list[int]] = {}

    def add(self, node: Node) -> None:
        self._taken.setdefault(_key(node), []).append(node.taken)

    def __contains__(self, node: Node) -> bool:
        if not self._taken:
            return False
        known = self._taken.get(_key(node), ())
        return any(taken & ~node.taken == 0 for taken in known)


def _moved_up(node: Node) -> Node:
    """Move `first` past the operations that are in the order."""
    trailing = (~node.window & (node.window + 1)).bit_length() - 1
    if not trailing:
        return node
    return node._replace(first=node.first + trailing, window=node.window >> trailing)


def _matters(act: Act) -> bool:
    """Say whether an unanswered call can have changed anything."""
    return act.kind not in {"get", "items", "exists", "touch", "extend"}


def _sets_values_only(act: Act) -> bool:
    """Say whether only a read of the revision that it makes could tell that it took effect."""
    effect = act.effect
    if effect is None or act.creates or effect.whole:
        return False
    return not (effect.put or effect.add or effect.claim or effect.append)


def _names(before: State, after: State) -> bool:
    """Say whether an incarnation that nobody was to see has been seen."""
    unseen = before.incarnation.startswith("?") and after.revision > 0
    return unseen and before.incarnation != after.incarnation


def _key(node: Node) -> tuple[object, ...]:
    return node.first, node.window, node.born, node.state.key()
