"""What takes part: any store, behind the calls that it has."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

# Does one piece of work on a session, numbered throughout; False when the store refused it.
Call = Callable[[str, int], Awaitable[bool]]


class Kept(NamedTuple):
    """What a session holds; None for what such a store does not have."""

    turns: int | None = None
    counter: int | None = None


class Contender(Protocol):
    """A store that is open. Work that it has no call for is not in `calls`."""

    @property
    def calls(self) -> Mapping[str, Call]:
        """What it can do."""
        ...

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Create these sessions."""
        ...

    async def fill(self, sessions: int) -> None:
        """Hold this many sessions, whatever way is shortest."""
        ...

    async def kept(self, session_id: str) -> Kept:
        """Count what is in a session."""
        ...

    async def settings(self) -> str:
        """Say what decides when a write is durable, as far as the store itself can tell."""
        ...


class Entrant(NamedTuple):
    """A store that can be opened with files in a folder; `package` is None for ours."""

    name: str
    medium: str
    package: str | None
    open: Callable[[Path], AbstractAsyncContextManager[Contender]]

    @property
    def ours(self) -> bool:
        """Whether it is one of our stores."""
        return self.package is None
