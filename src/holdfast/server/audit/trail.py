"""The trail: who did what, when, from where, with which outcome."""

import logging
from ipaddress import ip_network
from typing import Final

from holdfast.fingerprint import network as network_of
from holdfast.keyring import Keyring
from holdfast.server.audit.events import EVENTS
from holdfast.server.audit.pseudonyms import Pseudonyms
from holdfast.server.request_ids import CURRENT

logger = logging.getLogger(__name__)

Fact = str | int | float | bool | None

LONGEST_FACT: Final = 200


class Trail:
    """Records events; ids that come in go no further than their pseudonyms."""

    def __init__(self, keys: Keyring, *, namespace: str = "default") -> None:
        self._pseudonyms = Pseudonyms(keys, namespace=namespace)

    async def record(
        self,
        event: str,
        *,
        outcome: str = "ok",
        actor: str | None = None,
        session_id: str | None = None,
        network: str | None = None,
        request_id: str | None = None,
        **facts: Fact,
    ) -> None:
        """Put an event on the trail.

        `actor` is the id or the name of a user, `network` an address (kept as its /24 or /64).
        The request is the one being answered unless it is given. Facts are short and no secrets.

        Raises:
            ValueError: the event is not one of `EVENTS`.
        """
        if event not in EVENTS:
            raise ValueError(f"{event!r} is not an event of the trail: add it to EVENTS.")
        recorded = {
            "outcome": outcome,
            "actor": self._pseudonyms.of("user", actor),
            "session": self._pseudonyms.of("session", session_id),
            "network": coarse(network),
            "request": request_id or CURRENT.get(),
            "facts": {name: _short(fact) for name, fact in facts.items()},
        }
        logger.info(event, extra={name: value for name, value in recorded.items() if value})


def coarse(address: str | None) -> str | None:
    """Name the network of an address, or of a network; None for what is neither."""
    if address is None:
        return None
    try:
        return network_of(str(ip_network(address, strict=False).network_address))
    except ValueError:
        return network_of(address)


def _short(fact: Fact) -> Fact:
    return fact[:LONGEST_FACT] if isinstance(fact, str) else fact
