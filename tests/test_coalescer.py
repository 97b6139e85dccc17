"""Callers travel together, each with its own answer, whoever else fails, leaves or closes."""

import asyncio
from collections.abc import Sequence

import pytest

from holdfast.backend import Apply, Counted, Create, Operation, Outcome, Read
from holdfast.coalescer import MAX_BATCH, MAX_BATCH_BYTES, Answer, Coalescer
from holdfast.errors import StoreUnavailable
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled


class Recorder:
    """Answers `Read("n/7")` with `Counted(7)`, batch by batch, and remembers the batches."""

    def __init__(self, *, delay: float = 0.0) -> None:
        self.batches: list[list[Operation]] = []
        self.under_way = 0
        self._delay = delay

    async def run(self, operations: Sequence[Operation]) -> Sequence[Answer]:
        assert self.under_way == 0, "two batches at once"
        self.under_way += 1
        self.batches.append(list(operations))
        await asyncio.sleep(self._delay)
        self.under_way -= 1
        return [answer(operation) for operation in operations]

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]

    @property
    def sent(self) -> list[Operation]:
        return [operation for batch in self.batches for operation in batch]


def ask(number: int) -> Read:
    return Read(f"n/{number}")


def answer(operation: Operation) -> Outcome:
    assert isinstance(operation, Read)
    return Counted(int(operation.key.partition("/")[2]))


async def test_what_is_asked_in_one_tick_is_one_batch() -> None:
    """In the order of asking; each caller gets the answer to its own operation."""
    recorder = Recorder()
    coalescer = Coalescer(recorder.run)
    answers = await asyncio.gather(*(coalescer.execute(ask(number)) for number in range(100)))
    assert answers == [Counted(number) for number in range(100)]
    assert recorder.batches == [[ask(number) for number in range(100)]]


async def test_what_is_asked_meanwhile_is_the_next_batch() -> None:
    """One batch is under way at a time, and nobody waits behind more than that one."""
    recorder = Recorder(delay=0.01)
    coalescer = Coalescer(recorder.run)
    first = asyncio.create_task(coalescer.execute(ask(0)))
    await asyncio.sleep(0.005)
    rest = [asyncio.create_task(coalescer.execute(ask(number))) for number in range(1, 8)]
    assert await first == Counted(0)
    assert await asyncio.gather(*rest) == [Counted(number) for number in range(1, 8)]
    assert recorder.sizes == [1, 7]


async def test_a_batch_holds_256_operations() -> None:
    """A crowd is served in turn, first come first served."""
    recorder = Recorder()
    coalescer = Coalescer(recorder.run)
    await asyncio.gather(*(coalescer.execute(ask(number)) for number in range(600)))
    assert recorder.sizes == [MAX_BATCH, MAX_BATCH, 600 - 2 * MAX_BATCH]
    assert recorder.sent == [ask(number) for number in range(600)]


