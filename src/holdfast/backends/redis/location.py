"""From a URL to where a store is and how to reach it."""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from holdfast.errors import InvalidSession

Topology = Literal["single", "sentinel", "cluster"]
PORT: Final = 6379
SENTINEL_PORT: Final = 26379

# scheme -> topology, whether with TLS
TOPOLOGIES: Final[Mapping[str, Topology]] = {
    "": "single",
    "+sentinel": "sentinel",
    "+cluster": "cluster",
}
SCHEMES: Final[Mapping[str, tuple[Topology, bool]]] = {
    f"{name}{suffix}": (topology, secure)
    for name, secure in (("redis", False), ("rediss", True), ("valkey", False), ("valkeys", True))
    for suffix, topology in TOPOLOGIES.items()
}
UNIX_SCHEMES: Final = frozenset({"redis+unix", "valkey+unix", "unix"})
EVERYWHERE: Final = frozenset({"near_cache", "client_name"})
WITH_TLS: Final = frozenset({"ca", "cert", "key", "verify"})
WITH_SENTINEL: Final = frozenset({"sentinel_username", "sentinel_password"})
WITH_UNIX: Final = frozenset({"db"})
HOST: Final = re.compile(r"(?:\[([0-9A-Za-z:.%]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?")
MOST_NEAR: Final = 10_000_000


