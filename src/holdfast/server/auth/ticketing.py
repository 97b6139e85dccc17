"""`/v1/auth/socket-ticket`: a ticket for one socket, for who is signed in."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from holdfast.server.auth.parts import SigningIn
from holdfast.server.auth.principal import Caller
from holdfast.server.auth.socket_tickets import TICKET_SECONDS
from holdfast.server.json_route import OptionalJsonRoute
from holdfast.server.problems import forbidden

router = APIRouter(prefix="/v1/auth", tags=["Sign-in"], route_class=OptionalJsonRoute)


class TicketReply(BaseModel):
    """A ticket, and for how many seconds it is good."""

    ticket: str
    expires_in: int


@router.post("/socket-ticket")
async def socket_ticket(caller: Caller, request: Request, sign_in: SigningIn) -> TicketReply:
    """Give a ticket for the first frame of one socket; a key stands in the frame itself."""
    if caller.login_id is None:
        raise forbidden("This is for users who are signed in.")
    origin = request.headers.get("origin")
    ticket = await sign_in.tickets.issue(caller.login_id, origin=origin)
    return TicketReply(ticket=ticket, expires_in=TICKET_SECONDS)
