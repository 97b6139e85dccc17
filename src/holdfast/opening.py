"""From a URL to a store, and stores with their backend chosen in code."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import SplitResult, unquote, urlsplit

from typing_extensions import TypeVar, Unpack

from holdfast.backend import Backend
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.sqlite import SQLiteBackend, Synchronous
from holdfast.errors import InvalidSession
from holdfast.keyring import Keyring
from holdfast.near_cache import NearCache
from holdfast.observed import Observed
from holdfast.observing import Observer
from holdfast.retrying import Resilient, RetryPolicy
from holdfast.session import Session
from holdfast.store import SessionStore
from holdfast.terms import Terms

if TYPE_CHECKING:
    from holdfast.backends.redis import Location, RedisBackend

# Whoever is under way on a connection is repeated together when it is lost.
ONE_CONNECTION: Final = RetryPolicy(reserve=1000)

M = TypeVar("M", bound=Session, default=Session)

REDIS_SCHEMES: Final = re.compile(r"(rediss?|valkeys?)(\+[a-z]+)?://|unix://")


class Options(TypedDict, total=False):
    """What a store can be opened with: the fields of `Terms`, and who is told of what it does."""

    namespace: str
    ttl: float
    max_age: float
    sliding: bool
    max_items: int
    deadline: float
    observers: Iterable[Observer]


class InMemorySessionStore(SessionStore[M]):
    """Sessions in this process: at most `max_sessions`, the least recently active makes room.

    Without `keys` a random key is made: the sessions end with the process anyway.
    """

    def __init__(
        self,
        *,
        max_sessions: int = 10_000,
        model: type[M] = Session,  # type: ignore[assignment]
        keys: Keyring | None = None,
        **options: Unpack[Options],
    ) -> None:
        if type(max_sessions) is not int or not 1 <= max_sessions <= 10_000_000:
            raise InvalidSession("max_sessions", "must be an integer from 1 to 10,000,000")
        terms, observers = _sorted(options)
        backend = _observed(MemoryBackend(max_sessions=max_sessions), observers)
        keys = keys or Keyring.generate()
        super().__init__(backend, model=model, keys=keys, terms=terms, observers=observers)


class SQLiteSessionStore(SessionStore[M]):
    """Sessions in one SQLite file, which several processes of a host may share."""

    def __init__(
        self,
        path: str | Path,
        *,
        keys: Keyring,
        model: type[M] = Session,  # type: ignore[assignment]
        synchronous: Synchronous = "FULL",
        **options: Unpack[Options],
    ) -> None:
        terms, observers = _sorted(options)
        backend = _resilient(SQLiteBackend(path, synchronous=synchronous), terms, observers)
        super().__init__(backend, model=model, keys=keys, terms=terms, observers=observers)


class RedisSessionStore(SessionStore[M]):
    """Sessions in Redis or Valkey: one node, the primary of Sentinels, or a Cluster.

    `open_store` says which URLs there are. It needs `pip install "holdfast[redis]"`.
    """

    def __init__(
        self,
        url: str,
        *,
        keys: Keyring,
        model: type[M] = Session,  # type: ignore[assignment]
        **options: Unpack[Options],
    ) -> None:
        terms, observers = _sorted(options)
        backend, location = _redis(url)
        near: NearCache[M] | None = None
        if location.near_cache:
            near = NearCache(location.near_cache)
            interval = location.settings.ping_interval
            backend.pushes.keep_honest(near, namespace=terms.namespace, ping_interval=interval)
        super().__init__(
            _resilient(backend, terms, observers, ONE_CONNECTION),
            model=model,
            keys=keys,
            terms=terms,
            observers=observers,
            near_cache=near,
        )


def open_store(
    url: str,
    *,
    model: type[M] = Session,  # type: ignore[assignment]
    keys: Keyring | None = None,
    **options: Unpack[Options],
) -> SessionStore[M]:
    """Make the store that a URL names; open it with `async with`.

    `memory://` (also `memory://?max_sessions=N`) and `sqlite:///path/to/file.db` (a path from the
    root has four slashes; `?synchronous=NORMAL` trades the last commits at a power loss for speed).
    Redis and Valkey are reached at `redis://host:6379/0`, `rediss://…` with TLS,
    `redis+unix:///path`, `redis+sentinel://host,host/primary/0` and `redis+cluster://host,host`,
    with `?near_cache=N` to keep up to N snapshots near.

    Raises:
        InvalidSession: the URL names no known store, or one that needs `keys` came without.
    """
    if REDIS_SCHEMES.match(url):
        if keys is None:
            raise _no_keys()
        return RedisSessionStore(url, keys=keys, model=model, **options)
    parts = _split(url)
    settings = _settings(parts.query)
    if "#" in url:
        raise InvalidSession("url", "must not contain #; in a path it is written %23")
    match parts.scheme:
        case "memory":
            if parts.netloc or parts.path.strip("/"):
                raise InvalidSession("url", "must be memory://, without a host or a path")
            return _open_memory(model, keys, settings, options)
        case "sqlite":
            return _open_sqlite(parts.netloc, parts.path, model, keys, settings, options)
        case _:
            rule = "must begin with memory://, sqlite:///, redis:// or one of their kin"
            raise InvalidSession("url", rule)


def open_beside(
    store: SessionStore[Any],
    namespace: str,
    *,
    model: type[M],
    keys: Keyring,
    ttl: float,
    max_age: float,
    sliding: bool = False,
) -> SessionStore[M]:
    """Make a store of other sessions on the connection of one that is open, and stays open longer.

    Its namespace is the product's own: users cannot name it, because it begins with ~.
    """
    terms = Terms(
        f"~{namespace}", ttl=ttl, max_age=max_age, sliding=sliding, deadline=store.terms.deadline
    )
    return SessionStore(store.backend, model=model, keys=keys, terms=terms)


def _open_memory(
    model: type[M], keys: Keyring | None, settings: dict[str, str], options: Options
) -> SessionStore[M]:
    _check_settings(settings, {"max_sessions"})
    most = settings.get("max_sessions", "10000")
    if not most.isdecimal():
        raise InvalidSession("max_sessions", "must be an integer")
    return InMemorySessionStore(max_sessions=int(most), model=model, keys=keys, **options)


def _open_sqlite(
    host: str,
    path: str,
    model: type[M],
    keys: Keyring | None,
    settings: dict[str, str],
    options: Options,
) -> SessionStore[M]:
    _check_settings(settings, {"synchronous"})
    if host or len(path) < 2:
        raise InvalidSession("url", "must be sqlite:///relative.db or sqlite:////absolute.db")
    if path == "/:memory:":
        raise InvalidSession("url", "must name a file; sessions in memory are memory://")
    if keys is None:
        raise _no_keys()
    return SQLiteSessionStore(
        unquote(path[1:]),
        keys=keys,
        model=model,
        synchronous=_synchronous(settings.get("synchronous", "FULL").upper()),
        **options,
    )


def _redis(url: str) -> "tuple[RedisBackend, Location]":
    try:
        from holdfast.backends.redis import RedisBackend, parse
    except ModuleNotFoundError as exc:
        if exc.name != "hiredis":
            raise
        raise InvalidSession("url", 'needs a driver: pip install "holdfast[redis]"') from exc
    location = parse(url)
    return RedisBackend(location), location


def _no_keys() -> InvalidSession:
    return InvalidSession("keys", "are needed: Keyring.from_file(path), or Keyring.generate()")


def _synchronous(level: str) -> Synchronous:
    match level:
        case "OFF" | "NORMAL" | "FULL" | "EXTRA":
            return level
        case _:
            raise InvalidSession("synchronous", "must be OFF, NORMAL, FULL or EXTRA")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as exc:
        raise InvalidSession("url", "is not one") from exc


def _settings(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _check_settings(settings: dict[str, str], known: set[str]) -> None:
    if unknown := sorted(settings.keys() - known):
        raise InvalidSession(
            "url", f"has an unknown setting {unknown[0]!r}, known: {', '.join(known)}"
        )


def _sorted(options: Options) -> tuple[Terms, tuple[Observer, ...]]:
    given: dict[str, Any] = dict(options)
    if str(given.get("namespace", "")).startswith("~"):
        raise InvalidSession("namespace", "must not begin with ~")
    observers = tuple(given.pop("observers", ()))
    if unknown := sorted(given.keys() - set(Terms._fields)):
        raise InvalidSession(unknown[0], "is not an option of a store")
    return Terms(**given).check(), observers


def _observed(backend: Backend, observers: tuple[Observer, ...]) -> Backend:
    return Observed(backend, observers) if observers else backend


def _resilient(
    backend: Backend,
    terms: Terms,
    observers: tuple[Observer, ...],
    policy: RetryPolicy = RetryPolicy(),
) -> Backend:
    resilient = Resilient(backend, deadline=terms.deadline, policy=policy, observers=observers)
    return _observed(resilient, observers)
