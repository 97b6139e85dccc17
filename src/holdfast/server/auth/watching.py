"""Sockets live as long as the sign-in that opened them, on whichever worker either of them is."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TypeVar

from holdfast.errors import StoreUnavailable
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.principal import Principal
from holdfast.server.auth.standing import LOOKED_UP_SECONDS
from holdfast.server.closing import Ended, Ending

T = TypeVar("T")


async def until_signed_out(sign_in: SignIn, caller: Principal | None) -> None:
    """Wait until a caller's sign-in ends; one without any waits for ever.

    Its user is looked up once in a while, too: see `Standing`.

    Raises:
        Ended: they are signed out, the sign-in was ended for them, or its time is over.
        DatabaseUnavailable: nobody can tell whether the user still may be signed in.
    """
    if caller is None or caller.login_id is None:
        await asyncio.Event().wait()
        return
    while True:
        try:
            while await is_signed_in(sign_in, caller):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOKED_UP_SECONDS):
                        async for _ in sign_in.logins.store.watch(caller.login_id):
                            pass
        except StoreUnavailable as exc:
            await asyncio.sleep(exc.retry_after)
        else:
            raise Ended(Ending.SESSION_ENDED, "you are signed out")


async def while_signed_in(
    told: AsyncGenerator[T], sign_in: SignIn, caller: Principal | None
) -> AsyncGenerator[T]:
    """Pass on what is told, until there is no more or the caller is signed out."""
    guard = asyncio.create_task(until_signed_out(sign_in, caller))
    async with aclosing(told):
        try:
            while True:
                step = asyncio.ensure_future(anext(told, None))
                try:
                    await asyncio.wait({step, guard}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not step.done():
                        step.cancel()
                        await asyncio.gather(step, return_exceptions=True)
                if guard.done() or (piece := step.result()) is None:
                    return
                yield piece
        finally:
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)


async def is_signed_in(sign_in: SignIn, caller: Principal | None) -> bool:
    """Say whether a caller's sign-in still stands; keys are there until the service stops."""
    if caller is None or caller.login_id is None:
        return True
    login = await sign_in.logins.get(caller.login_id)
    return login is not None and await sign_in.standing.holds(login)