class Address(NamedTuple):
    """A host and a port, or the path of a Unix socket and 0."""

    host: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to talk to a node. Times are in seconds.

    With `tracking` a connection is told of keys that were read after `CLIENT CACHING YES`, also
    when it changed them itself. At most `most_commands` and `most_bytes` of them are under way.
    An attempt to connect ends after `connect_timeout`; commands wait for it for `patience`.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = None
    client_name: str = ""
    tracking: bool = False
    connect_timeout: float = 3.0
    patience: float = 1.0
    ping_interval: float = 1.0
    most_commands: int = 10_000
    most_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a store is: a node, or the Sentinels that know `primary`, or nodes of a cluster.

    `near_cache` is how many sessions a process may keep near, 0 for none.
    """

    topology: Topology
    addresses: tuple[Address, ...]
    settings: Settings
    sentinel_settings: Settings
    primary: str = ""
    near_cache: int = 0

    def __str__(self) -> str:
        nodes = ",".join(map(str, self.addresses))
        match self.topology:
            case "single":
                return f"Redis at {nodes}, database {self.settings.database}"
            case "sentinel":
                return f"Redis primary {self.primary!r} of the Sentinels at {nodes}"
            case "cluster":
                return f"Redis Cluster at {nodes}"


def parse(url: str) -> Location:
    """Read a URL.

    `redis://[user[:password]@]host[:port][/database]`, `redis+unix:///path[?db=N]`,
    `redis+sentinel://host[:port],host…/primary[/database]`, `redis+cluster://host,host…`; with TLS
    `rediss…`; `valkey…`, `valkeys…` mean the same. Names, passwords and paths are percent-encoded.

    Raises:
        InvalidSession: it is none of these; the message never has a password.
    """
    scheme, rest, given = _split(url)
    if scheme in UNIX_SCHEMES:
        return _unix(rest, given)
    if scheme not in SCHEMES:
        raise InvalidSession("url", "must begin with redis://, rediss:// or one of their kin")
    topology, secure = SCHEMES[scheme]
    authority, _, path = rest.partition("/")
    login, _, hosts = authority.rpartition("@")
    user, password = _login(login)
    _check(given, _known(topology, secure))
    addresses = _addresses(hosts, topology)
    primary, database = _place(topology, path)
    tls = _tls(given) if secure else None
    name = _client_name(given)
    return Location(
        topology=topology,
        addresses=addresses,
        primary=primary,
        near_cache=_near_cache(given),
        settings=Settings(
            user=user,
            password=password,
            database=database,
            tls=tls,
            client_name=name,
            tracking=True,
        ),
        sentinel_settings=Settings(
            user=given.get("sentinel_username", ""),
            password=given.get("sentinel_password", ""),
            tls=tls,
            client_name=name,
        ),
    )


def _split(url: str) -> tuple[str, str, dict[str, str]]:
    """Part a URL into scheme, what follows it, and settings."""
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    if "#" in url:
        raise InvalidSession("url", "must not contain #; in a path it is written %23")
    if "@" in query:
        raise InvalidSession("url", "must have ? in a password as %3F, and @ in a setting as %40")
    return scheme, rest, _given(query)


def _unix(rest: str, given: dict[str, str]) -> Location:
    _check(given, EVERYWHERE | WITH_UNIX)
    authority, _, path = rest.partition("/")
    login, _, host = authority.rpartition("@")
    if host or not path:
        raise InvalidSession("url", "must name a socket: redis+unix:///path/to/redis.sock")
    user, password = _login(login)
    settings = Settings(
        user=user,
        password=password,
        database=_number(given.get("db", "0"), "db"),
        client_name=_client_name(given),
        tracking=True,
    )
    return Location(
        topology="single",
        addresses=(Address(unquote(f"/{path}"), 0),),
        near_cache=_near_cache(given),
        settings=settings,
        sentinel_settings=Settings(),
    )


def _given(query: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    names = [unquote(name) for name, _, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidSession("url", f"has the setting {twice[0]!r} twice")
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _known(topology: Topology, secure: bool) -> frozenset[str]:
    known = EVERYWHERE | WITH_TLS if secure else EVERYWHERE
    return known | WITH_SENTINEL if topology == "sentinel" else known


def _check(given: dict[str, str], known: frozenset[str]) -> None:
    if unknown := sorted(given.keys() - known):
        rule = f"has an unknown setting {unknown[0]!r}, known: {', '.join(sorted(known))}"
        raise InvalidSession("url", rule)


def _login(login: str) -> tuple[str, str]:
    user, _, password = login.partition(":")
    return unquote(user), unquote(password)


def _addresses(hosts: str, topology: Topology) -> tuple[Address, ...]:
    default = SENTINEL_PORT if topology == "sentinel" else PORT
    found = tuple(_address(host, default) for host in hosts.split(","))
    if topology == "single" and len(found) > 1:
        raise InvalidSession("url", "has several hosts: use redis+sentinel:// or redis+cluster://")
    return found


def _address(text: str, default: int) -> Address:
    matched = HOST.fullmatch(text)
    if matched is None:
        raise InvalidSession("url", "must name a host, as example.org:6379 or [::1]:6379")
    bracketed, plain, port = matched.groups()
    number = int(port) if port else default
    if not 1 <= number <= 65_535:
        raise InvalidSession("url", "must have a port from 1 to 65535")
    return Address(unquote(bracketed or plain), number)


def _place(topology: Topology, path: str) -> tuple[str, int]:
    """Read what follows the hosts: the primary of Sentinels, the number of the database."""
    parts = [unquote(part) for part in path.split("/")] if path else []
    primary = ""
    if topology == "sentinel":
        primary = parts.pop(0) if parts else ""
        if not primary:
            raise InvalidSession("url", "must name the primary: redis+sentinel://host/mymaster")
    if len(parts) > 1:
        raise InvalidSession("url", "must end with the number of a database")
    database = _number(parts[0], "database") if parts and parts[0] else 0
    if topology == "cluster" and database:
        raise InvalidSession("url", "must not have a database: a cluster has only number 0")
    return primary, database


def _number(text: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise InvalidSession("url", f"must have a whole number as {what}")
    return int(text)


def _near_cache(given: dict[str, str]) -> int:
    number = _number(given.get("near_cache", "0"), "near_cache")
    if number > MOST_NEAR:
        raise InvalidSession("url", f"must have a near_cache of at most {MOST_NEAR}")
    return number


def _client_name(given: dict[str, str]) -> str:
    name = given.get("client_name", f"holdfast-{os.getpid()}")
    if not re.fullmatch("[!-~]{1,64}", name):
        raise InvalidSession("url", "must have a client_name of 1 to 64 visible ASCII characters")
    return name


def _tls(given: dict[str, str]) -> ssl.SSLContext:
    if empty := [name for name in ("ca", "cert", "key") if given.get(name) == ""]:
        raise InvalidSession("url", f"must name a file as {empty[0]}")
    try:
        context = ssl.create_default_context(cafile=given.get("ca"))
        if "cert" in given or "key" in given:
            context.load_cert_chain(given.get("cert", ""), given.get("key"))
    except OSError as exc:
        raise InvalidSession(
            "url", f"names a certificate or key that cannot be used: {exc}"
        ) from exc
    match given.get("verify", "yes"):
        case "yes":
            pass
        case "no":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        case _:
            raise InvalidSession("url", "must have verify=yes or verify=no")
    return context
