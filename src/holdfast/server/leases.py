"""Leases over HTTP: a session held by one caller, until the lease ends or is given back."""

from fastapi import APIRouter

from holdfast.errors import LeaseLost, SessionNotFound
from holdfast.fastapi import Store
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
    session_id: SessionId, body: LeaseRequest, store: Store[ServiceSession]
) -> LeaseReply:
    """Wait for the session, and hold it for `ttl_seconds`."""
    grant = await store.leases.acquire(
        session_id, ttl=body.ttl_seconds, wait=body.wait_seconds, steal=body.steal
    )
    return _reply(grant, store.leases)


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


def _reply(grant: Grant, leases: Leases) -> LeaseReply:
    ends = expires_at(grant, now=leases.monotonic())
    return LeaseReply(lease_token=grant.token, fence=grant.fence, expires_at=ends)
