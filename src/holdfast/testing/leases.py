"""Leases: one holder at a time, a fence that only grows, no write under a lease that is over."""

from holdfast.backend import (
    Absent,
    Acquire,
    Backend,
    Changed,
    Delete,
    Deleted,
    Granted,
    Held,
    LeaseGone,
    Release,
    Released,
    Renew,
)
from holdfast.testing.steps import (
    HOUR,
    KEY,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    change,
    create,
    expect,
    read,
    untouched,
)

FIRST, SECOND, THIEF = "first", "second", "thief"


async def acquire(
    backend: Backend, token: str, *, ttl: int = HOUR, steal: bool = False, key: str = KEY
) -> Granted:
    """Take a lease that is free, this token's own, or to be stolen."""
    return await ask(backend, Acquire(key, token, ttl, steal), Granted)


class Leasing:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_a_lease_has_one_holder(self, backend: Backend) -> None:
        """Who asks while it is held is told for how long at most."""
        await create(backend)
        assert (await acquire(backend, FIRST)).remaining == HOUR
        held = await ask(backend, Acquire(KEY, SECOND, HOUR), Held)
        assert 0 < held.remaining <= HOUR

    async def test_a_lease_is_no_change(self, backend: Backend) -> None:
        """Taking, renewing and giving back moves no revision, no deadline, no activity."""
        await create(backend)
        async with untouched(backend):
            await acquire(backend, FIRST)
            await ask(backend, Renew(KEY, FIRST, HOUR), Granted)
            await ask(backend, Release(KEY, FIRST), Released)

    async def test_the_own_lease_is_granted_again(self, backend: Backend, advance: Advance) -> None:
        """A repeated acquire, its first answer lost, finds itself the holder, and starts anew."""
        await create(backend)
        first = await acquire(backend, "mine", ttl=10 * self.second)
        await advance(7)
        again = await acquire(backend, "mine", ttl=10 * self.second)
        assert again == first
        await advance(7)
        await ask(backend, Acquire(KEY, "other", HOUR), Held)

    async def test_a_lease_ends_by_itself(self, backend: Backend, advance: Advance) -> None:
        """After its time it is anybody's, and no longer its holder's."""
        await create(backend)
        first = await acquire(backend, FIRST, ttl=10 * self.second)
        await advance(8)
        held = await ask(backend, Acquire(KEY, SECOND, HOUR), Held)
        assert held.remaining <= 2 * self.second
        await advance(3)
        await expect(backend, change(lease_token=FIRST), LeaseGone())
        await expect(backend, Renew(KEY, FIRST, HOUR), LeaseGone())
        await expect(backend, Release(KEY, FIRST), Released(False))
        assert (await acquire(backend, SECOND)).fence > first.fence

    async def test_a_renewed_lease_lasts_on(self, backend: Backend, advance: Advance) -> None:
        """Renewed in time it stays its holder's, for the time that the renewal says."""
        await create(backend)
        first = await acquire(backend, FIRST, ttl=10 * self.second)
        for _ in range(4):
            await advance(6)
            renewed = await ask(backend, Renew(KEY, FIRST, 10 * self.second), Granted)
            assert renewed == Granted(first.fence, 10 * self.second)
        await ask(backend, Acquire(KEY, SECOND, HOUR), Held)
        await apply(backend, lease_token=FIRST)

    async def test_only_the_holder_renews(self, backend: Backend) -> None:
        """Neither another token nor one that never held anything extends a lease."""
        await create(backend)
        await expect(backend, Renew(KEY, FIRST, HOUR), LeaseGone())
        await acquire(backend, FIRST)
        await expect(backend, Renew(KEY, SECOND, HOUR), LeaseGone())
        await apply(backend, lease_token=FIRST)

    async def test_only_the_holder_releases(self, backend: Backend) -> None:
        """Another token's release does nothing; the own one frees the session at once."""
        await create(backend)
        first = await acquire(backend, FIRST)
        for token in (SECOND, ""):
            await expect(backend, Release(KEY, token), Released(False))
        await ask(backend, Acquire(KEY, SECOND, HOUR), Held)
        await expect(backend, Release(KEY, FIRST), Released(True))
        await expect(backend, Release(KEY, FIRST), Released(False))
        assert (await acquire(backend, SECOND)).fence > first.fence

    async def test_a_write_under_the_lease_passes(self, backend: Backend) -> None:
        """The holder's changes are applied; changes without a token do not ask for a lease."""
        await create(backend)
        await acquire(backend, FIRST)
        assert (await apply(backend, lease_token=FIRST)).revision == 2
        assert (await apply(backend)).revision == 3

    async def test_a_write_under_a_lost_lease_is_refused(self, backend: Backend) -> None:
        """Never granted, another's, released or stolen: refused in the same step, nothing done."""
        await create(backend)
        late = change(lease_token=FIRST, set={b"a": b"late"}, append=(b"late",))
        async with untouched(backend):
            await expect(backend, late, LeaseGone())
            await acquire(backend, SECOND)
            await expect(backend, late, LeaseGone())
            await ask(backend, Release(KEY, SECOND), Released)
            await acquire(backend, FIRST)
            await ask(backend, Release(KEY, FIRST), Released)
            await expect(backend, late, LeaseGone())
            await acquire(backend, FIRST)
            await acquire(backend, THIEF, steal=True)
            await expect(backend, late, LeaseGone())

    async def test_a_stolen_lease_is_the_thiefs(self, backend: Backend) -> None:
        """The old holder can neither renew nor release what was taken from it."""
        await create(backend)
        first = await acquire(backend, FIRST)
        thief = await acquire(backend, THIEF, steal=True)
        assert thief.fence > first.fence
        await expect(backend, Renew(KEY, FIRST, HOUR), LeaseGone())
        await expect(backend, Release(KEY, FIRST), Released(False))
        await ask(backend, Acquire(KEY, FIRST, HOUR), Held)
        await apply(backend, lease_token=THIEF)

    async def test_the_fence_only_grows(self, backend: Backend, advance: Advance) -> None:
        """Through release, expiry and theft, each new holder has a greater one."""
        await create(backend)
        fences: list[int] = []
        for turn in range(12):
            grant = await acquire(backend, f"t{turn}", ttl=self.second, steal=turn % 3 == 1)
            fences.append(grant.fence)
            if turn % 3 == 1:
                await ask(backend, Release(KEY, f"t{turn}"), Released)
            elif turn % 3 == 2:
                await advance(2)
        assert fences == sorted(set(fences))

    async def test_a_lease_belongs_to_one_session(self, backend: Backend) -> None:
        """The same token on another session holds nothing there."""
        await create(backend)
        await create(backend, OTHER_KEY)
        await acquire(backend, FIRST)
        await acquire(backend, SECOND, key=OTHER_KEY)
        await expect(backend, change(OTHER_KEY, lease_token=FIRST), LeaseGone())
        await ask(backend, Release(OTHER_KEY, SECOND), Released)
        await ask(backend, change(lease_token=FIRST), Changed)

    async def test_a_lease_ends_with_its_session(self, backend: Backend) -> None:
        """A holder finds an ended session absent, and a new one under that id not its own."""
        await create(backend)
        await acquire(backend, FIRST)
        await ask(backend, Delete(KEY), Deleted)
        await expect(backend, Renew(KEY, FIRST, HOUR), Absent())
        await expect(backend, Acquire(KEY, FIRST, HOUR), Absent())
        await create(backend)
        await expect(backend, change(lease_token=FIRST), LeaseGone())
        assert (await read(backend)).revision == 1
