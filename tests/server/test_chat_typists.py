"""Notes of who writes, between two workers, on a clock of the test's own."""

from typing import Any

from holdfast.server.conversation.typists import EVERY, LASTS, Typists


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_note_is_written_renewed_and_taken_away() -> None:
    """At most one in a second, however often somebody begins and stops."""
    clock = Clock()
    here, there = Typists(clock=clock), Typists(clock=clock)
    assert not here.has_news()
    written: list[Any] = []
    for step in range(100):
        here.note("tab", on=step % 2 == 0)
        if here.has_news():
            written.append(here.news())
            there.hear(written[-1])
        clock.now += 0.1
    assert 2 <= len(written) <= 10 / EVERY + 1
    here.note("tab", on=True)
    clock.now += EVERY
    assert here.has_news()
    there.hear(here.news())
    assert there.others("anybody")
    clock.now += LASTS / 2
    assert here.has_news()
    there.hear(here.news())
    here.note("tab", on=False)
    clock.now += here.pause()
    assert here.has_news()
    there.hear(here.news())
    assert not there.others("anybody")
    assert not here.has_news()


def test_nothing_is_left_of_who_is_gone() -> None:
    """A note counts for a moment, whatever its writer's clock shows."""
    clock = Clock()
    ahead, here = Typists(clock=lambda: clock.now + 3600), Typists(clock=clock)
    ahead.note("tab", on=True)
    here.hear(ahead.news())
    assert here.others("anybody")
    clock.now += here.pause()
    assert not here.others("anybody")


def test_nobody_hears_themselves() -> None:
    """Neither a tab nor its worker."""
    here = Typists(clock=Clock())
    here.note("tab", on=True)
    here.hear(here.news())
    assert not here.others("tab")
    assert here.others("another tab")
    here.hear({"run_id": "r1", "beat": 1, "status": "writing", "text": "…"})
    assert not here.others("tab")
