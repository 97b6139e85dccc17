"""Run everything: open what takes part, let it work in turn, compare, and count what is left."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from holdfast.benchmarking.audit import Tally, audit
from holdfast.benchmarking.comparison import Comparison, Measured, compare
from holdfast.benchmarking.contender import Contender, Entrant
from holdfast.benchmarking.failures import noting
from holdfast.benchmarking.peers import catalog
from holdfast.benchmarking.peers.catalog import installed
from holdfast.benchmarking.rounds import Rates, Turn, interleave, rate
from holdfast.benchmarking.work import BY_CALLERS, BY_SESSIONS, INCREMENT, Case, Scale

# What the callers of a work share out among them.
SESSIONS: Final = 256
Say = Callable[[str], None]


class Outcome(NamedTuple):
    """Everything that a run found.

    `missing` are packages, `failures` what raised and took no further part, `settings` what each
    store says of its durability.
    """

    comparisons: list[Comparison]
    tallies: list[Tally]
    settings: dict[str, str]
    failures: dict[Measured, str]
    missing: list[str]
    scale: Scale
    entrants: list[Entrant]

    @property
    def ours_failed(self) -> bool:
        """Whether a store of ours could not do its work."""
        ours = {entrant.name for entrant in self.entrants if entrant.ours}
        return any(name in ours for name, _ in self.failures)


def chosen(
    ours: Sequence[Entrant], *, peers: bool, redis: str | None = None
) -> tuple[list[Entrant], list[str]]:
    """Say who takes part, and the packages that are missing for the others."""
    if not peers:
        return list(ours), []
    others = catalog.peers(redis=redis)
    present = [peer for peer in others if installed(peer.package or "")]
    missing = {peer.package: None for peer in others if peer.package and peer not in present}
    return [*ours, *present], list(missing)


async def run(
    entrants: Sequence[Entrant], *, missing: Sequence[str], scale: Scale, say: Say
) -> Outcome:
    """Measure the work, then list and count, then what concurrent work left."""
    run = _Run(entrants, scale, say)
    await run.by_callers()
    await run.by_sessions()
    await run.audits()
    compared = compare(run.rates, entrants)
    return Outcome(
        compared, run.tallies, run.settings, run.failures, list(missing), scale, list(entrants)
    )


class _Run:
    def __init__(self, entrants: Sequence[Entrant], scale: Scale, say: Say) -> None:
        self._entrants = entrants
        self._scale = scale
        self._say = say
        self.rates: Rates[Measured] = {}
        self.failures: dict[Measured, str] = {}
        self.settings: dict[str, str] = {}
        self.tallies: list[Tally] = []

    async def by_callers(self) -> None:
        """Let each do its work for so many callers at once, each caller on a session of its own."""
        async with AsyncExitStack() as stack:
            opened = await self._open(stack)
            # What the libraries have loaded stays; no collection needs to look at it again.
            gc.freeze()
            for place, work in enumerate(BY_CALLERS):
                self._say(f"{work} ...")
                # New ones for each work: some stores take longer the more events a session has.
                ids = [f"caller-{place}-{number}" for number in range(SESSIONS)]
                able = await self._begun(opened, work, ids)
                await self._measure(dict(self._turns(able, work, ids)), rounds=self._scale.rounds)

    async def _begun(
        self, opened: Mapping[Entrant, Contender], work: str, ids: list[str]
    ) -> dict[Entrant, Contender]:
        """Create sessions in all that can do the work, and say which have them."""
        begun: dict[Entrant, Contender] = {}
        for entrant, contender in opened.items():
            if work in contender.calls:
                with noting(self.failures, (entrant.name, Case(f"{work}: create sessions"))):
                    await contender.begin(ids[:1] if work == INCREMENT else ids)
                    self.settings[entrant.name] = await contender.settings()
                    begun[entrant] = contender
        return begun

    async def by_sessions(self) -> None:
        """Let each list and count in stores of several sizes."""
        async with AsyncExitStack() as stack:
            turns: dict[Measured, Turn] = {}
            for size in self._scale.sizes:
                self._say(f"filling stores with {size:,} sessions ...")
                for entrant, contender in (await self._open(stack)).items():
                    turns |= await self._filled(entrant, contender, size)
            self._say("list and count ...")
            await self._measure(turns, rounds=self._scale.size_rounds)

    async def audits(self) -> None:
        """Count what should be there after concurrent work on one session, and what is."""
        self._say("counting what concurrent work leaves ...")
        async with AsyncExitStack() as stack:
            for entrant, contender in (await self._open(stack)).items():
                with noting(self.failures, (entrant.name, Case("count what is left"))):
                    self.tallies += await audit(entrant.name, contender, self._scale)

    def _turns(
        self, opened: Mapping[Entrant, Contender], work: str, ids: list[str]
    ) -> Iterator[tuple[Measured, Turn]]:
        for entrant, contender in opened.items():
            for callers in self._scale.callers_of(work, entrant.medium):
                used = ids[:1] if work == INCREMENT else ids
                yield (
                    (entrant.name, Case(work, callers)),
                    self._turn(contender, work, used, callers=callers),
                )

    async def _filled(
        self, entrant: Entrant, contender: Contender, size: int
    ) -> dict[Measured, Turn]:
        works = [work for work in BY_SESSIONS if work in contender.calls]
        if not works:
            return {}
        case = Case("fill", sessions=size)
        with noting(self.failures, (entrant.name, case)):
            await contender.fill(size)
        if (entrant.name, case) in self.failures:
            return {}
        return {
            (entrant.name, Case(work, sessions=size)): self._turn(contender, work, [""])
            for work in works
        }

    def _turn(
        self, contender: Contender, work: str, ids: Sequence[str], *, callers: int = 1
    ) -> Turn:
        call = contender.calls[work]
        return lambda: rate(call, ids, callers=callers, seconds=self._scale.seconds)

    async def _measure(self, turns: Mapping[Measured, Turn], *, rounds: int) -> None:
        self.rates |= await interleave(turns, rounds=rounds, failures=self.failures)

    async def _open(self, stack: AsyncExitStack) -> dict[Entrant, Contender]:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="holdfast-bench-")))
        opened: dict[Entrant, Contender] = {}
        for entrant in self._entrants:
            if entrant.ours:
                opened[entrant] = await stack.enter_async_context(entrant.open(folder))
                continue
            with noting(self.failures, (entrant.name, Case("open"))):
                opened[entrant] = await stack.enter_async_context(entrant.open(folder))
        return opened
