"""Concurrency: many at once are as good as one after another, and each gets its own answer.

Races run several rounds on one warm backend: the first round alone hides broken stores.
"""

import asyncio
import random
from collections import Counter as Tally
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final

from holdfast.backend import (
    Acquire,
    Add,
    Apply,
    Backend,
    Changed,
    Conflict,
    Created,
    Delete,
    Deleted,
    Drop,
    Dropped,
    Existing,
    FlagUp,
    Found,
    Granted,
    Held,
    Operation,
    Outcome,
    OverLimit,
    Read,
)
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    apply,
    ask,
    change,
    count,
    create,
    creation,
    numbers,
    read,
    read_log,
)

ROUNDS: Final = 4
ONE: Final = (Add("visits", 1, 2**53 - 1),)


async def race(backend: Backend, operations: Sequence[Operation]) -> list[Outcome]:
    """Ask for everything at once."""
    return await asyncio.gather(*(backend.execute(operation) for operation in operations))


def kinds(outcomes: Sequence[Outcome]) -> dict[type[Outcome], int]:
    """Count the answers by kind."""
    return dict(Tally(type(outcome) for outcome in outcomes))


class Racing:
    """Of many that want the same, exactly as many get it as there is of it."""

    async def test_a_hundred_increments_return_each_number_once(self, backend: Backend) -> None:
        """Nobody's increment is lost, and nobody is told another's."""
        await create(backend)
        for turn in range(ROUNDS):
            answers = await race(backend, [change(add=ONE) for _ in range(100)])
            assert sorted(map(_visits, answers)) == list(range(turn * 100 + 1, turn * 100 + 101))

    async def test_fifty_changes_are_all_there(self, backend: Backend) -> None:
        """Each writes a value of its own; all of them stand beside each other afterwards."""
        await create(backend)
        for turn in range(ROUNDS):
            tags = [b"%d/%d" % (turn, place) for place in range(50)]
            await race(backend, [change(set={tag: tag}) for tag in tags])
            assert (await read(backend)).values.keys() >= set(tags)
        assert len((await read(backend)).values) == 50 * ROUNDS

    async def test_a_flag_is_raised_by_one_of_fifty(self, backend: Backend) -> None:
        """And the others are told that it was up."""
        await create(backend)
        for turn in range(ROUNDS):
            flag = f"flag{turn}"
            answers = await race(backend, [change(claim=(flag,)) for _ in range(50)])
            assert kinds(answers) == {Changed: 1, FlagUp: 49}

    async def test_a_limit_lets_exactly_its_number_pass(self, backend: Backend) -> None:
        """Of fifty that want one of ten, ten get it."""
        await create(backend)
        for turn in range(ROUNDS):
            last = (Add(f"places{turn}", 1, 10),)
            answers = await race(backend, [change(add=last) for _ in range(50)])
            assert kinds(answers) == {Changed: 10, OverLimit: 40}

    async def test_one_revision_is_followed_by_one_change(self, backend: Backend) -> None:
        """Of twenty writers that have read the same, one writes."""
        revision = (await create(backend)).revision
        for turn in range(ROUNDS):
            asked = [change(expect_revision=revision + turn, add=ONE) for _ in range(20)]
            assert kinds(await race(backend, asked)) == {Changed: 1, Conflict: 19}
        assert (await read(backend)).integers == {"visits": ROUNDS}

    async def test_a_session_is_created_once(self, backend: Backend) -> None:
        """Of twenty creations one wins; all the others are shown the winner's."""
        for turn in range(ROUNDS):
            key = f"{NAMESPACE}/{turn}"
            answers = await race(backend, [creation(key) for _ in range(20)])
            assert kinds(answers) == {Created: 1, Existing: 19}
            made = {
                answer.record.incarnation
                for answer in answers
                if isinstance(answer, Created | Existing)
            }
            assert made == {(await read(backend, key)).incarnation}
        assert await count(backend) == ROUNDS

    async def test_a_session_is_deleted_once(self, backend: Backend) -> None:
        """Of ten deletions one finds it."""
        for _ in range(ROUNDS):
            await create(backend)
            answers = await race(backend, [Delete(KEY)] * 10)
            assert sorted(answers) == [Deleted(False)] * 9 + [Deleted(True)]

    async def test_a_lease_is_granted_to_one_of_ten(self, backend: Backend) -> None:
        """Whoever comes with a token of its own waits for the one that was first."""
        for turn in range(ROUNDS):
            key = f"{NAMESPACE}/{turn}"
            await create(backend, key)
            answers = await race(backend, [Acquire(key, f"t{place}", HOUR) for place in range(10)])
            assert kinds(answers) == {Granted: 1, Held: 9}

    async def test_a_change_sent_many_times_at_once_is_applied_once(self, backend: Backend) -> None:
        """All get the same answer, all but one marked as replayed."""
        await create(backend)
        for turn in range(ROUNDS):
            asked = change(change_id=f"c{turn}", remember=True, add=ONE, append=(b"item",))
            answers = await race(backend, [asked] * 20)
            first = next(answer for answer in answers if answer[-1:] == (False,))
            assert isinstance(first, Changed)
            assert (first.revision, first.first_item) == (turn + 2, turn + 1)
            assert _visits(first) == turn + 1
            answers.remove(first)
            assert answers == [first._replace(replayed=True)] * 19

    async def test_appended_items_have_each_number_once(self, backend: Backend) -> None:
        """The numbers that the answers name hold exactly what their changes appended."""
        await create(backend)
        for turn in range(ROUNDS):
            names = [b"%d/%d" % (turn, place) for place in range(30)]
            items = [(name + b"a", name + b"b") for name in names]
            answers = await race(backend, [change(append=pair) for pair in items])
            log = {item.number: item.sealed for item in (await read_log(backend)).items}
            for pair, answer in zip(items, answers, strict=True):
                assert isinstance(answer, Changed)
                assert answer.first_item is not None
                assert (log[answer.first_item], log[answer.last_item]) == pair
        assert await numbers(backend) == list(range(1, 60 * ROUNDS + 1))

    async def test_an_item_is_popped_by_one_only(self, backend: Backend) -> None:
        """Of thirty pops on twenty items, twenty get one, each another."""
        await create(backend)
        await apply(backend, append=(b"item",) * 20)
        answers = await race(backend, [Drop(KEY)] * 30)
        popped = [answer.item for answer in answers if isinstance(answer, Dropped)]
        assert sorted(item.number for item in popped if item) == list(range(1, 21))
        assert await numbers(backend) == []

    async def test_readers_never_see_half_a_change(self, backend: Backend) -> None:
        """Values, counter, revision and log move together, whenever one looks."""
        await create(backend, values={b"a": b"0", b"b": b"0"}, integers={"visits": 0})

        def step(place: int) -> Apply:
            text = b"%d" % place
            return change(set={b"a": text, b"b": text}, put={"visits": place}, append=(text,))

        async def write() -> None:
            for place in range(1, 101):
                await backend.execute(step(place))

        async def look() -> None:
            for _ in range(100):
                record = (await ask(backend, Read(KEY), Found)).record
                place = record.integers["visits"]
                assert record.values == {b"a": b"%d" % place, b"b": b"%d" % place}
                assert (record.revision, record.last_item) == (place + 1, place)

        await asyncio.gather(write(), look(), look(), look())


