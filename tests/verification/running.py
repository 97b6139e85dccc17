"""Short verifications in this process, of stores on any backend."""

from holdfast.backend import Backend
from holdfast.keyring import Keyring
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.histories import CheckedSession
from holdfast.verification import Plan, Result, verify_store
from holdfast.verification.plan import MAX_ITEMS

KEYS = Keyring.generate()
NAMESPACE = "verify-tests"


async def verified(backend: Backend, *, seed: int = 1, seconds: float = 0.6) -> Result:
    """Verify a store on a backend, quickly: few sessions, eight callers."""
    plan = Plan(
        url="memory://",
        namespace=NAMESPACE,
        processes=1,
        callers=8,
        sessions=8,
        seconds=seconds,
        seed=seed,
    )
    terms = Terms(namespace=NAMESPACE, max_items=MAX_ITEMS)
    store = SessionStore(backend, model=CheckedSession, keys=KEYS, terms=terms)
    async with store:
        return await verify_store(store, plan, keys=KEYS)
