"""Asking a store what a call says, and its answer as JSON.

What requests hold (all but those marked * may be left out), and what is answered:

    create       integers, values, ttl                           the snapshot
    get                                                          the snapshot, or null
    get_or_create  integers, values*                             the snapshot
    set          revision*, incarnation*, integers, values       the revision made
    apply        set, unset, put, add, at_most, claim, append,
                 expect_revision, expect_incarnation,
                 lease_token, change_id                          the revision made
    increment    name*, delta, at_most                           the counter's value
    claim        flag*                                           true or false
    append       items*                                          the number of the last item
    items        after, limit                                    [[number, value], …]
    pop_item                                                     [number, value], or null
    clear_items                                                  null
    touch, exists                                                true or false
    extend       ttl*                                            true or false
    delete       expect_revision, expect_incarnation             true or false
    acquire      ttl*, wait, renewed                             {token, fence}
    steal        ttl*, renewed                                   {token, fence}
    renew        token*, ttl*                                    {fence}
    release      token*                                          true or false
    transact     name*, delta*, set                              the revision made
    get_batch    sessions*                                       [[session, snapshot or null], …]
    list                                                         [[session, snapshot], …]
    count                                                        how many there are
    watch        watch*, after*                                  {revision}, {ended}, {waiting}

`transact` reads a counter and sets it to the sum. `get_or_create` was a creation where the answer
shows the very values of its request, which nobody else writes, and else a read. It and `get_batch`
are for stores without a near cache, which may answer them with what was there a moment ago.
`get_batch`, `list` and `count` are of several sessions, and have `EVERYWHERE` in the place of one.

A `watch` is one step of the watch so named, which was at revision `after`: the next revision, the
end, or `waiting` since a moment of the shared clock, for as long as its caller was willing to wait.
It is not performed like the others.

A snapshot is {incarnation, revision, integers, values}; a revision made is {incarnation, revision,
integers, first_item, last_item, replayed}. `integers` are counters and flags (0 or 1), `values` all
else. In `apply`, `set` and `unset` name values, `put` sets integers. `renewed` says that the lease
was renewed by others than the recorded calls, until it was released.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from holdfast.change import Applied, Change, Item
from holdfast.session import Counter, Flag, Session
from holdfast.store import SessionStore
from holdfast.testing.histories.events import Call

COUNTERS: Final = ("visits", "spending")
FLAGS: Final = ("escalated", "closed")


class CheckedSession(Session):
    """The session that histories are made with: integers, and metadata for all other values."""

    visits: Counter = 0
    spending: Counter = 0
    escalated: Flag = False
    closed: Flag = False


Store = SessionStore[CheckedSession]


async def perform(store: Store, call: Call) -> Any:
    """Ask the store for what the call says; give its answer as JSON.

    Raises:
        HoldfastError: whatever the store raises.
    """
    return await _PERFORM[call.kind](store, call)


async def _create(store: Store, call: Call) -> Any:
    state = {**call.request.get("integers", {}), **call.request.get("values", {})}
    return snapshot(
        await store.create(call.session, ttl=call.request.get("ttl"), **_with_flags(state))
    )


async def _get(store: Store, call: Call) -> Any:
    found = await store.get(call.session, fresh=True)
    return None if found is None else snapshot(found)


async def _get_or_create(store: Store, call: Call) -> Any:
    state = {**call.request.get("integers", {}), **call.request["values"]}
    return snapshot(await store.get_or_create(call.session, factory=partial(_with_flags, state)))


async def _get_batch(store: Store, call: Call) -> Any:
    found = await store.get_batch(call.request["sessions"])
    return [[name, None if one is None else snapshot(one)] for name, one in found.items()]


async def _set(store: Store, call: Call) -> Any:
    whole = CheckedSession(
        session_id=call.session,
        revision=call.request["revision"],
        incarnation=call.request["incarnation"],
        metadata=call.request.get("values", {}),
        **_with_flags(call.request.get("integers", {})),
    )
    return _revision_made(await store.set(whole))


async def _apply(store: Store, call: Call) -> Any:
    parts = dict(call.request)
    put = _with_flags(parts.pop("put", {}))
    parts["set"] = {**parts.get("set", {}), **put}
    return _revision_made(await store.apply(call.session, Change(**parts)))


async def _increment(store: Store, call: Call) -> Any:
    delta, at_most = call.request.get("delta", 1), call.request.get("at_most")
    return await store.increment_counter(call.session, call.request["name"], delta, at_most=at_most)


async def _claim(store: Store, call: Call) -> Any:
    return await store.claim(call.session, call.request["flag"])


async def _append(store: Store, call: Call) -> Any:
    return await store.append(call.session, *call.request["items"])


async def _items(store: Store, call: Call) -> Any:
    after, limit = call.request.get("after", 0), call.request.get("limit", 100)
    return [_item(item) for item in await store.items(call.session, after=after, limit=limit)]


async def _pop_item(store: Store, call: Call) -> Any:
    popped = await store.pop_item(call.session)
    return None if popped is None else _item(popped)


async def _clear_items(store: Store, call: Call) -> Any:
    await store.clear_items(call.session)


async def _touch(store: Store, call: Call) -> Any:
    return await store.touch(call.session)


async def _extend(store: Store, call: Call) -> Any:
    return await store.extend(call.session, call.request["ttl"])


async def _delete(store: Store, call: Call) -> Any:
    return await store.delete(call.session, **call.request)


async def _exists(store: Store, call: Call) -> Any:
    return await store.exists(call.session)


async def _acquire(store: Store, call: Call) -> Any:
    ttl, wait = call.request["ttl"], call.request.get("wait", 0)
    grant = await store.leases.acquire(call.session, ttl=ttl, wait=wait)
    return {"token": grant.token, "fence": grant.fence}


async def _steal(store: Store, call: Call) -> Any:
    grant = await store.leases.acquire(call.session, ttl=call.request["ttl"], wait=0, steal=True)
    return {"token": grant.token, "fence": grant.fence}


async def _renew(store: Store, call: Call) -> Any:
    grant = await store.leases.renew(call.session, call.request["token"], ttl=call.request["ttl"])
    return {"fence": grant.fence}


async def _release(store: Store, call: Call) -> Any:
    return await store.leases.release(call.session, call.request["token"])


async def _transact(store: Store, call: Call) -> Any:
    name, delta, values = call.request["name"], call.request["delta"], call.request.get("set", {})

    def sum_up(session: CheckedSession) -> Change:
        return Change(set={**values, name: getattr(session, name) + delta})

    return _revision_made(await store.transact(call.session, sum_up))


async def _list(store: Store, _call: Call) -> Any:
    listed: list[Any] = []
    cursor: str | None = None
    while True:
        page = await store.list_active(cursor=cursor)
        listed += ([session.session_id, snapshot(session)] for session in page.sessions)
        if (cursor := page.next_cursor) is None:
            return listed


async def _count(store: Store, _call: Call) -> Any:
    return await store.count_active()


_PERFORM: Final[Mapping[str, Callable[[Store, Call], Awaitable[Any]]]] = {
    "create": _create,
    "get": _get,
    "get_or_create": _get_or_create,
    "get_batch": _get_batch,
    "set": _set,
    "apply": _apply,
    "increment": _increment,
    "claim": _claim,
    "append": _append,
    "items": _items,
    "pop_item": _pop_item,
    "clear_items": _clear_items,
    "touch": _touch,
    "extend": _extend,
    "delete": _delete,
    "exists": _exists,
    "acquire": _acquire,
    "steal": _steal,
    "renew": _renew,
    "release": _release,
    "transact": _transact,
    "list": _list,
    "count": _count,
}


def snapshot(session: CheckedSession) -> dict[str, Any]:
    """Put a session that was read into JSON."""
    return {
        "incarnation": session.incarnation,
        "revision": session.revision,
        "integers": {name: int(getattr(session, name)) for name in (*COUNTERS, *FLAGS)},
        "values": dict(session.metadata),
    }


def _revision_made(applied: Applied) -> dict[str, Any]:
    return {
        "incarnation": applied.incarnation,
        "revision": applied.revision,
        "integers": dict(applied.counters),
        "first_item": applied.first_item,
        "last_item": applied.last_item,
        "replayed": applied.replayed,
    }


def _item(item: Item) -> list[Any]:
    return [item.number, item.value]


def _with_flags(state: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the integers that are flags into booleans."""
    return {name: bool(value) if name in FLAGS else value for name, value in state.items()}
