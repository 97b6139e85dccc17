"""Tickets for sockets: who is signed in opens one from a place where no header can be sent.

A ticket is good once, for half a minute, from the origin that asked for it, and for the sign-in
that it was given to. It stands in the first frame, never in an address (OWASP ASVS 4.4.3).
"""

from typing import Any, Final

from holdfast.keyring import Keyring
from holdfast.opening import open_beside
from holdfast.rotation import new_secret, secret_hash
from holdfast.session import Session
from holdfast.store import SessionStore

TICKET_SECONDS: Final = 30
_LONGEST: Final = 256


class Ticket(Session):
    """What a ticket stands for; `origin` is None where no browser asked."""

    login_id: str
    origin: str | None = None


class SocketTickets:
    """Keeps tickets under their hashes, beside the sessions of a store."""

    def __init__(self, store: SessionStore[Any], keys: Keyring) -> None:
        namespace = f"ticket.{store.terms.namespace}"
        self.store = open_beside(
            store, namespace, model=Ticket, keys=keys, ttl=TICKET_SECONDS, max_age=TICKET_SECONDS
        )

    async def issue(self, login_id: str, *, origin: str | None) -> str:
        """Make a ticket."""
        ticket = new_secret()
        name = secret_hash(ticket.encode())
        await self.store.create(name, login_id=login_id, origin=origin)
        return ticket

    async def redeem(self, ticket: str, *, origin: str | None) -> str | None:
        """Give the sign-in that a ticket was made for, once; from elsewhere it is lost."""
        if len(ticket) > _LONGEST:
            return None
        name = secret_hash(ticket.encode(errors="replace"))
        found = await self.store.get(name)
        # Of all who show it at once one deletes it, and that one may come in.
        if found is None or not await self.store.delete(name):
            return None
        return found.login_id if found.origin == origin else None
