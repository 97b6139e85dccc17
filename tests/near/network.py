"""A store, a connection and a near cache as a model: everything arrives in order, or not at all."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from holdfast.near_cache import NearCache, Ticket

Cache = NearCache[int]
MICROSECONDS: Final = 1_000_000
# How far the store's clock is ahead of this host's monotonic one.
AHEAD: Final = 1_700_000_000.0
TRUSTED: Final = 2.5


@dataclass
class Asked:
    """A read on its way; `answer` is a version and a deadline once the store has answered."""

    session_id: str
    ticket: Ticket
    answer: tuple[int, float] | None = None


class Moved(NamedTuple):
    """The word that a session is at this version, or a later one."""

    session_id: str
    version: int


@dataclass
class Network:
    """Sessions are versions with deadlines (in seconds of this host). `heard` are the versions
    that the cache may not go back behind.
    """

    make: Callable[..., Cache]
    size: int = 3
    now: float = 100.0
    partitioned: bool = False
    versions: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    heard: dict[str, int] = field(default_factory=dict[str, int])
    tracked: set[str] = field(default_factory=set[str])
    asked: deque[Asked] = field(default_factory=deque[Asked])
    arriving: deque[Asked | Moved] = field(default_factory=deque["Asked | Moved"])
    filling: list[Asked] = field(default_factory=list[Asked])
    last_word: float = 100.0

    def __post_init__(self) -> None:
        self.cache = self.make(self.size, monotonic=lambda: self.now)
        self.ping()

    def ping(self) -> None:
        """Hear from the store, if it can be heard."""
        if not self.partitioned:
            self.last_word = self.now
            self.cache.store_time(round((self.now + AHEAD) * MICROSECONDS), sent_at=self.now)
            self.cache.alive_until(self.now + TRUSTED)

    def write(self, session_id: str, *, lives: float) -> None:
        """Have somebody else move a session; whoever read it is going to be told."""
        version, _ = self.versions.get(session_id, (0, 0.0))
        self.versions[session_id] = version + 1, self.now + lives
        if session_id in self.tracked:
            self.tracked.discard(session_id)
            self.arriving.append(Moved(session_id, version + 1))

    def begin(self, session_id: str) -> None:
        """Ask the store for a session that is not near."""
        if self.cache.get(session_id) is None:
            self.asked.append(Asked(session_id, self.cache.begin(session_id)))

    def answer(self) -> None:
        """Let the store answer the first read."""
        if self.asked and not self.partitioned:
            read = self.asked.popleft()
            read.answer = self.versions.get(read.session_id)
            self.tracked.add(read.session_id)
            self.arriving.append(read)

    def deliver(self) -> None:
        """Let the next word of the store arrive; a reply is worked on a little later."""
        if not self.arriving or self.partitioned:
            return
        word = self.arriving.popleft()
        if isinstance(word, Moved):
            self.cache.forget(word.session_id)
            self.heard[word.session_id] = max(self.heard.get(word.session_id, 0), word.version)
        else:
            self.filling.append(word)

    def fill(self, place: int) -> None:
        """Let one of the readers go on with its reply."""
        if self.filling:
            read = self.filling.pop(place % len(self.filling))
            if read.answer is not None:
                version, deadline = read.answer
                expires = round((deadline + AHEAD) * MICROSECONDS)
                self.cache.fill(read.ticket, version, expires=expires)

    def move_itself(self, session_id: str, *, lives: float) -> None:
        """Write from this very process: at once it reads nothing older any more."""
        self.cache.drop(session_id)
        if self.partitioned or self.arriving or self.asked:
            return
        self.write(session_id, lives=lives)
        self.cache.drop(session_id)
        self.heard[session_id] = self.versions[session_id][0]

    def disconnect(self) -> None:
        """Lose the connection and all that was on it, and get another one."""
        self.asked.clear()
        self.arriving.clear()
        self.tracked.clear()
        self.partitioned = False
        self.cache.flush()
        self.heard = {name: version for name, (version, _) in self.versions.items()}
        self.ping()

    def check(self) -> None:
        """Hold that nothing is answered that cannot be true any more."""
        assert len(self.cache) <= self.size
        for session_id, (_, deadline) in self.versions.items():
            kept = self.cache.get(session_id)
            if kept is not None:
                assert kept >= self.heard.get(session_id, 0), "older than what was heard"
                assert self.now < self.last_word + TRUSTED, "nobody would have said"
                newest = kept == self.versions[session_id][0]
                assert not newest or self.now < deadline, "past its deadline"
