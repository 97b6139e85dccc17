"""What other workers can do about a run: see whether it lives, and ask it to stop."""

from holdfast.change import Change
from holdfast.errors import LeaseLost, LeaseUnavailable, RevisionConflict, SessionNotFound
from holdfast.session import RunMark, SupportSession
from holdfast.store import SessionStore
from holdfast.support.turn import INTERRUPTED

Store = SessionStore[SupportSession]


async def examine(store: Store, session_id: str, *, lease_ttl: float) -> RunMark | None:
    """Give the mark of the newest run, true by now; see `SupportAgent.examine`."""
    mark = (await _read(store, session_id)).run
    if mark is None or mark.state != "running":
        return mark
    try:
        async with store.lease(session_id, ttl=lease_ttl, wait=0) as lease:
            mark = (await _read(store, session_id)).run
            if mark is None or mark.state != "running":
                return mark
            # Whoever runs a run holds the lease; nobody did.
            gone = mark.model_copy(update={"state": "interrupted", "reason": INTERRUPTED})
            await lease.apply(Change(set={"run": gone}))
            return gone
    except LeaseUnavailable:
        return mark


async def take_over(store: Store, session_id: str, run_id: str, *, lease_ttl: float) -> None:
    """Interrupt a run whose worker is silent; see `SupportAgent.take_over`."""
    while True:
        session = await _read(store, session_id)
        mark = session.run
        if mark is None or mark.run_id != run_id or mark.state != "running":
            return
        if mark.lease_token is None:
            break
        gone = mark.model_copy(
            update={"state": "interrupted", "reason": INTERRUPTED, "lease_token": None}
        )
        # Under its own lease: whoever has the session by now keeps it.
        change = Change(set={"run": gone}).under(mark.lease_token)
        try:
            await store.apply(session_id, change.at(session.incarnation, session.revision))
        except RevisionConflict:
            continue
        except LeaseLost:
            break
        await store.leases.release(session_id, mark.lease_token)
        return
    await examine(store, session_id, lease_ttl=lease_ttl)


async def request_stop(store: Store, session_id: str, run_id: str | None) -> str | None:
    """Mark a run to be stopped; see `SupportAgent.request_stop`."""
    while True:
        session = await _read(store, session_id)
        mark = session.run
        if mark is None or mark.state != "running" or run_id not in {None, mark.run_id}:
            return None
        if mark.stop:
            return mark.run_id
        change = Change(set={"run": mark.model_copy(update={"stop": True})})
        try:
            await store.apply(session_id, change.at(session.incarnation, session.revision))
        except RevisionConflict:
            continue
        return mark.run_id


async def _read(store: Store, session_id: str) -> SupportSession:
    session = await store.get(session_id, fresh=True)
    if session is None:
        raise SessionNotFound(session_id)
    return session
