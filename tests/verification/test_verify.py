"""`holdfast verify` from its command line to its report."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast import Keyring, open_store
from holdfast.backend import Acquire, Held, Operation, Outcome
from holdfast.backends.memory import MemoryBackend
from holdfast.cli import main
from holdfast.cli.verify import _draw
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.histories import CheckedSession
from holdfast.verification import FAULTS, Plan, campaign
from holdfast.verification.nemesis import Blow, Nemesis, blocks, schedule
from holdfast.verification.plan import OF_SERVERS, Order, Played
from tests.testing.broken_backends import LosesUpdates
from tests.verification.running import verified

KEYS = Keyring.generate()


def sessions_in(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions").fetchone()[0])


def verify(*arguments: str) -> int:
    return main(["verify", *arguments])


def test_a_store_in_memory_is_verified(capsys: pytest.CaptureFixture[str]) -> None:
    """Two kinds of fault are done to it; those that would end it are skipped, with the reason."""
    assert verify("--store", "memory://", "--seconds", "1.2", "--faults", "all") == 0
    shown = capsys.readouterr().out
    assert re.search(r"operations +[\d,]{4,} checked", shown)
    assert re.search(r"faults +block \d+, cancel \d+", shown)
    assert re.search(r"skipped +kill, pause: would end", shown)
    assert re.search(r"skipped +delay, .*swallow, garbage: needs a network store", shown)
    assert re.search(r"skipped +server-pause, server-kill, restart: there is no server", shown)
    assert re.search(r"anomalies +0\n", shown)


@pytest.mark.slow
def test_processes_on_a_file_are_killed_and_stopped(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is wrong afterwards, the sessions of others are there, and none of its own."""
    path = tmp_path / "s.db"
    asyncio.run(_create_in(path, "mine"))
    report = tmp_path / "report.html"
    options = ("--processes", "2", "--callers", "6", "--sessions", "12", "--seconds", "4")
    assert verify(
        "--store", f"sqlite:///{path}", *options, "--seed", "5", "--faults", "all",
        "--report", str(report),
    ) == 0  # fmt: skip
    shown = capsys.readouterr().out
    assert re.search(r"faults .*cancel \d+, kill 1, pause 1\n", shown)
    assert "seed 5" in shown
    assert sessions_in(path) == 1
    page = report.read_text("utf-8")
    assert 'class="kill"' in page
    assert 'class="pause"' in page
    assert "no anomaly" in page
    # On a narrow screen a wide table is moved, and not the page.
    assert page.count('<div class="wide"><table>') == 2
    assert re.findall(r"https?:|src=|<script|@import|url\(", page) == []


async def _create_in(path: Path, session_id: str) -> None:
    async with open_store(f"sqlite:///{path}", keys=KEYS) as store:
        await store.create(session_id)


def _open_broken(url: str, *, keys: Keyring, namespace: str) -> Any:
    terms = Terms(namespace=namespace, max_items=64)
    return SessionStore(LosesUpdates(), model=CheckedSession, keys=keys, terms=terms)


def test_an_anomaly_ends_with_1_and_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the operations that show it, on the terminal and in the report."""
    monkeypatch.setattr(campaign, "open_checked", _open_broken)
    report = tmp_path / "r.html"
    assert verify("--store", "memory://", "--seconds", "1", "--report", str(report)) == 1
    shown = capsys.readouterr().out
    assert re.search(r"anomalies +[1-9]", shown)
    assert re.search(r"in session 0-(calm|wild)-\d+\n +[\d.]+ … [\d.]+ ms  w0/w0/\d+  ", shown)
    assert "<pre>" in report.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--store", "redis://127.0.0.1:1"], "127.0.0.1:1"),
        (["--store", "nosql://127.0.0.1"], "memory://"),
        (["--store", "redis://127.0.0.1:99999", "--faults", "all"], "--store: Port out of range"),
        (["--store", "redis://127.0.0.1:1", "--server-command", "false"], "ended with 1"),
        (["--store", "sqlite:////no/such/folder/s.db", "--processes", "1"], "s.db"),
        (["--store", "memory://", "--processes", "2"], "--processes 1"),
        (["--store", "memory://", "--server-command", "redis-server"], "none or several"),
        (["--store", "redis+cluster://h", "--server-command", "redis-server"], "none or several"),
        (["--store", "memory://", "--report", "/no/such/folder/r.html"], "r.html"),
    ],
)
def test_what_could_not_run_ends_with_2(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence says why."""
    assert verify(*arguments, "--seconds", "1") == 2
    assert why in capsys.readouterr().err


