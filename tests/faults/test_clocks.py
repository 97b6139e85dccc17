"""Clocks that are wrong, or are set while they are used.

`libfaketime` tells processes another time of the day; time that only goes on is left alone.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.working import Working, working
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.slow


class Clock:
    """A clock that processes read from a file: so many seconds from the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set it: all processes that read it are there at once."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s")
        new.rename(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """Give what a process reads it by."""
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@contextmanager
def two(url: str, session_id: str, clock: Clock) -> Iterator[tuple[Working, Working]]:
    """Start two processes, the first of which goes by the clock."""
    with working(url, session_id, clock.environment) as wrong, working(url, session_id) as right:
        yield wrong, right


def server_time(server: RedisServer) -> float:
    seconds, micros = server.ask("TIME")
    return int(seconds) + int(micros) / 1_000_000


@pytest.mark.parametrize(("offset", "query"), [(300, ""), (-300, "?near_cache=10")])
def test_a_process_with_a_wrong_clock_goes_by_the_stores(
    own_redis: RedisServer, clock: Clock, offset: int, query: str
) -> None:
    """Deadlines, leases and limits are as for everybody else, also when its clock is set."""
    with two(own_redis.url(query=query), "clock", clock) as (wrong, right):
        clock.set(offset)
        assert abs(wrong.ask("now") - right.ask("now") - offset) < 5
        created = wrong.ask("create", 60)
        assert abs(created["created"] - server_time(own_redis)) < 5
        assert created["expires"] - created["created"] == 60
        first = wrong.ask("hold", 1)
        assert wrong.ask("write") == 1
        for again in (-offset, offset):
            clock.set(again)
            assert wrong.ask("get") == right.ask("get")
            assert wrong.ask("lost") is False
            assert isinstance(wrong.ask("write"), int)
        assert [worker.ask("take") for worker in (wrong, right, wrong)] == [True, True, False]
        clock.set(0)
        right.tell("hold", 1)
        wrong.send(signal.SIGKILL)
        assert right.answer() > first
