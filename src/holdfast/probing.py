"""A health check that does what users do: write, read and delete a session of its own."""

import time

from holdfast.backend import Backend, Create, Created, Delete, Deleted, Found, Read
from holdfast.clock import MICROSECONDS
from holdfast.entropy import Entropy
from holdfast.errors import StoreUnavailable
from holdfast.health import Health

# Probes live beside all namespaces that users can name, and are never listed or counted.
PROBES = "~probe"
_TTL = 60 * MICROSECONDS


async def probe(backend: Backend, entropy: Entropy) -> Health:
    """Try the backend; a failure is an answer here, not an exception."""
    began = time.perf_counter()
    token = entropy.token()
    key = f"{PROBES}/{token}"
    create = Create(key, token, _TTL, _TTL, b"", {}, {b"probe": b"probe"})
    checks = {"write": False, "read": False, "delete": False}
    error = None
    try:
        checks["write"] = isinstance(await backend.execute(create), Created)
        checks["read"] = isinstance(await backend.execute(Read(key)), Found)
        deleted = await backend.execute(Delete(key))
        checks["delete"] = isinstance(deleted, Deleted) and deleted.existed
    except StoreUnavailable as exc:
        error = exc.reason
    return Health(all(checks.values()), checks, time.perf_counter() - began, error)
