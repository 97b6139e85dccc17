"""The trail: who did what, when, from where, with which outcome."""

import logging
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.fingerprint import network as network_of
from holdfast.keyring import Keyring
from holdfast.server.audit.chain import Entry, Fact, written, written_time
from holdfast.server.audit.events import EVENTS, EVERYDAY, REPEATED
from holdfast.server.audit.pseudonyms import Pseudonyms
from holdfast.server.audit.repeats import Repeats
from holdfast.server.audit.writer import Writer
from holdfast.server.request_ids import CURRENT

logger = logging.getLogger(__name__)

LONGEST_FACT: Final = 200
_SHOWN: Final = ("outcome", "actor", "session", "network")
# Words in the name of a fact whose value would be a secret.
SECRETS: Final = ("password", "secret", "token", "cookie")


class Trail:
    """Records events; ids that come in go no further than their pseudonyms.

    Without a writer they are logged and kept nowhere. With one, `record` returns when the event is
    on the disk: nobody is told that something was done or refused which the trail may not have.
    Only what is in `EVERYDAY` is written a moment later, and left out where ten thousand wait; of
    what is in `REPEATED`, one a minute for each network stands for all of them.
    """

    def __init__(
        self,
        keys: Keyring,
        *,
        namespace: str = "default",
        writer: Writer | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._pseudonyms = Pseudonyms(keys, namespace=namespace)
        self._writer = writer
        self._clock = clock
        self._repeats = Repeats(clock)

    def pseudonym(self, user: str) -> str | None:
        """Give what a user is called on the trail, to name as a fact whom an event is about."""
        return self._pseudonyms.of("user", user)

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
            ValueError: the event is not one of `EVENTS`, or a fact is named like a secret.
            DatabaseUnavailable: it is not on the trail.
        """
        _check(event, facts)
        place = coarse(network)
        left_out = self._repeats.left_out(event, place) if event in REPEATED else 0
        if left_out is None:
            return
        kept = {name: _short(fact) for name, fact in facts.items()}
        entry = Entry(
            written_time(self._clock),
            event,
            outcome,
            self._pseudonyms.of("user", actor),
            self._pseudonyms.of("session", session_id),
            place,
            request_id or CURRENT.get(),
            written({**kept, "left_out": left_out} if left_out else kept),
        )
        logger.info(event, extra=_shown(entry, kept))
        if self._writer is None:
            return
        if event not in EVERYDAY:
            await self._writer.write(entry)
        elif not self._writer.write_soon(entry):
            logger.warning("audit.left_out", extra={"left_out": event})


def _check(event: str, facts: Mapping[str, Fact]) -> None:
    if event not in EVENTS:
        raise ValueError(f"{event!r} is not an event of the trail: add it to EVENTS.")
    if secret := [name for name in facts if any(word in name for word in SECRETS)]:
        raise ValueError(f"{secret[0]!r} is the name of a secret; the trail keeps none.")


def _shown(entry: Entry, facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Give what stands in the log line beside its time, its event and its request."""
    named = entry._asdict()
    shown = {name: named[name] for name in _SHOWN} | {
        f"facts.{name}": facts[name] for name in facts
    }
    return {name: value for name, value in shown.items() if value is not None}


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
