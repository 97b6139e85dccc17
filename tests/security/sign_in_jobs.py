"""What several processes do with the logins of one store at the same time."""

import asyncio
from typing import NamedTuple

from tests.security.processes import Work
from tests.security.sign_in import ANNA, HOME, Ahead, desk

EACH = 25


class Exchanged(NamedTuple):
    """What one process was given for its calls, and what it put on the trail."""

    given: list[str | None]
    events: list[str]


async def refresh_at_once(work: Work) -> Exchanged:
    """Exchange one refresh token many times."""
    async with desk(work.url, work.keyring) as parts:
        await parts.login_of(work.told)
        await work.meet()
        calls = (parts.refreshing.refresh(work.told, HOME) for _ in range(EACH))
        exchanged = await asyncio.gather(*calls)
    return Exchanged([one and one.token for one in exchanged], parts.trail.events)


async def rotate_at_once(work: Work) -> list[tuple[str | None, bool]]:
    """Exchange one secret of a cookie many times."""
    login_id, secret = work.told
    ahead = Ahead()
    ahead.seconds = 1000
    async with desk(work.url, work.keyring, ahead=ahead) as parts:
        assert await parts.logins.get(login_id) is not None
        await work.meet()
        calls = (parts.rotation.open(login_id, secret) for _ in range(EACH))
        opened = await asyncio.gather(*calls)
    return [(one.renewed, one.rotated) if one else (None, False) for one in opened]


async def begin_at_once(work: Work) -> int:
    """Sign one user in on many devices."""
    async with desk(work.url, work.keyring) as parts:
        await parts.logins.of_user(ANNA.user_id)
        await work.meet()
        begun = await asyncio.gather(*(parts.begin() for _ in range(EACH)))
    return len(begun)
