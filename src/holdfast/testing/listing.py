"""Listings: pages in the order of creation that stay whole while sessions move, come and go."""

from holdfast.backend import (
    Add,
    Backend,
    Delete,
    Deleted,
    Found,
    List,
    Listed,
    Record,
    Touch,
    Where,
)
from holdfast.testing.steps import (
    HOUR,
    NAMESPACE,
    Advance,
    apply,
    ask,
    create,
    expect,
    read,
)

EVERYTHING = Where()


async def list_pages(
    backend: Backend, limit: int, where: Where = EVERYTHING, *, namespace: str = NAMESPACE
) -> list[tuple[tuple[str, Record], ...]]:
    """Follow the cursors to the end; every page is within its limit."""
    pages: list[tuple[tuple[str, Record], ...]] = []
    cursor = None
    while True:
        page = await ask(backend, List(namespace, limit, cursor, where), Listed)
        assert len(page.sessions) <= limit
        assert page.cursor is None or cursor is None or page.cursor > cursor
        pages.append(page.sessions)
        cursor = page.cursor
        if cursor is None:
            return pages


async def list_ids(
    backend: Backend, limit: int, where: Where = EVERYTHING, *, namespace: str = NAMESPACE
) -> list[str]:
    """List all ids, page by page."""
    pages = await list_pages(backend, limit, where, namespace=namespace)
    return [session_id for page in pages for session_id, _ in page]


