"""A verification from its beginning to its end: rounds of load and faults, each checked."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from holdfast.errors import StoreUnavailable
from holdfast.keyring import Keyring
from holdfast.testing.histories import Call, History, Recorder, perform
from holdfast.testing.histories.calls import Store
from holdfast.testing.histories.events import EVERYWHERE, monotonic
from holdfast.verification.judging import FEW_STEPS, STEPS, judge
from holdfast.verification.measuring import SECOND, Measures
from holdfast.verification.nemesis import Blow, Nemesis, blocks, schedule
from holdfast.verification.networks import address_of, through
from holdfast.verification.opening import open_checked
from holdfast.verification.plan import (
    CANCELLED_SHARE,
    MAX_ITEMS,
    OF_NETWORKS,
    Fault,
    Order,
    Plan,
    Played,
    Suffered,
)
from holdfast.verification.proxy import Proxy
from holdfast.verification.result import Result, Round
from holdfast.verification.server import Server, ServerFailed, StartedServer
from holdfast.verification.swarm import Alone, Crew, Swarm
from holdfast.verification.together import together

AT_ONCE: Final = 64
# The last part of a run is too short for a round of its own.
SHORTEST: Final = 0.3
# Who is refused so often and never answered has been refused for no reason.
OFTEN: Final = 50
# How many seconds a store may take until it answers again.
LONGEST_SILENCE: Final = 30

Tell = Callable[[Result, float], None]


def _to_nobody(_result: Result, _share: float) -> None:
    """Keep it quiet."""


async def verify(plan: Plan, *, tell: Tell = _to_nobody, server: Server | None = None) -> Result:
    """Put a store through a plan; `tell` hears after each round how far it is (0 to 1).

    Faults of the server are done to the one that is started here, or to `server`.

    Raises:
        HoldfastError, OSError: the store could not be opened or used at all.
    """
    keys = Keyring.generate()
    async with AsyncExitStack() as stack:
        if plan.server_command:
            server = await stack.enter_async_context(_served(plan))
            await _until_it_has_loaded(plan, keys)
        store = await stack.enter_async_context(_opened(plan, keys))
        await store.count_active()
        return await verify_store(store, plan, keys=keys, tell=tell, server=server)


async def verify_store(
    store: Store,
    plan: Plan,
    *,
    keys: Keyring,
    tell: Tell = _to_nobody,
    server: Server | None = None,
) -> Result:
    """Put an open store through a plan, and remove all that was made in it.

    Faults of the server are done to `server`.
    """
    with TemporaryDirectory(prefix="holdfast-verify-") as name:
        folder = Path(name)
        campaign = _Campaign(store, plan, folder, tell)
        try:
            async with (
                _proxies(plan, folder) as proxies,
                _crew(store, plan, folder, keys, proxies) as crew,
            ):
                await campaign.run(Nemesis(crew, proxies, server))
        except ServerFailed:
            # Its server has gone, and with it everybody who could remove anything.
            raise
        except BaseException:
            await _remove_all(store)
            raise
        # Only now has every worker ended, and nothing can come back.
        await _remove_all(store)
    if kept := await store.count_active():
        campaign.result.complaints.append(f"{kept} sessions could not be removed")
    return campaign.result


def _served(plan: Plan) -> StartedServer:
    address = address_of(plan.url)
    if address is None:
        raise ServerFailed("--server-command starts one server, and the store has none or several")
    return StartedServer(plan.server_command, address)


def _opened(plan: Plan, keys: Keyring) -> Store:
    return open_checked(plan.url, keys=keys, namespace=plan.namespace)


async def _until_it_has_loaded(plan: Plan, keys: Keyring) -> None:
    """Wait while a server that was just started reads its data, unless that takes too long."""
    for _ in range(LONGEST_SILENCE * 10):
        try:
            async with _opened(plan, keys):
                return
        except StoreUnavailable:
            await asyncio.sleep(0.1)


async def _until_it_answers(store: Store) -> bool:
    """Wait until the store answers, after all faults."""
    for _ in range(LONGEST_SILENCE * 10):
        try:
            await store.count_active()
        except StoreUnavailable:
            await asyncio.sleep(0.1)
        else:
            return True
    return False


@asynccontextmanager
async def _proxies(plan: Plan, folder: Path) -> AsyncGenerator[Sequence[Proxy]]:
    """Stand a proxy before each worker, where faults of the network are wanted."""
    address = address_of(plan.url)
    async with AsyncExitStack() as stack:
        if address is None or not plan.faults.intersection(OF_NETWORKS):
            yield ()
            return
        paths = [folder / f"p{place}" for place in range(plan.processes)]
        yield [
            await stack.enter_async_context(
                Proxy(address, path=path if isinstance(address, Path) else None, seed=plan.seed)
            )
            for path in paths
        ]


@asynccontextmanager
async def _crew(
    store: Store, plan: Plan, folder: Path, keys: Keyring, proxies: Sequence[Proxy]
) -> AsyncGenerator[Crew]:
    if plan.processes == 1 and plan.url.startswith("memory:"):
        yield Alone(store, folder)
        return
    setup = {"namespace": plan.namespace, "keys": keys.to_text(), "folder": str(folder)}
    urls = [through(plan.url, proxy) for proxy in proxies] or [plan.url] * plan.processes
    async with Swarm(setup, urls=urls) as swarm:
        yield swarm


class _Campaign:
    def __init__(self, store: Store, plan: Plan, folder: Path, tell: Tell) -> None:
        self._store = store
        self._plan = plan
        self._folder = folder
        self._tell = tell
        self._began = monotonic()
        self.result = Result(plan, Measures(self._began, plan.seconds))

    async def run(self, nemesis: Nemesis) -> None:
        """Play rounds until the time is over, one of each kind at least, or until one is bad."""
        phases, number = self._plan.phases, 0
        while self.result.ok and (number < len(phases) or self._left > SHORTEST):
            await self._round(nemesis, number, phases[number % len(phases)])
            self.result.complaints += nemesis.crew.complaints
            nemesis.crew.complaints.clear()
            self._complain_of_crossed_replies()
            self.result.seconds = (monotonic() - self._began) / SECOND
            number += 1
            self._tell(self.result, self._share(number))
        if not self.result.measures.count("ok"):
            raise StoreUnavailable("The store answered no operation at all")
        self._complain_of_what_was_never_done()

    def _complain_of_crossed_replies(self) -> None:
        if crossed := self.result.statistics["crossed_replies"]:
            self.result.complaints.append(f"replies that came to the wrong caller: {crossed}")

    def _complain_of_what_was_never_done(self) -> None:
        """Find kinds of operation that were only refused: of those nothing has been checked."""
        for kind, tally in self.result.measures.tallies().items():
            if tally.refused >= OFTEN and not tally.answered:
                self.result.complaints.append(f"{kind} was refused all {tally.refused:,} times")

    def _share(self, rounds: int) -> float:
        """Say how much is done, of the time and of the rounds that there are at least."""
        done = self.result.seconds / self._plan.seconds, rounds / len(self._plan.phases)
        return min(1.0, *done)

    @property
    def _left(self) -> float:
        return self._plan.seconds - (monotonic() - self._began) / SECOND

    async def _round(self, nemesis: Nemesis, number: int, faults: Sequence[Fault]) -> None:
        session_ids = self._plan.session_ids(number)
        values = {"values": {"topic": "none"}}
        await self._ask_all(f"{number}-first", (Call("create", id_, values) for id_ in session_ids))
        begin = monotonic()
        await self._load(nemesis, number, faults)
        end = monotonic()
        if not await _until_it_answers(self._store):
            self.result.complaints.append(f"no answer for {LONGEST_SILENCE} s after the faults")
        await self._ask_all(f"{number}-last", _final_reads(session_ids))
        if await self._passes(number, faults, begin=begin, end=end):
            await self._store.delete_batch(session_ids)

    async def _load(self, nemesis: Nemesis, number: int, faults: Sequence[Fault]) -> None:
        plan = self._plan
        seconds, seed = plan.round_seconds, f"{plan.seed}/{number}"
        blows = schedule(faults, seconds=seconds, places=plan.processes, seed=seed)
        orders = self._orders(number, faults, blows, until=monotonic() + int(seconds * SECOND))
        played, suffered = await together(nemesis.crew.play(orders), nemesis.strike(blows))
        self._note(played, suffered)

    async def _passes(self, number: int, faults: Sequence[Fault], *, begin: int, end: int) -> bool:
        """Check what was written down in a round, while proxies and connections stay alive."""
        history = self._history(number)
        steps = FEW_STEPS if "cancel" in faults else STEPS
        judgement = await asyncio.to_thread(judge, history, steps=steps)
        self.result.measures.add(history.events)
        self.result.findings += judgement.findings
        self.result.rounds.append(
            Round(
                number=number,
                faults=faults,
                begin=begin,
                end=end,
                operations=len(history),
                settled=judgement.settled,
                undecided=len(judgement.undecided),
                anomalies=len(judgement.findings),
            )
        )
        return not judgement.findings

    def _history(self, number: int) -> History:
        paths = sorted(self._folder.glob(f"{number}-*.jsonl"))
        history = History.load(*paths)
        for path in paths:
            path.unlink()
        return history

    def _orders(
        self, number: int, faults: Sequence[Fault], blows: Sequence[Blow], *, until: int
    ) -> list[Order]:
        plan = self._plan
        return [
            Order(
                round=number,
                session_ids=plan.session_ids(number),
                callers=plan.callers,
                operations=plan.operations(faults),
                until=until,
                seed=f"{plan.seed}/{number}",
                cancelled_share=CANCELLED_SHARE if "cancel" in faults else 0.0,
                blocks=blocks(blows, place),
            )
            for place in range(plan.processes)
        ]

    def _note(self, played: Iterable[Played], suffered: Iterable[Suffered]) -> None:
        self.result.suffered += suffered
        for place, one in enumerate(played):
            self.result.cancelled += one.cancelled
            self.result.statistics.update(one.statistics)
            self.result.suffered += [
                Suffered("block", place, begin, end) for begin, end in one.blocks
            ]

    async def _ask_all(self, name: str, calls: Iterable[Call]) -> None:
        """Make some calls while nobody else makes any."""
        with Recorder(self._folder / f"{name}.jsonl", process=name) as recorder:
            free = asyncio.Semaphore(AT_ONCE)

            async def ask(place: int, call: Call) -> None:
                async with free:
                    work = partial(perform, self._store, call)
                    await recorder.record(f"{place}", call, work)

            asked = (ask(place, call) for place, call in enumerate(calls))
            # What is not an error of the store is written down, and found by the check.
            await asyncio.gather(*asked, return_exceptions=True)


def _final_reads(session_ids: Iterable[str]) -> Iterable[Call]:
    for session_id in session_ids:
        yield Call("get", session_id)
        yield Call("items", session_id, {"limit": MAX_ITEMS})
    yield Call("list", EVERYWHERE)
    yield Call("count", EVERYWHERE)


async def _remove_all(store: Store) -> None:
    """End every session of the namespace, which is this run's alone.

    One by one: that is the least to ask of a store that has shown anomalies.
    """
    while page := (await store.list_active(limit=1000)).sessions:
        for session in page:
            await store.delete(session.session_id)
    await store.cleanup_expired()