async def test_a_batch_holds_a_megabyte() -> None:
    """Large operations share a batch up to that size; a larger one travels alone."""
    sizes: list[int] = []

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        sizes.append(len(operations))
        return [Counted(0)] * len(operations)

    coalescer = Coalescer(run)
    half, double = b"x" * (MAX_BATCH_BYTES // 2), b"x" * (2 * MAX_BATCH_BYTES)
    asked: list[Operation] = [
        Apply("n/1", "c1", set={b"a": half}),
        Apply("n/2", "c2", append=(half,)),
        Create("n/3", "i", 1, 1, b"", {}, {b"a": half}),
        Apply("n/4", "c4", set={b"a": double}),
        Read("n/5"),
    ]
    await asyncio.gather(*(coalescer.execute(operation) for operation in asked))
    assert sizes == [2, 1, 1, 1]


async def test_a_caller_who_leaves_before_the_batch_withdraws() -> None:
    """Its operation is never sent; its neighbours' are."""
    recorder = Recorder()
    coalescer = Coalescer(recorder.run)
    callers = [asyncio.create_task(coalescer.execute(ask(number))) for number in range(3)]
    await asyncio.sleep(0)
    callers[1].cancel()
    await asyncio.wait(callers)
    assert callers[1].cancelled()
    assert (callers[0].result(), callers[2].result()) == (Counted(0), Counted(2))
    assert recorder.sent == [ask(0), ask(2)]


async def test_a_caller_who_leaves_later_loses_only_its_answer() -> None:
    """What was sent is finished, and the others of the batch are answered."""
    recorder = Recorder(delay=0.01)
    coalescer = Coalescer(recorder.run)
    callers = [asyncio.create_task(coalescer.execute(ask(number))) for number in range(3)]
    await asyncio.sleep(0.005)
    callers[1].cancel()
    await asyncio.wait(callers)
    assert callers[1].cancelled()
    assert (callers[0].result(), callers[2].result()) == (Counted(0), Counted(2))
    assert recorder.sent == [ask(0), ask(1), ask(2)]


async def test_one_failure_is_one_callers() -> None:
    """An exception among the answers is raised to the one who asked."""

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        return [
            ValueError("spoilt") if operation == ask(1) else answer(operation)
            for operation in operations
        ]

    coalescer = Coalescer(run)
    outcomes = await asyncio.gather(
        *(coalescer.execute(ask(number)) for number in range(3)), return_exceptions=True
    )
    assert outcomes[0::2] == [Counted(0), Counted(2)]
    assert isinstance(outcomes[1], ValueError)


async def test_a_failed_batch_fails_for_all_of_it_and_for_nobody_else() -> None:
    """The next batch is sent as if nothing had happened."""
    failures = [StoreUnavailable("out", outcome="unknown")]

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        if failures:
            raise failures.pop()
        return [answer(operation) for operation in operations]

    coalescer = Coalescer(run)
    outcomes = await asyncio.gather(
        *(coalescer.execute(ask(number)) for number in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert await coalescer.execute(ask(4)) == Counted(4)


@pytest.mark.parametrize(
    "failure", [StoreUnavailable("out", outcome="unknown"), ValueError("spoilt")]
)
async def test_each_caller_of_a_failed_batch_has_an_error_of_its_own(failure: Exception) -> None:
    """What one of them writes on it or raises it from, the others do not see."""

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        raise failure from OSError("disk")

    coalescer = Coalescer(run)
    outcomes = await asyncio.gather(
        *(coalescer.execute(ask(number)) for number in range(3)), return_exceptions=True
    )
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert (type(error), str(error)) == (type(failure), str(failure))
        assert vars(error) == vars(failure)
        assert isinstance(error.__cause__, OSError)


async def test_an_error_that_cannot_be_copied_is_raised_all_the_same() -> None:
    """Its class makes no second one of what the first one holds."""

    class Particular(Exception):
        def __init__(self, *, what: str) -> None:
            super().__init__(f"{what} is out", what)

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        raise Particular(what="disk")

    coalescer = Coalescer(run)
    outcomes = await asyncio.gather(
        *(coalescer.execute(ask(number)) for number in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Particular] * 3


@pytest.mark.parametrize("surplus", [-1, 1])
async def test_a_wrong_number_of_answers_is_told_to_everybody(surplus: int) -> None:
    """Nobody can say whose answer is missing: none is given out, and nobody waits for ever."""

    async def run(operations: Sequence[Operation]) -> Sequence[Answer]:
        return [Counted(0)] * (len(operations) + surplus)

    coalescer = Coalescer(run)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(
            *(coalescer.execute(ask(number)) for number in range(3)), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 3


async def test_the_queue_is_bounded() -> None:
    """Who finds it full is told at once, and nothing of its operation is done."""
    recorder = Recorder()
    coalescer = Coalescer(recorder.run, max_waiting=10)
    outcomes = await asyncio.gather(
        *(coalescer.execute(ask(number)) for number in range(15)), return_exceptions=True
    )
    assert outcomes[:10] == [Counted(number) for number in range(10)]
    refused = [failure for failure in outcomes[10:] if isinstance(failure, StoreUnavailable)]
    assert [failure.outcome for failure in refused] == ["not_applied"] * 5
    assert len(recorder.sent) == 10


async def test_closing_answers_what_waits_and_takes_nothing_more() -> None:
    """Also twice, and when nothing was ever asked."""
    recorder = Recorder(delay=0.001)
    coalescer = Coalescer(recorder.run)
    callers = [asyncio.create_task(coalescer.execute(ask(number))) for number in range(300)]
    await asyncio.sleep(0)
    await coalescer.aclose()
    assert [caller.result() for caller in callers] == [Counted(number) for number in range(300)]
    with pytest.raises(StoreUnavailable):
        await coalescer.execute(ask(1))
    await coalescer.aclose()
    await Coalescer(recorder.run).aclose()


async def test_a_close_that_is_given_up_takes_no_answer_away() -> None:
    """Whoever closes may be cancelled; whoever asked before is still answered."""
    recorder = Recorder(delay=0.01)
    coalescer = Coalescer(recorder.run)
    callers = [asyncio.create_task(coalescer.execute(ask(number))) for number in range(300)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(coalescer.aclose())
    await asyncio.sleep(0.005)
    closing.cancel()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*callers) == [Counted(number) for number in range(300)]


async def test_statistics_count_batches() -> None:
    """Batches, operations, the largest batch, and who waits now."""
    coalescer = Coalescer(Recorder().run)
    await asyncio.gather(*(coalescer.execute(ask(number)) for number in range(300)))
    await coalescer.execute(ask(1))
    assert coalescer.statistics() == {
        "batches": 3,
        "batched_operations": 301,
        "largest_batch": MAX_BATCH,
        "waiting": 0,
    }


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_under_every_schedule_each_caller_has_its_own_answer(first: int) -> None:
    """Callers come, go and are cancelled in any order: no answer is lost, doubled or crossed."""

    async def scenario(clock: ManualClock) -> None:
        recorder = Recorder(delay=0.001)
        coalescer = Coalescer(recorder.run)
        answered: list[int] = []

        async def call(number: int) -> None:
            await asyncio.sleep(number % 5 / 1000)
            for place in range(3):
                asked = number * 10 + place
                assert await coalescer.execute(ask(asked)) == Counted(asked)
                answered.append(asked)

        callers = [asyncio.create_task(call(number)) for number in range(30)]
        loop = asyncio.get_running_loop()
        for number in range(0, 30, 3):
            loop.call_later(number / 7000, callers[number].cancel)
        await asyncio.wait(callers)
        for number, caller in enumerate(callers):
            assert caller.cancelled() or caller.exception() is None
            assert number % 3 == 0 or not caller.cancelled()
        assert len(set(answered)) == len(answered)
        assert len(set(recorder.sent)) == len(recorder.sent)
        assert {ask(number) for number in answered} <= set(recorder.sent)

    shuffled(scenario, seeds=range(first, first + 50))


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_under_every_schedule_closing_leaves_nobody_waiting(first: int) -> None:
    """Each caller is answered, or told that the store is closed and nothing was done."""

    async def scenario(clock: ManualClock) -> None:
        recorder = Recorder(delay=0.001)
        coalescer = Coalescer(recorder.run)
        refused: set[Operation] = set()

        async def call(number: int) -> None:
            await asyncio.sleep(number % 4 / 1000)
            try:
                answered = await coalescer.execute(ask(number))
            except StoreUnavailable:
                refused.add(ask(number))
            else:
                assert answered == Counted(number)

        async def close() -> None:
            await asyncio.sleep(0.002)
            await coalescer.aclose()

        closing = asyncio.create_task(close())
        asyncio.get_running_loop().call_later(first % 100 * 0.00005, closing.cancel)
        await asyncio.gather(*(call(number) for number in range(20)))
        await coalescer.aclose()
        assert set(recorder.sent) == {ask(number) for number in range(20)} - refused

    shuffled(scenario, seeds=range(first, first + 50))