class Listing:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def make(
        self, backend: Backend, advance: Advance, total: int, *, together: int = 1
    ) -> list[str]:
        """Create sessions, `together` of them without letting time pass, ids against the order."""
        made: list[tuple[int, str]] = []
        for place in range(total):
            if place % together == 0:
                await advance(0.1)
            session_id = f"s{(place * 7919) % 1000:03}"
            record = await create(backend, f"{NAMESPACE}/{session_id}")
            made.append((record.created, session_id))
        return [session_id for _, session_id in sorted(made)]

    async def test_an_empty_namespace_has_one_empty_page(self, backend: Backend) -> None:
        """Nothing to list is no error, and its page is the last."""
        await expect(backend, List(NAMESPACE, 5), Listed((), None))

    async def test_pages_hold_every_session_once(self, backend: Backend, advance: Advance) -> None:
        """Oldest first, whatever the size of the pages, with the records as they are read."""
        expected = await self.make(backend, advance, 23)
        for limit in (1, 5, 23, 24, 1000):
            assert await list_ids(backend, limit) == expected
        for page in await list_pages(backend, 6):
            for session_id, record in page:
                assert record == await read(backend, f"{NAMESPACE}/{session_id}")

    async def test_sessions_of_one_moment_are_listed_by_id(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Pages may end between two sessions that were created at the same time."""
        expected = await self.make(backend, advance, 30, together=10)
        for limit in (1, 3, 7, 30):
            assert await list_ids(backend, limit) == expected

    async def test_pages_stay_whole_while_deadlines_move(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Sessions in use between two pages are neither skipped nor listed twice."""
        expected = await self.make(backend, advance, 12)
        seen: list[str] = []
        cursor = None
        for _ in range(4):
            page = await ask(backend, List(NAMESPACE, 3, cursor), Listed)
            seen += [session_id for session_id, _ in page.sessions]
            cursor = page.cursor
            for session_id in reversed(expected):
                await ask(backend, Touch(f"{NAMESPACE}/{session_id}", ttl=2 * HOUR), Found)
                await apply(backend, f"{NAMESPACE}/{session_id}", slide=True)
        assert seen == expected

    async def test_pages_stay_whole_while_sessions_come_and_go(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Deletions, even of the session at the cursor, hide no other; new ones come last."""
        expected = await self.make(backend, advance, 12)
        first = await ask(backend, List(NAMESPACE, 5), Listed)
        for place in (0, 4, 5, 9):
            await ask(backend, Delete(f"{NAMESPACE}/{expected[place]}"), Deleted)
        await advance(1)
        await create(backend, f"{NAMESPACE}/!first-by-id")
        second = await ask(backend, List(NAMESPACE, 100, first.cursor), Listed)
        rest = [expected[place] for place in (6, 7, 8, 10, 11)]
        assert [session_id for session_id, _ in second.sessions] == [*rest, "!first-by-id"]
        assert second.cursor is None

    async def test_an_id_created_again_is_listed_at_its_new_place(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Once, as the new session that it is."""
        expected = await self.make(backend, advance, 4)
        await ask(backend, Delete(f"{NAMESPACE}/{expected[0]}"), Deleted)
        await advance(1)
        await create(backend, f"{NAMESPACE}/{expected[0]}")
        assert await list_ids(backend, 2) == [*expected[1:], expected[0]]

    async def test_expired_sessions_are_not_listed(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Collected or not."""
        for place in range(6):
            ttl = self.second if place % 2 else HOUR
            await create(backend, f"{NAMESPACE}/{place}", ttl=ttl)
        await advance(2)
        assert sorted(await list_ids(backend, 2)) == ["0", "2", "4"]

    async def test_a_listing_is_filtered_by_user(self, backend: Backend) -> None:
        """One of several tags is enough; a session without a user has none of them."""
        for place, tag in enumerate((b"ann", b"bob", b"", b"ann'", b"ann")):
            await create(backend, f"{NAMESPACE}/{place}", user_tag=tag)
        assert sorted(await list_ids(backend, 2, Where(user_tags=(b"ann",)))) == ["0", "4"]
        both = Where(user_tags=(b"bob", b"ann"))
        assert sorted(await list_ids(backend, 1, both)) == ["0", "1", "4"]
        assert await list_ids(backend, 2, Where(user_tags=(b"eve",))) == []

    async def test_a_session_whose_user_has_a_newer_tag_is_listed_once(
        self, backend: Backend
    ) -> None:
        """By either tag, or both; the older one no longer finds it where only that is asked."""
        keys = [f"{NAMESPACE}/{place}" for place in range(8)]
        for key in keys:
            await create(backend, key, user_tag=b"old", values={b"t": b"v"})
        for key in keys[:6]:
            await apply(backend, key, replace=True, user_tags=(b"new", b"old"), set={b"t": b"w"})
        for limit in (1, 3, 10):
            both = await list_ids(backend, limit, Where(user_tags=(b"new", b"old")))
            assert sorted(both) == [str(place) for place in range(8)]
        assert sorted(await list_ids(backend, 3, Where(user_tags=(b"new",)))) == list("012345")
        assert sorted(await list_ids(backend, 3, Where(user_tags=(b"old",)))) == ["6", "7"]

    async def test_a_listing_is_filtered_by_time_of_creation(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Both ends belong to the range."""
        expected = await self.make(backend, advance, 9)
        created = [(await read(backend, f"{NAMESPACE}/{name}")).created for name in expected]
        inside = Where(created_from=created[2], created_to=created[5])
        assert await list_ids(backend, 2, inside) == expected[2:6]
        assert await list_ids(backend, 2, Where(created_from=created[8])) == expected[8:]
        assert await list_ids(backend, 2, Where(created_to=created[0] - 1)) == []

    async def test_a_listing_is_filtered_by_integers(self, backend: Backend) -> None:
        """As they are now, both ends included; a session that has none counts as 0."""
        for place, visits in enumerate((0, 3, 5, 9)):
            await create(backend, f"{NAMESPACE}/{place}", integers={"visits": visits, "up": 0})
        await create(backend, f"{NAMESPACE}/none")
        await apply(backend, f"{NAMESPACE}/1", add=(Add("visits", 1, 99),), claim=("up",))
        few = Where(integers=(("visits", 4, 5),))
        assert sorted(await list_ids(backend, 1, few)) == ["1", "2"]
        both = Where(integers=(("visits", 0, 5), ("up", 0, 0)))
        assert sorted(await list_ids(backend, 2, both)) == ["0", "2", "none"]

    async def test_all_filters_hold_together(self, backend: Backend) -> None:
        """A session has to match each of them."""
        for place in range(8):
            tag = b"ann" if place % 2 else b"bob"
            key = f"{NAMESPACE}/{place}"
            await create(backend, key, user_tag=tag, integers={"visits": place})
        where = Where(user_tags=(b"ann",), created_from=0, integers=(("visits", 2, 6),))
        assert sorted(await list_ids(backend, 1, where)) == ["3", "5"]

    async def test_a_listing_keeps_to_its_namespace(self, backend: Backend) -> None:
        """Not even one whose name begins alike."""
        for namespace in ("a", "ab", "b"):
            await create(backend, f"{namespace}/of-{namespace}")
        assert await list_ids(backend, 9, namespace="a") == ["of-a"]