def test_a_report_that_cannot_be_written_hides_no_anomaly(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with 1 as without a report, and with 2 where nothing was found."""
    options = ("--store", "memory://", "--seconds", "0.6", "--report", str(tmp_path))
    assert verify(*options) == 2
    assert re.search(r"anomalies +0\n", capsys.readouterr().out)
    monkeypatch.setattr(campaign, "open_checked", _open_broken)
    assert verify(*options) == 1
    assert "The report could not be written" in capsys.readouterr().err


def test_a_file_that_is_no_store_ends_with_2(tmp_path: Path) -> None:
    """It is left as it was."""
    path = tmp_path / "no.db"
    path.write_text("this is no database, but some text of a certain length")
    assert verify("--store", f"sqlite:///{path}", "--seconds", "1") == 2
    assert path.read_text() == "this is no database, but some text of a certain length"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--store", "memory://", "--faults", "sometimes"],
        ["--store", "memory://", "--seconds", "0"],
        ["--store", "memory://", "--callers", "none"],
        ["--store", "redis://127.0.0.1:1", "--server-command", "redis-server 'x"],
        ["--store", "redis://127.0.0.1:1", "--server-command", " "],
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    """Before anything is opened."""
    with pytest.raises(SystemExit) as ended:
        verify(*arguments)
    assert ended.value.code == 2


def test_progress_is_drawn_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a narrow terminal too: what is broken into two lines is not drawn over."""
    monkeypatch.setenv("COLUMNS", "60")
    _draw(0.5, "round 7 (cut, half, swallow, garbage): 123,456 operations checked, 0 anomalies")
    shown = capsys.readouterr().out
    assert shown.startswith("\r\x1b[K" + "█" * 15 + "░" * 15 + "  50%  round 7 ")
    assert len(shown) == len("\r\x1b[K") + 59


async def test_a_worker_that_ends_by_itself_is_an_anomaly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody killed it, so something is wrong, although every answer was right."""

    @asynccontextmanager
    async def crew_with_an_enemy(*arguments: Any) -> AsyncIterator[Any]:
        async with crew(*arguments) as swarm:
            asyncio.get_running_loop().call_later(0.5, kill_unseen, swarm)
            yield swarm

    def kill_unseen(swarm: Any) -> None:
        swarm.kill(0)
        swarm._workers[0].killed = False

    crew = campaign._crew
    monkeypatch.setattr(campaign, "_crew", crew_with_an_enemy)
    url = f"sqlite:///{tmp_path / 's.db'}"
    plan = Plan(url=url, namespace="verify-x", processes=1, callers=4, sessions=8, seconds=2)
    result = await campaign.verify(plan)
    assert result.findings == []
    assert [complaint[:7] for complaint in result.complaints] == ["worker "]


class LendsToThieves(MemoryBackend):
    """Says of every session that somebody else holds it, and lends it to thieves alone."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Acquire) and not operation.steal:
            return Held(10_000)
        return await super().execute(operation)


async def test_what_is_only_ever_refused_is_an_anomaly() -> None:
    """No answer is wrong; but of what leases promise nothing has been checked."""
    result = await verified(LendsToThieves())
    assert result.findings == []
    assert re.fullmatch(r"acquire was refused all [\d,]{2,} times", result.complaints[0])


class CreatesTwice(SessionStore[CheckedSession]):
    """Two who find nothing both create; the second one's session replaces the first one's."""

    async def get_or_create(
        self,
        session_id: str,
        *,
        factory: Callable[[], Mapping[str, Any]] | None = None,
        ttl: float | None = None,
    ) -> CheckedSession:
        if (found := await self.get(session_id)) is not None:
            return found
        for _ in range(20):
            await asyncio.sleep(0)
        await self.delete(session_id)
        return await self.create(session_id, ttl=ttl, **(factory() if factory else {}))


async def test_a_session_that_two_created_at_once_is_found() -> None:
    """With all that the first one had been given: its leases, its flags, its revisions."""
    kinds: set[str] = set()
    for seed in range(1, 7):
        result = await verified(MemoryBackend(), seed=seed, seconds=0.4, kind=CreatesTwice)
        kinds |= {finding.kind for finding in result.findings}
        if kinds:
            break
    assert kinds & {"no_order", "leases_overlap", "flag_won_twice"}


async def test_a_batch_that_mixes_up_its_sessions_is_found() -> None:
    """Each is answered under the name of its neighbour."""

    class MixesUp(SessionStore[CheckedSession]):
        async def get_batch(self, ids: Iterable[str]) -> dict[str, CheckedSession | None]:
            found = await super().get_batch(ids)
            return dict(zip(found, [*found.values()][::-1], strict=True))

    result = await verified(MemoryBackend(), kind=MixesUp)
    assert "foreign_answer" in {finding.kind for finding in result.findings}


def test_a_seed_decides_on_the_faults() -> None:
    """The same ones again for the same seed; each kind at least once in a round."""
    plans = [schedule(FAULTS, seconds=4, places=4, seed=seed) for seed in ("1/0", "1/0", "2/0")]
    assert plans[0] == plans[1] != plans[2]
    assert {blow.fault for blow in plans[0]} == set(FAULTS)
    assert all(blow.at < 3 for blow in plans[0])
    assert {blow.place for blow in plans[0] if blow.fault in OF_SERVERS} == {4}
    assert sum(len(blocks(plans[0], place)) for place in range(4)) == 2


class Standing:
    """A crew of one that says when it stands still."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.still = 0
        self.moves: list[int] = []

    async def play(self, orders: Sequence[Order]) -> list[Played]:
        raise NotImplementedError

    def kill(self, place: int) -> bool:
        return False

    def stop(self, place: int) -> bool:
        self.still += 1
        self.moves.append(self.still)
        return True

    def go_on(self, place: int) -> None:
        self.still -= 1
        self.moves.append(self.still)


async def test_who_stands_still_is_stopped_again_only_afterwards() -> None:
    """Otherwise the end of the first pause would end the second one too."""
    crew = Standing()
    blows = [Blow(at, "pause", 0, seconds=0.03) for at in (0.0, 0.01, 0.02)]
    suffered = await Nemesis(crew).strike(blows)
    assert crew.moves == [1, 0] * 3
    assert [one.end - one.begin >= 30_000_000 for one in suffered] == [True] * 3
