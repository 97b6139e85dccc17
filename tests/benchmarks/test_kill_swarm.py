import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kill_swarm.audit import Kept, violations
from benchmarks.kill_swarm.journal import Journal, Order, Written, read_journals

FIRST = Order("0.1.0.1", "tally-0", added=1, items=2, sets=True)
SECOND = Order("0.1.0.2", "tally-0", added=7, items=1, sets=False)
OPEN = Order("1.2.0.1", "tally-0", added=1, items=1, sets=False)
LOG = [(1, "0.1.0.1#0"), (2, "0.1.0.1#1"), (3, "0.1.0.2#0")]
SOUND = Kept("tally-0", revision=3, total=8, items=LOG)


@pytest.fixture
def written() -> Written:
    """Two changes that were acknowledged, and one that nobody can tell of."""
    sent = {order.change_id: order for order in (FIRST, SECOND, OPEN)}
    return Written(sent, {"0.1.0.1": 2, "0.1.0.2": 3}, {}, [])


@pytest.mark.slow
def test_a_short_campaign_ends_without_a_violation(tmp_path: Path) -> None:
    """Three kills of four writers lose and double nothing, and the seed is printed."""
    command = [sys.executable, "-m", "benchmarks.kill_swarm", "--kills", "3", "--seed", "7"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / "swarm")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 7" in done.stdout
    assert "violations: 0" in done.stdout
    journals = sorted((tmp_path / "swarm").glob("*.journal"))
    assert len(journals) == 4
    assert not read_journals(*journals).unknown


def test_a_sound_store_has_no_violation(written: Written) -> None:
    """An open change may be missing, and may be there."""
    with_open = Kept("tally-0", revision=4, total=9, items=[*LOG, (4, "1.2.0.1#0")])
    assert violations([SOUND], written) == []
    assert violations([with_open], written) == []


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (SOUND._replace(revision=2, total=1, items=LOG[:2]), "acknowledged and is lost"),
        (SOUND._replace(total=1), "total is 1, not 8..9"),
        (SOUND._replace(revision=5), "changes is 4, not 2..3"),
        (SOUND._replace(items=[*LOG, (4, "0.1.0.2#0")]), "is there 2 times"),
        (SOUND._replace(items=[*LOG, (4, "9.9.9.9#0")]), "was never sent here"),
        (SOUND._replace(items=[*LOG, (5, "1.2.0.1#0")]), "have gaps or repeat"),
        (SOUND._replace(items=[LOG[0], (2, LOG[2][1]), (3, LOG[1][1])]), "stand apart"),
        (Kept("tally-0", 0, 0, []), "acknowledged and is lost"),
    ],
)
def test_what_is_lost_doubled_or_misnumbered_is_found(
    kept: Kept, said: str, written: Written
) -> None:
    """Each way in which a store can be wrong has a sentence of its own."""
    assert any(said in violation for violation in violations([kept], written))


def test_a_complaint_of_a_writer_is_a_violation(tmp_path: Path) -> None:
    """A repeated change that was answered differently is not forgotten."""
    path = tmp_path / "one.journal"
    Journal(path).complain("0.1.0.1 was applied again")
    assert violations([], read_journals(path)) == ["0.1.0.1 was applied again"]


def test_a_journal_gives_back_what_was_noted(tmp_path: Path) -> None:
    """What was sent and not answered is open; what was settled is not."""
    path = tmp_path / "one.journal"
    journal = Journal(path)
    for order in (FIRST, SECOND, OPEN):
        journal.send(order)
    journal.acknowledge(FIRST, 2)
    assert read_journals(path).unknown == [SECOND, OPEN]
    journal.settle(SECOND, 3, replayed=True)
    assert read_journals(path).unknown == [OPEN]
    assert read_journals(path, tmp_path / "absent.journal").settled == {"0.1.0.2": True}
