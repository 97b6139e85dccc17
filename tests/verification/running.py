"""Short verifications in this process, of stores on any backend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from holdfast.backend import Backend
from holdfast.keyring import Keyring
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.histories import CheckedSession, Recorder
from holdfast.testing.histories.recording import Repeats
from holdfast.verification import Plan, Result, campaign, nemesis, swarm, verify_store
from holdfast.verification.networks import through
from holdfast.verification.opening import open_checked
from holdfast.verification.plan import MAX_ITEMS, Fault
from holdfast.verification.proxy import Proxy
from tests.redis_servers import HOST, RedisServer

KEYS = Keyring.generate()
NAMESPACE = "verify-tests"


def _plan(seed: int, seconds: float, faults: frozenset[Fault]) -> Plan:
    return Plan(
        url="memory://",
        namespace=NAMESPACE,
        processes=1,
        callers=8,
        sessions=8,
        seconds=seconds,
        seed=seed,
        faults=faults,
    )


async def verified(
    backend: Backend,
    *,
    seed: int = 1,
    seconds: float = 0.6,
    kind: type[SessionStore[Any]] = SessionStore,
) -> Result:
    """Verify a store on a backend, quickly: few sessions, eight callers."""
    terms = Terms(namespace=NAMESPACE, max_items=MAX_ITEMS)
    store = kind(backend, model=CheckedSession, keys=KEYS, terms=terms)
    async with store:
        return await verify_store(store, _plan(seed, seconds, frozenset()), keys=KEYS)


async def verified_on(
    server: RedisServer,
    patch: pytest.MonkeyPatch,
    *,
    faults: frozenset[Any],
    seed: int,
    seconds: float = 1.0,
) -> Result:
    """Verify a store on a server in this process, through a proxy with many faults."""
    repeats = Repeats()
    async with Proxy((HOST, server.port), seed=seed) as proxy:

        @asynccontextmanager
        async def proxies(*_: Any) -> AsyncIterator[list[Proxy]]:
            yield [proxy]

        patch.setattr(campaign, "_proxies", proxies)
        patch.setattr(nemesis, "EVERY_CUT", 0.03)
        patch.setattr(swarm, "Recorder", partial(Recorder, repeats=repeats))
        url = through(server.url(), proxy)
        async with open_checked(url, keys=KEYS, namespace=NAMESPACE, observers=[repeats]) as store:
            return await verify_store(store, _plan(seed, seconds, faults), keys=KEYS)
