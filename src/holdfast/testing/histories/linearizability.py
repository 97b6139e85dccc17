"""Is there an order of the operations on one session that agrees with real time and all answers?

The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of
Lowe ("Testing for linearizability", 2017): from each state try the operations that may come next;
never go on twice from the same operations done and the same state. Three things keep it short, and
none loses an order:

- an operation that changes nothing here and whose answer fits is taken at once: where a later place
  would do, this one does as well;
- a revision whose maker or content is known from any answer is reached in no other way;
- of unanswered calls that would do the same, the oldest is tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from holdfast.testing.histories.acts import Act, Sight
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.specification import State, step

BUDGET: Final = 500_000

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


@dataclass(frozen=True)
class Found:
    """The answer; `state` is where the longest order ended, `left` what could not follow it."""

    answer: Answer
    steps: int
    state: State
    left: tuple[Act, ...] = ()


class Search:
    """Looks for an order of the operations on one session."""

    def __init__(self, acts: Sequence[Act], *, max_items: int, budget: int = BUDGET) -> None:
        self._known = [act for act in acts if not act.unknown]
        self._unknown = [act for act in acts if act.unknown and _matters(act)]
        self._ends = [act.end for act in self._known]
        self._max_items = max_items
        self._left = self._budget = budget
        self._makers: dict[tuple[str, int], str] = {}
        self._sights: dict[tuple[str, int], Sight] = {}
        for act in self._known:
            self._note(act)
        self._longest = (-1, Node(0, 0, 0, State()))

    def run(self) -> Found:
        """Look, depth first; give up honestly when the budget of steps is used."""
        start = self._absorb(Node(0, 0, 0, State()))
        path = [(start, self._choices(start))]
        dead: set[tuple[object, ...]] = set()
        while path and self._left > 0:
            node, choices = path[-1]
            if node.first == len(self._known):
                return self._found("yes")
            chosen = next(choices, None)
            if chosen is None:
                dead.add(_key(node))
                path.pop()
                continue
            following = self._absorb(chosen)
            if not dead or _key(following) not in dead:
                path.append((following, self._choices(following)))
        return self._found("no" if not path else "undecided")

    def _found(self, answer: Answer) -> Found:
        node = self._longest[1]
        left = tuple(act for _, act in self._next(node)) if answer != "yes" else ()
        return Found(answer, self._budget - self._left, node.state, left)

    def _note(self, act: Act) -> None:
        """Remember what an answer says of a revision for good."""
        if act.sight is None:
            return
        revision = act.sight.incarnation, act.sight.revision
        if act.sight.made:
            self._makers.setdefault(revision, act.tag)
        if act.sight.values is not None:
            self._sights.setdefault(revision, act.sight)

    def _next(self, node: Node) -> Iterator[tuple[int, Act]]:
        """Give what may be next of the answered: no other one ended before it began."""
        horizon = NEVER
        for offset, act in enumerate(self._known[node.first :]):
            if act.begin > horizon:
                return
            if not node.window >> offset & 1:
                horizon = min(horizon, act.end)
                yield offset, act

    def _absorb(self, node: Node) -> Node:
        """Take every operation that fits here and changes nothing."""
        again = True
        while again:
            again = False
            horizon = self._horizon(node)
            for offset, act in list(self._next(node)):
                if self._step(node.state, act, horizon) is node.state:
                    node = node._replace(window=node.window | 1 << offset)
                    again = True
            node = _moved_up(node)
        self._remember(node)
        return node

    def _remember(self, node: Node) -> None:
        done = node.first + node.window.bit_count()
        if done > self._longest[0]:
            self._longest = done, node

    def _horizon(self, node: Node) -> int:
        return min((act.end for _, act in self._next(node)), default=NEVER)

    def _choices(self, node: Node) -> Iterator[Node]:
        """Give what may come next, the answered operations first."""
        horizon = self._horizon(node)
        for offset, act in self._next(node):
            state = self._reached(node.state, act, horizon)
            if state is not None:
                yield _moved_up(node._replace(window=node.window | 1 << offset, state=state))
        tried: set[str] = set()
        for offset, act in enumerate(self._unknown):
            if act.begin > horizon:
                return
            if node.taken >> offset & 1 or act.likeness in tried:
                continue
            tried.add(act.likeness)
            state = self._reached(node.state, act, horizon)
            if state is not None:
                yield node._replace(taken=node.taken | 1 << offset, state=state)

    def _reached(self, state: State, act: Act, horizon: int) -> State | None:
        """Give the other state that an operation leads to, if nothing is against it."""
        after = self._step(state, act, horizon)
        if after is None or after is state:
            return None
        return after if after.revision == state.revision or self._possible(after, act) else None

    def _possible(self, after: State, act: Act) -> bool:
        revision = after.incarnation, after.revision
        if self._makers.get(revision, act.tag) != act.tag:
            return False
        sight = self._sights.get(revision)
        return sight is None or (sight.integers == after.integers and sight.values == after.values)

    def _step(self, state: State, act: Act, horizon: int) -> State | None:
        self._left -= 1
        return step(state, act, latest=horizon, max_items=self._max_items)


def _moved_up(node: Node) -> Node:
    """Move `first` past the operations that are in the order."""
    trailing = (~node.window & (node.window + 1)).bit_length() - 1
    if not trailing:
        return node
    return node._replace(first=node.first + trailing, window=node.window >> trailing)


def _matters(act: Act) -> bool:
    """Say whether an unanswered call can have changed anything."""
    return act.kind not in {"get", "items", "exists", "touch", "extend"}


def _key(node: Node) -> tuple[object, ...]:
    return node.first, node.window, node.taken, node.state.key()
