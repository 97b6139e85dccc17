"""Changes: what they do, in which order they are refused, and that a refusal leaves no trace."""

from typing import Any, Final

from holdfast.backend import (
    Absent,
    Acquire,
    Add,
    Apply,
    Backend,
    Changed,
    Conflict,
    Delete,
    Deleted,
    FlagUp,
    Granted,
    LeaseGone,
    OverLimit,
    Release,
    Released,
    TooLarge,
    UserDiffers,
)
from holdfast.testing.steps import (
    HOUR,
    KEY,
    apply,
    ask,
    change,
    create,
    expect,
    numbers,
    read,
    read_log,
    untouched,
)

LARGEST: Final = 2**53 - 1
HOLDER: Final = "holder"


class Changing:
    """A change does all that it says, and moves the revision by one."""

    async def test_values_are_set_replaced_and_unset(self, backend: Backend) -> None:
        """Each value is written on its own; the others stay as they are."""
        await create(backend, values={b"a": b"1", b"b": b"2"})
        await apply(backend, set={b"b": b"two", b"c": b""}, unset=(b"a", b"never there"))
        assert (await read(backend)).values == {b"b": b"two", b"c": b""}

    async def test_integers_are_put_and_added_to(self, backend: Backend) -> None:
        """`put` writes, `add` moves; what is not named stays, what is missing counts as 0."""
        await create(backend, integers={"visits": 5, "written": 5, "kept": 7})
        answer = await apply(
            backend, put={"written": 1}, add=(Add("visits", -3, 100), Add("new", 2, 100))
        )
        assert answer.integers == {"visits": 2, "written": 1, "kept": 7, "new": 2}
        assert (await read(backend)).integers == answer.integers

    async def test_each_change_is_one_revision(self, backend: Backend) -> None:
        """The answer names the incarnation and the new revision, even of an empty change."""
        record = await create(backend)
        answers = [await apply(backend) for _ in range(3)]
        assert [answer.revision for answer in answers] == [2, 3, 4]
        assert {answer.incarnation for answer in answers} == {record.incarnation}
        assert [answer.replayed for answer in answers] == [False] * 3
        assert (await read(backend)).revision == 4

    async def test_a_change_is_activity(self, backend: Backend) -> None:
        """`updated` and `active` say when; nothing else of the record's times moves."""
        before = await create(backend)
        await apply(backend, set={b"a": b"1"})
        after = await read(backend)
        assert after.updated == after.active >= before.updated
        assert (after.created, after.base, after.ttl, after.cap) == (
            before.created, before.base, before.ttl, before.cap,
        )  # fmt: skip

    async def test_what_was_read_stays_as_it_was(self, backend: Backend) -> None:
        """A record is a value: later changes do not reach one that somebody holds."""
        await create(backend, values={b"a": b"1"}, integers={"visits": 1})
        held = await read(backend)
        await apply(backend, set={b"a": b"2"}, add=(Add("visits", 1, 9),))
        assert (held.revision, held.values, held.integers) == (1, {b"a": b"1"}, {"visits": 1})

    async def test_a_replacement_takes_the_place_of_everything(self, backend: Backend) -> None:
        """Old values and integers go, flags included; the user, the log and the cap stay."""
        before = await create(
            backend, user_tag=b"u", values={b"a": b"1"}, integers={"visits": 4, "up": 1}
        )
        await apply(backend, append=(b"item",))
        answer = await apply(
            backend, replace=True, user_tags=(b"u", b"v"), set={b"z": b"26"}, put={"visits": 1}
        )
        after = await read(backend)
        assert (after.values, after.integers) == ({b"z": b"26"}, {"visits": 1})
        assert answer.integers == {"visits": 1}
        assert (after.user_tag, after.cap) == (b"u", before.cap)
        assert await numbers(backend) == [1]

    async def test_a_replacement_starts_a_new_idle_time(self, backend: Backend) -> None:
        """With `ttl`, the session lives that long from now."""
        await create(backend)
        await apply(backend, replace=True, user_tags=(b"",), ttl=2 * HOUR)
        record = await read(backend)
        assert (record.base, record.ttl) == (record.updated, 2 * HOUR)

    async def test_a_change_is_whole(self, backend: Backend) -> None:
        """Values, integers, flags and log of one change arrive together."""
        await create(backend, values={b"a": b"1"})
        await apply(
            backend, set={b"b": b"2"}, unset=(b"a",), put={"set": 3}, add=(Add("visits", 1, 9),),
            claim=("up",), append=(b"one", b"two"),
        )  # fmt: skip
        record = await read(backend)
        assert record.values == {b"b": b"2"}
        assert record.integers == {"set": 3, "visits": 1, "up": 1}
        assert [item.sealed for item in (await read_log(backend)).items] == [b"one", b"two"]
        assert (record.length, record.last_item, record.revision) == (2, 2, 2)


