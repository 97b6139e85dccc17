"""Signing out: the login ends, and with it its tokens, its cookie and its sockets."""

from collections.abc import Iterable

from holdfast.server.auth.parts import SignIn


async def leave(
    sign_in: SignIn, login_ids: Iterable[str], *, everywhere: bool, address: str | None
) -> int:
    """Sign devices out, or all devices of their users; say how many."""
    ended = 0
    for login_id in login_ids:
        login = await sign_in.logins.get(login_id)
        if login is None:
            continue
        if everywhere:
            ended += await sign_in.logins.end_all(login.user_id or "")
        else:
            ended += await sign_in.logins.end(login_id)
        await sign_in.trail.record(
            "logout.everywhere" if everywhere else "logout",
            actor=login.user_id,
            session_id=login_id,
            network=address,
        )
    return ended
