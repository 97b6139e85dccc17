"""Whether a conversation is still with the client that it began with.

A visitor has nothing to prove again who they are: what lets a signed-in user step up keeps a
conversation, and is put on the trail. Where a sign-in would end, the request is refused; the
conversation stays, for the client that it belongs to.
"""

from typing import Final

from starlette.requests import HTTPConnection

from holdfast.fastapi import Problem
from holdfast.fingerprint import Client, Fingerprints
from holdfast.server.model import ServiceSession
from holdfast.server.service import Service

REFUSED: Final = frozenset({"revoke", "reauth_required"})


def client_of(connection: HTTPConnection) -> Client:
    """Say what is known of whoever asks."""
    address = connection.client.host if connection.client else None
    return Client(address, connection.headers.get("user-agent"))


async def is_same_client(
    connection: HTTPConnection, parts: Service, session: ServiceSession, *, quietly: bool = False
) -> bool:
    """Compare the client with that of the conversation; what differs goes on the trail.

    `quietly` puts only refusals there: for what is asked again and again.
    """
    if session.fingerprint is None:
        return True
    prints = Fingerprints(parts.keys, namespace=parts.settings.namespace)
    now = client_of(connection)
    verdict = prints.compare(session.fingerprint, now, parts.settings.fingerprinting.visitor)
    refused = verdict.action in REFUSED
    if refused or (verdict.changed and not quietly):
        await parts.trail.record(
            "fingerprint.mismatch" if refused else "fingerprint.changed",
            outcome="refused" if refused else "ok",
            session_id=session.session_id,
            network=now.ip_address,
            changed=" ".join(verdict.changed),
            action=verdict.action,
        )
    return not refused


def another_client() -> Problem:
    """Make the answer to a client that is not the one of the conversation."""
    detail = "This conversation was begun from another browser or network. Begin a new one."
    return Problem(403, "FINGERPRINT_MISMATCH", "Fingerprint mismatch", detail)
