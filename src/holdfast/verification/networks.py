"""Where the server of a store is, by its URL, and the URL of the same store through a proxy."""

from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from holdfast.verification.proxy import HOST, Proxy
from holdfast.verification.relaying import Address

PORTS: Final = {
    "redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379,
    "postgresql": 5432, "postgres": 5432,
}  # fmt: skip
UNIX: Final = frozenset({"redis+unix", "valkey+unix", "unix"})
SEVERAL: Final = ("+sentinel", "+cluster")
# Whose certificates name the host that they are asked for by.
CERTIFIED: Final = frozenset({"rediss", "valkeys"})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


def is_network(url: str) -> bool:
    """Say whether the store is reached over a network, or a socket."""
    scheme = urlsplit(url).scheme
    return scheme in PORTS or scheme in UNIX or scheme.endswith(SEVERAL)


def address_of(url: str) -> Address | None:
    """Say where the one server of a store is; None where there are none or several."""
    parts = urlsplit(url)
    if parts.scheme in UNIX:
        return Path(unquote(parts.path))
    if parts.scheme not in PORTS:
        return None
    return parts.hostname or HOST, parts.port or PORTS[parts.scheme]


def why_no_proxy(url: str) -> str:
    """Say why nothing can stand between; "" when it can."""
    parts = urlsplit(url)
    if not is_network(url):
        return "needs a network store"
    if parts.scheme.endswith(SEVERAL):
        return "the nodes announce their own addresses, past a proxy"
    if parts.scheme in CERTIFIED and parts.hostname not in LOOPBACK:
        return "a certificate names its own host, not a proxy's"
    return ""


def through(url: str, proxy: Proxy) -> str:
    """Give the URL of the same store through a proxy."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    if proxy.path is not None:
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}{quote(str(proxy.path))}{query}"
    # A certificate names the host that was asked for.
    host = parts.hostname if parts.scheme in CERTIFIED else HOST
    return parts._replace(netloc=f"{login}{at}{host}:{proxy.port}").geturl()


def without_password(url: str) -> str:
    """Give a URL that can be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    login, _, rest = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login.partition(':')[0]}:…@{rest}").geturl()
