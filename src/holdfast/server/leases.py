"""Leases over HTTP: a session held by one caller, until the lease ends or is given back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request

from holdfast.errors import LeaseLost, SessionNotFound
from holdfast.fastapi import Problem, Store
from holdfast.holding import expires_at
from holdfast.lease import Grant, Leases
from holdfast.server.access import KeyedRoute
from holdfast.server.model import ServiceSession
from holdfast.server.replies import LeaseReply, StatusReply
from holdfast.server.requests import HeldLease, LeaseRequest, ReleasedLease, SessionId

router = APIRouter(
    prefix="/v1/sessions/{session_id}/lease",
    tags=["Leases"],
    route_class=KeyedRoute,
)


@router.post("")
async def acquire(
    session_id: SessionId, body: LeaseRequest, store: Store[ServiceSession], request: Request
) -> LeaseReply:
    """Wait for the session, and hold it for `ttl_seconds`; who hangs up gets no lease."""
    leases = store.leases
    asking = asyncio.create_task(
        leases.acquire(session_id, ttl=body.ttl_seconds, wait=body.wait_seconds, steal=body.steal)
    )
    try:
        async with _gone(request) as gone:
            await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                return _reply(await asking, leases)
    except asyncio.CancelledError:
        _give_up(asking, leases, session_id)
        raise
    _give_up(asking, leases, session_id)
    raise Problem(499, "CLIENT_GONE", "Client gone", "The caller did not wait for the lease.")


@router.put("")
async def renew(session_id: SessionId, body: HeldLease, store: Store[ServiceSession]) -> LeaseReply:
    """Start the lease's time again."""
    grant = await store.leases.renew(session_id, body.lease_token, ttl=body.ttl_seconds)
    return _reply(grant, store.leases)


@router.delete("", response_model_exclude_none=True)
async def release(
    session_id: SessionId, body: ReleasedLease, store: Store[ServiceSession]
) -> StatusReply:
    """Give the lease back."""
    if await store.leases.release(session_id, body.lease_token):
        return StatusReply(status="released")
    if await store.exists(session_id):
        raise LeaseLost(session_id)
    raise SessionNotFound(session_id)


@asynccontextmanager
async def _gone(request: Request) -> AsyncGenerator[asyncio.Task[None]]:
    """Give what ends when the caller hangs up; its body has been read."""

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waiting = asyncio.create_task(wait())
    try:
        yield waiting
    finally:
        waiting.cancel()


def _give_up(asking: asyncio.Task[Grant], leases: Leases, session_id: str) -> None:
    """Take no lease: waiting ends, and what was granted all the same is given back."""

    def give_back(task: asyncio.Task[Grant]) -> None:
        if not task.cancelled() and task.exception() is None:
            leases.release_surely(session_id, task.result().token)

    asking.add_done_callback(give_back)
    asking.cancel()


def _reply(grant: Grant, leases: Leases) -> LeaseReply:
    ends = expires_at(grant, now=leases.monotonic())
    return LeaseReply(lease_token=grant.token, fence=grant.fence, expires_at=ends)