class Refusing:
    """A refused change leaves state, log, counters and count exactly as they were."""

    async def test_refusals_come_in_the_documented_order(self, backend: Backend) -> None:
        """Lease, revision, limits, flags, size; and each of them leaves everything as it was."""
        await create(backend, integers={"visits": 3, "up": 1}, values={b"a": b"1"})
        wrong: dict[str, Any] = {
            "lease_token": "nobody's",
            "expect_revision": 99,
            "add": (Add("visits", 1, 3),),
            "claim": ("up",),
            "max_bytes": 3,
        }
        for refusal in (
            LeaseGone(), Conflict(1), OverLimit("visits", 3, 3), FlagUp("up"), TooLarge(5, 3),
        ):  # fmt: skip
            asked = change(set={b"b": b"2222"}, append=(b"item",), put={"more": 1}, **wrong)
            async with untouched(backend):
                await expect(backend, asked, refusal)
            del wrong[next(iter(wrong))]
        await ask(backend, change(set={b"b": b"2222"}), Changed)

    async def test_a_known_change_is_answered_before_it_is_checked(self, backend: Backend) -> None:
        """A retry gets its answer although lease, revision, limit and flag are against it now."""
        await create(backend)
        await ask(backend, Acquire(KEY, HOLDER, HOUR), Granted)
        asked = change(
            remember=True, digest=b"d", lease_token=HOLDER, expect_revision=1, claim=("up",),
            add=(Add("visits", 1, 1),), set={b"a": b"1"},
        )  # fmt: skip
        first = await ask(backend, asked, Changed)
        await ask(backend, Release(KEY, HOLDER), Released)
        async with untouched(backend):
            await expect(backend, asked, first._replace(replayed=True))

    async def test_absence_comes_before_everything(self, backend: Backend) -> None:
        """A session that is not there has no lease, no revision and no limits."""
        asked = Apply(KEY, "c", lease_token=HOLDER, expect_revision=3, add=(Add("n", -1, 0),))
        await expect(backend, asked, Absent())
        await create(backend)
        await ask(backend, Delete(KEY), Deleted)
        await expect(backend, asked, Absent())

    async def test_a_change_keeps_its_conditions(self, backend: Backend) -> None:
        """It is applied at the expected revision of the expected incarnation only."""
        record = await create(backend)
        await apply(backend)
        async with untouched(backend):
            for expected in ((record.incarnation, 1), ("another", 2), ("another", None), (None, 3)):
                incarnation, revision = expected
                asked = change(expect_incarnation=incarnation, expect_revision=revision)
                await expect(backend, asked, Conflict(2))
        await apply(backend, expect_incarnation=record.incarnation, expect_revision=2)
        await apply(backend, expect_revision=3)
        await apply(backend, expect_incarnation=record.incarnation)
        assert (await read(backend)).revision == 5

    async def test_counters_stay_within_their_limits(self, backend: Backend) -> None:
        """Exactly the limit and exactly 0 can be reached, and nothing beyond them."""
        await create(backend)
        up, down = Add("visits", 4, 9), Add("visits", -3, 9)
        for delta, value in ((up, 4), (up, 8), (Add("visits", 1, 9), 9), (down, 6), (down, 3)):
            assert (await apply(backend, add=(delta,))).integers["visits"] == value
        async with untouched(backend):
            above = change(add=(Add("visits", 7, 9),))
            await expect(backend, above, OverLimit("visits", 3, 9))
            below = change(add=(Add("visits", -4, 9),))
            await expect(backend, below, OverLimit("visits", 3, 0))
        assert (await apply(backend, add=(down,))).integers["visits"] == 0

    async def test_counters_reach_the_largest_exact_integer(self, backend: Backend) -> None:
        """2^53 - 1 is counted exactly, and not passed."""
        await create(backend, integers={"visits": LARGEST - 2})
        one = Add("visits", 1, LARGEST)
        answers = [await apply(backend, add=(one,)) for _ in range(2)]
        assert [answer.integers["visits"] for answer in answers] == [LARGEST - 1, LARGEST]
        async with untouched(backend):
            await expect(backend, change(add=(one,)), OverLimit("visits", LARGEST, LARGEST))
        await apply(backend, add=(Add("visits", -LARGEST, LARGEST),))
        assert (await read(backend)).integers == {"visits": 0}

    async def test_a_counter_above_its_limit_may_only_fall(self, backend: Backend) -> None:
        """A limit lowered later stops additions and lets the counter come down."""
        await create(backend, integers={"visits": 50})
        asked = change(add=(Add("visits", 1, 10),))
        await expect(backend, asked, OverLimit("visits", 50, 10))
        assert (await apply(backend, add=(Add("visits", 0, 10),))).integers == {"visits": 50}
        assert (await apply(backend, add=(Add("visits", -5, 10),))).integers == {"visits": 45}

    async def test_one_counter_over_its_limit_holds_back_the_others(self, backend: Backend) -> None:
        """Two counters of one change move together or not at all."""
        await create(backend, integers={"a": 0, "b": 5})
        async with untouched(backend):
            asked = change(add=(Add("a", 1, 5), Add("b", 1, 5)))
            await expect(backend, asked, OverLimit("b", 5, 5))
        assert (await read(backend)).integers == {"a": 0, "b": 5}

    async def test_a_counter_of_a_family_is_not_kept_at_0(self, backend: Backend) -> None:
        """Its name holds a dot; gone it counts as 0, and no other one goes with it."""
        await create(backend, integers={"a": 0, "open.b": 2, "open.bc": 3, "open.c": 4})
        taken = await apply(backend, add=(Add("open.b", -2, 9), Add("a", 0, 9)))
        assert taken.integers == {"a": 0, "open.bc": 3, "open.c": 4}
        async with untouched(backend):
            asked = change(add=(Add("a", 1, 9), Add("open.b", -1, 9)))
            await expect(backend, asked, OverLimit("open.b", 0, 0))
        await apply(backend, put={"open.c": 0, "open.never": 0}, add=(Add("open.b", 1, 1),))
        await apply(backend, add=(Add("open.d", 0, 9),))
        assert (await read(backend)).integers == {"a": 0, "open.bc": 3, "open.b": 1}

    async def test_a_flag_is_raised_once(self, backend: Backend) -> None:
        """The second claim finds the flag up; lowered, it can be claimed again."""
        await create(backend, integers={"up": 0})
        assert (await apply(backend, claim=("up",))).integers == {"up": 1}
        async with untouched(backend):
            asked = change(claim=("other", "up"), set={b"a": b"1"}, append=(b"item",))
            await expect(backend, asked, FlagUp("up"))
        await apply(backend, put={"up": 0})
        assert (await apply(backend, claim=("up", "other"))).integers == {"up": 1, "other": 1}

    async def test_a_session_is_not_replaced_by_one_of_another_user(self, backend: Backend) -> None:
        """Not even one of nobody's; what the user may be called is told by `user_tags`."""
        await create(backend, user_tag=b"ann", values={b"a": b"1"}, integers={"up": 1})
        async with untouched(backend):
            for tags in ((b"bob",), (b"",), ()):
                asked = change(replace=True, user_tags=tags, set={b"a": b"2"}, append=(b"item",))
                await expect(backend, asked, UserDiffers())
        await apply(backend, replace=True, user_tags=(b"bob", b"ann"))

    async def test_the_size_of_all_values_is_limited(self, backend: Backend) -> None:
        """What counts is the size after the change; what is unset in it makes room."""
        await create(backend, values={b"a": b"x" * 60, b"b": b"x" * 20})
        async with untouched(backend):
            asked = change(set={b"b": b"x" * 41}, max_bytes=100)
            await expect(backend, asked, TooLarge(101, 100))
        await apply(backend, set={b"b": b"x" * 40}, max_bytes=100)
        await apply(backend, set={b"c": b"x" * 60}, unset=(b"a",), max_bytes=100)
        assert sum(map(len, (await read(backend)).values.values())) == 100

    async def test_a_replacement_is_limited_by_itself(self, backend: Backend) -> None:
        """What it replaces does not count."""
        await create(backend, values={b"a": b"x" * 90})
        user = (b"",)
        await apply(backend, replace=True, user_tags=user, set={b"b": b"x" * 100}, max_bytes=100)
        async with untouched(backend):
            asked = change(replace=True, user_tags=user, set={b"b": b"x" * 101}, max_bytes=100)
            await expect(backend, asked, TooLarge(101, 100))
