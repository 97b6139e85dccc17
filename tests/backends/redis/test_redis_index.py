"""The index of a namespace holds what was put into it, each session where it is looked for."""

import random
from typing import Any, Final

import pytest

from holdfast.backends.redis.scripts import script
from tests.redis_servers import RedisServer

KEYS: Final = ("hf:{0}:t:n", "hf:{0}:c:n", "hf:{0}:x:n")
# Some three sessions fill a leaf.
LEAF: Final = 60
LONG_AGO: Final = 1_000_000
FAR: Final = 4_000_000_000_000
DO: Final = """#!lua
local call = redis.call
local leaves, creations, deadlines = KEYS[1], KEYS[2], KEYS[3]
--include leaves
--include entering
--include leaving
local done = {enter = enter, move = move, leave = function(created, _, id) leave(created, id) end}
done[ARGV[1]](tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4])
"""

Sessions = dict[str, tuple[int, int]]


class Book:
    """The index, and beside it what should be in it: id -> creation and deadline (ms)."""

    def __init__(self, server: RedisServer, seed: int) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.sessions: Sessions = {}
        self.now = LONG_AGO
        self.made = 0
        source = DO
        for name in ("leaves", "entering", "leaving"):
            source = source.replace(f"--include {name}", script(name).source.decode())
        assert "LEAF, SPAN = 1016" in source
        self._source = source.replace("LEAF, SPAN = 1016", f"LEAF, SPAN = {LEAF}")

    def do(self, what: str, session_id: str, created: int, due: int) -> None:
        self.server.ask("EVAL", self._source, len(KEYS), *KEYS, what, created, due, session_id)

    def ask(self, name: str, *terms: object) -> Any:
        """Call a script of the package; the nonce is left out of the answer."""
        source = script(name).source
        answer = self.server.ask("EVAL", source, len(KEYS), *KEYS, "nonce", *map(str, terms))
        return answer[1:]

    def step(self) -> None:
        """Create, move or end a session; now and then the clock jumps, back as well."""
        kind = self.random.random()
        if kind < 0.55 or not self.sessions:
            self.now += self.random.choice((0, 0, 1, 1, 2, 40, -30, 5_000_000_000))
            # Some are as short as may be, some are found inside others and in what stands before.
            session_id = f"{self.random.choice('ab')}{self.made}"
            self.made += 1
            self.sessions[session_id] = self.now, self.deadline()
            self.do("enter", session_id, *self.sessions[session_id])
            return
        session_id = self.random.choice(list(self.sessions))
        created, due = self.sessions[session_id]
        if kind < 0.75:
            due = self.deadline()
            self.sessions[session_id] = created, due
            self.do("move", session_id, created, due)
        else:
            del self.sessions[session_id]
            self.do("leave", session_id, created, due)

    def deadline(self) -> int:
        return self.random.choice((LONG_AGO, FAR)) + self.random.randrange(1_000)

    def check(self) -> None:
        """Every session is in the leaf that its creation belongs into, and nothing else is."""
        leaves = self.server.ask("HGETALL", KEYS[0])
        assert int(leaves.pop(b"", 0)) == len(self.sessions)
        starts = sorted(leaves)
        found: Sessions = {}
        for start, leaf in leaves.items():
            since = int.from_bytes(start, "big")
            entries = list(read(leaf, since))
            assert entries, "no leaf is empty"
            assert len(leaf) <= LEAF or len({created for _, created, _ in entries}) == 1
            assert self.server.ask("ZSCORE", KEYS[1], start) == since
            assert self.server.ask("ZSCORE", KEYS[2], start) == min(due for *_, due in entries)
            after = starts[starts.index(start) + 1 :][:1]
            for session_id, created, due in entries:
                assert since <= created < (int.from_bytes(after[0], "big") if after else FAR)
                found[session_id] = created, due
        assert found == self.sessions
        assert [self.server.ask("ZCARD", key) for key in KEYS[1:]] == [len(leaves)] * 2


def read(leaf: bytes, since: int) -> Any:
    """Take a leaf apart: id, creation and deadline of each session."""
    at = 0
    while at < len(leaf):
        after = int.from_bytes(leaf[at : at + 4], "little")
        due = int.from_bytes(leaf[at + 4 : at + 10], "little")
        end = leaf.index(b"\0", at + 10)
        yield leaf[at + 10 : end].decode(), since + after, due
        at = end + 1


@pytest.mark.parametrize("seed", range(4))
def test_what_is_put_in_is_there(redis_server: RedisServer, seed: int) -> None:
    """Whatever comes, moves and goes, and although the clock is set back."""
    book = Book(redis_server, seed)
    for number in range(300):
        book.step()
        if number % 10 == 0:
            book.check()
    book.check()
    ended = sorted(due for _, due in book.sessions.values() if due < FAR)
    assert book.ask("count") == [len(book.sessions) - len(ended)]
    for limit in (1, 7, 1000):
        (found,) = book.ask("due", limit)
        assert found[::3] == ended[:limit]
        for due, created, session_id in zip(found[::3], found[1::3], found[2::3], strict=True):
            assert book.sessions[session_id.decode()] == (created, due)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_walked_in_the_order_of_creation(redis_server: RedisServer, seed: int) -> None:
    """A stretch begins at a moment, has no gaps, and ends behind as many as were asked for."""
    book = Book(redis_server, seed)
    for _ in range(200):
        book.step()
    moments = sorted({created for created, _ in book.sessions.values()})
    for earliest in (0, moments[0], *book.random.sample(moments, 5), moments[-1] + 1):
        for limit in (1, 5, 300):
            more, flat = book.ask("walk", limit, earliest * 1000, "+inf")
            found = sorted(zip(flat[1::2], map(bytes.decode, flat[::2]), strict=True))
            wanted = sorted(
                (created * 1000, session_id)
                for session_id, (created, _) in book.sessions.items()
                if created >= earliest
            )
            assert found == wanted[: len(found)]
            later = [created for created, _ in found if created > earliest * 1000]
            assert len(later) >= limit if more else found == wanted
    latest = moments[len(moments) // 2]
    _, flat = book.ask("walk", 300, 0, latest * 1000)
    assert sorted(flat[1::2]) == sorted(
        created * 1000 for created, _ in book.sessions.values() if created <= latest
    )


def test_an_id_that_came_back_is_another_entry(redis_server: RedisServer) -> None:
    """Though both are in one leaf, each is found by its creation."""
    book = Book(redis_server, 1)
    for created in (LONG_AGO, LONG_AGO + 1):
        book.do("enter", "again", created, FAR)
    book.do("move", "again", LONG_AGO, LONG_AGO + 5)
    assert book.ask("due", 5) == [[LONG_AGO + 5, LONG_AGO, b"again"]]
    book.do("leave", "again", LONG_AGO, FAR)
    assert book.ask("walk", 5, 0, "+inf") == [0, [b"again", (LONG_AGO + 1) * 1000]]


def test_an_empty_index_leaves_no_keys(redis_server: RedisServer) -> None:
    book = Book(redis_server, 1)
    for _ in range(60):
        book.step()
    for session_id, (created, due) in book.sessions.items():
        book.do("leave", session_id, created, due)
    assert redis_server.ask("EXISTS", *KEYS) == 0
    assert book.ask("count") == [0]
    assert book.ask("due", 5) == [[]]
    assert book.ask("walk", 5, 0, "+inf") == [0, []]
