"""Recording: two lines a call, whole whatever happens to the process, merged afterwards."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import FlagTaken, LimitReached, RevisionConflict, StoreUnavailable
from holdfast.testing.histories import BrokenHistory, Call, History, Recorder, Reply
from holdfast.testing.histories.events import NEVER, monotonic
from holdfast.testing.histories.recording import reply_of

GET = Call("get", "s")


async def nothing() -> None:
    return None


async def test_a_call_is_two_lines(tmp_path: Path) -> None:
    """The first is written before the call begins, the second after it ended."""
    path = tmp_path / "history.jsonl"
    with Recorder(path, process="p") as recorder:

        async def look() -> dict[str, Any]:
            assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["get"]
            return {"revision": 1}

        assert await recorder.record("c", GET, look) == Reply("ok", {"revision": 1})
    (event,) = History.load(path).events
    assert (event.who, event.kind, event.session) == ("p/c", "get", "s")
    assert (event.outcome, event.answer) == ("ok", {"revision": 1})
    assert event.begin < event.end <= monotonic()


def test_errors_become_replies_with_their_facts() -> None:
    """A refusal did nothing; only an unavailable store may leave it unknown."""
    assert reply_of(RevisionConflict("s", expected=1, found=4)) == Reply(
        "refused", {"found": 4}, "RevisionConflict"
    )
    assert reply_of(FlagTaken("s", flag="closed")).answer == {"flag": "closed"}
    limit = LimitReached("s", counter="visits", value=3, limit=4)
    assert reply_of(limit).answer == {"counter": "visits", "value": 3, "limit": 4}
    assert reply_of(StoreUnavailable()).outcome == "refused"
    assert reply_of(StoreUnavailable(outcome="unknown")).outcome == "unknown"


async def test_a_cancelled_call_is_unknown(tmp_path: Path) -> None:
    """And the cancellation goes on."""
    path = tmp_path / "history.jsonl"
    with Recorder(path, process="p") as recorder:
        work = asyncio.create_task(recorder.record("c", GET, asyncio.Event().wait))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    (event,) = History.load(path).events
    assert (event.outcome, event.error, event.end) == ("unknown", "CancelledError", NEVER)


async def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A torn beginning never was, a torn end leaves the call unknown."""
    path = tmp_path / "history.jsonl"
    with Recorder(path, process="p") as recorder:
        await recorder.record("c", GET, nothing)
        await recorder.record("c", GET, nothing)
    lines = path.read_bytes()
    path.write_bytes(lines[:-5])
    first, second = History.load(path).events
    assert (first.outcome, second.outcome, second.error) == ("ok", "unknown", "cut off")
    path.write_bytes(lines[: lines.index(b"\n") * 2 + 10])
    assert len(History.load(path)) == 1


def test_a_file_that_no_recorder_wrote_is_refused(tmp_path: Path) -> None:
    """By naming the line."""
    path = tmp_path / "history.jsonl"
    for wrong in ("not JSON\n", "[]\n", '{"op": 1, "end": 5}\n', '{"begin": 1}\n'):
        path.write_text(wrong)
        with pytest.raises(BrokenHistory, match=r"history\.jsonl:1"):
            History.load(path)


def test_a_recorder_never_continues_a_file(tmp_path: Path) -> None:
    """Two recorders in one file would give the same numbers twice."""
    path = tmp_path / "history.jsonl"
    path.write_text("")
    with pytest.raises(FileExistsError):
        Recorder(path, process="p")


async def test_files_of_several_processes_merge(tmp_path: Path) -> None:
    """In the order in which the calls began, each under a number of its own."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    with Recorder(paths[0], process="a") as one, Recorder(paths[1], process="b") as other:
        for recorder in (one, other, one, other):
            await recorder.record("c", GET, nothing)
    history = History.load(*paths)
    assert [event.process for event in history.events] == ["a", "b", "a", "b"]
    assert len({event.number for event in history.events}) == 4


WRITER = """
import sys
from pathlib import Path
from holdfast.testing.histories import Call, Recorder, Reply

recorder = Recorder(Path(sys.argv[1]), process="killed")
print("ready", flush=True)
while True:
    number = recorder.begin("c", Call("append", "s", {"items": ["x" * 3000]}))
    recorder.end(number, Reply("ok", number))
"""


def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    """All calls but the last had ended; at most the last line is torn."""
    path = tmp_path / "history.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        while path.stat().st_size < 500_000 and writer.poll() is None:
            os.sched_yield()
        writer.send_signal(signal.SIGKILL)
    events = History.load(path).events
    assert len(events) > 100
    assert [event.answer for event in events if event.outcome == "ok"] == list(
        range(1, len([event for event in events if event.outcome == "ok"]) + 1)
    )
    assert sum(event.outcome == "unknown" for event in events) <= 1


UNTESTED = """
import sys

sys.modules.update(dict.fromkeys(("pytest", "hypothesis", "_pytest")))
import holdfast.testing.histories

assert callable(holdfast.testing.histories.check)
"""


def test_histories_need_neither_pytest_nor_hypothesis() -> None:
    """What `holdfast verify` needs is the library alone."""
    subprocess.run([sys.executable, "-c", UNTESTED], check=True, timeout=30)
