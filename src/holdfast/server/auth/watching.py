"""Sockets live as long as the sign-in that opened them, on whichever worker either of them is."""

import asyncio

from holdfast.errors import StoreUnavailable
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.principal import Principal
from holdfast.server.closing import Ended, Ending


async def until_signed_out(sign_in: SignIn, caller: Principal | None) -> None:
    """Wait until a caller's sign-in ends; one without any waits for ever.

    Raises:
        Ended: they are signed out, the sign-in was ended for them, or its time is over.
    """
    if caller is None or caller.login_id is None:
        await asyncio.Event().wait()
        return
    while True:
        try:
            async for _ in sign_in.logins.store.watch(caller.login_id):
                pass
        except StoreUnavailable as exc:
            await asyncio.sleep(exc.retry_after)
        else:
            raise Ended(Ending.SESSION_ENDED, "you are signed out")


async def is_signed_in(sign_in: SignIn, caller: Principal | None) -> bool:
    """Say whether a caller's sign-in still stands; keys are there until the service stops."""
    if caller is None or caller.login_id is None:
        return True
    return await sign_in.logins.get(caller.login_id) is not None
