"""Who calls when a proxy stands between: what it says is taken from trusted proxies alone.

Every proxy adds the address that it was called from to the end of `X-Forwarded-For`. So the last
entries are the proxies' own, and the first one from the right that is no trusted proxy is the
caller; whatever stands further left the caller may have written.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address

EVERYBODY: Final = {"*": ("0.0.0.0/0", "::/0")}

# What a proxy that speaks to callers over TLS is reached by, and what that makes of a scheme.
SCHEMES: Final = {
    ("http", "https"): "https",
    ("https", "http"): "http",
    ("ws", "https"): "wss",
    ("wss", "http"): "ws",
}


class TrustedProxies:
    """Gives everything inside the caller's address and scheme; `networks` are those of proxies."""

    def __init__(self, app: ASGIApp, *, networks: Iterable[str]) -> None:
        self._app = app
        named = [part for network in networks for part in EVERYBODY.get(network, (network,))]
        self._networks = tuple(map(ip_network, named))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._networks and scope["type"] != "lifespan" and self._trusts(_peer(scope)):
            scope = self._seen_through(scope)
        await self._app(scope, receive, send)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _seen_through(self, scope: Scope) -> Scope:
        caller = self._caller(_forwarded(scope, b"x-forwarded-for"))
        said = next(_forwarded(scope, b"x-forwarded-proto"), "")
        return {
            **scope,
            "client": (str(caller), 0) if caller else scope["client"],
            "scheme": SCHEMES.get((scope["scheme"], said.lower()), scope["scheme"]),
        }

    def _caller(self, hops: Iterator[str]) -> Address | None:
        """Walk back to the first hop that is no proxy, or to the last that is an address."""
        caller = None
        for hop in hops:
            address = _address(hop)
            if address is None:
                return caller
            caller = address
            if not self._trusts(address):
                return caller
        return caller


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return _address(client[0]) if client else None


def _forwarded(scope: Scope, name: bytes) -> Iterator[str]:
    """Give the entries of a header, the last one first."""
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return (entry.strip() for entry in reversed(",".join(values).split(",")) if entry.strip())


def _address(hop: str) -> Address | None:
    """Read an address, with a port or without; one that is IPv4 inside of IPv6 is IPv4."""
    host = hop
    if hop.startswith("["):
        host = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        host = hop.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