def _visits(outcome: Outcome) -> int:
    assert isinstance(outcome, Changed)
    return outcome.integers["visits"]


class Crowding:
    """Large values, large crowds and impatient callers."""

    async def test_a_thousand_operations_at_once_are_answered_apart(self, backend: Backend) -> None:
        """Each answer belongs to the session that was asked about."""
        keys = [f"{NAMESPACE}/{place}" for place in range(250)]
        asked = [creation(key, values={b"key": key.encode()}) for key in keys]
        created = await race(backend, asked)
        assert [answer.record.incarnation for answer in created if isinstance(answer, Created)] == [
            operation.incarnation for operation in asked
        ]
        mixed: list[Operation] = []
        for key in keys:
            mixed += [Read(key), change(key, add=ONE), Read(key), Read(f"{NAMESPACE}/no{key[-3:]}")]
        answers = await race(backend, mixed)
        for place, operation in enumerate(asked):
            first, changed, second, _ = answers[4 * place : 4 * place + 4]
            assert isinstance(changed, Changed)
            assert changed.incarnation == operation.incarnation
            for found in (first, second):
                assert isinstance(found, Found)
                assert found.record.values == operation.values

    async def test_large_values_come_back_whole(self, backend: Backend) -> None:
        """A megabyte in a value, and in an item, also many at once."""
        await create(backend)
        large = random.Random(1).randbytes(1_000_000)
        await apply(backend, set={b"a": large}, append=(large,))
        for place in range(5):
            await create(backend, f"{NAMESPACE}/{place}")
        for outcome in await race(
            backend,
            [change(f"{NAMESPACE}/{place}", set={b"a": large[place:]}) for place in range(5)],
        ):
            assert isinstance(outcome, Changed)
        for place in range(5):
            assert (await read(backend, f"{NAMESPACE}/{place}")).values == {b"a": large[place:]}
        assert (await read(backend)).values == {b"a": large}
        assert (await read_log(backend)).items[0].sealed == large

    async def test_a_session_holds_many_values_and_items(self, backend: Backend) -> None:
        """Ten thousand items in one change, a thousand values in another."""
        await create(backend)
        items = tuple(b"%d" % number for number in range(10_000))
        await apply(backend, append=items, max_items=20_000)
        values = {b"tag%d" % place: b"v%d" % place for place in range(1_000)}
        await apply(backend, set=values)
        assert (await read(backend)).values == values
        assert tuple(item.sealed for item in (await read_log(backend)).items) == items

    async def test_cancelled_callers_leave_whole_sessions(self, backend: Backend) -> None:
        """Counters end between what was acknowledged and what was asked for.

        Six of ten callers are cancelled at random points. No answer reaches a neighbour, and
        counter, log and revision of every session agree: no change was half applied.
        """
        rng = random.Random(20)
        keys = [f"{NAMESPACE}/{place}" for place in range(20)]
        made = {key: (await create(backend, key)).incarnation for key in keys}
        acknowledged = Tally[str]()
        asked = Tally[str]()

        async def visit(key: str) -> None:
            answer = await ask(backend, change(key, add=ONE, append=(key.encode(),)), Changed)
            assert answer.incarnation == made[key]
            acknowledged[key] += 1
            seen = await ask(backend, Read(key), Found)
            assert seen.record.incarnation == made[key]

        for _ in range(20):
            chosen = rng.choices(keys, k=50)
            asked.update(chosen)
            await _impatiently(map(visit, chosen), rng)
        for key in keys:
            record = await read(backend, key)
            total = record.integers.get("visits", 0)
            assert acknowledged[key] <= total <= asked[key]
            assert (record.revision, record.last_item) == (total + 1, total)
            assert {item.sealed for item in (await read_log(backend, key)).items} <= {key.encode()}

    async def test_cancelled_creations_are_whole_or_absent(self, backend: Backend) -> None:
        """Whoever asks again under the same incarnation gets the session, once."""
        rng = random.Random(30)
        asked = [creation(f"{NAMESPACE}/{place}", values={b"a": b"1"}) for place in range(60)]
        await _impatiently(map(backend.execute, asked), rng)
        for operation in asked:
            assert (await ask(backend, operation, Created)).record.values == {b"a": b"1"}
        assert await count(backend) == len(asked)

    async def test_statistics_are_numbers(self, backend: Backend) -> None:
        """Each has a name, and can be read while work goes on."""
        await create(backend)
        await race(backend, [change(add=ONE) for _ in range(10)])
        for name, value in backend.statistics().items():
            assert name.isidentifier()
            assert type(value) is int
            assert value >= 0


async def _impatiently(callers: Iterable[Coroutine[Any, Any, object]], rng: random.Random) -> None:
    """Run all callers, six of ten cancelled somewhere on their way; let failures out."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[object]] = []
    for caller in callers:
        tasks.append(asyncio.create_task(caller))
        if rng.random() < 0.6:
            loop.call_later(rng.choice((0, 0, 0.0002, 0.001, 0.003)), tasks[-1].cancel)
        if rng.random() < 0.3:
            await asyncio.sleep(0)
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
