"""The budget of a session: what it may spend, what it spent, what is held for purchases."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from holdfast.budget import Balance, Budget, Kind
from holdfast.errors import BudgetExceeded, SessionNotFound
from holdfast.server.access import KeyedRoute
from holdfast.server.auth.principal import identified
from holdfast.server.paying import session_budget
from holdfast.server.preconditions import REPEATABLE, Key
from holdfast.server.requests import Amount, Body, SessionId
from holdfast.server.visitors import Parts
from holdfast.session import Name
from holdfast.support import Purchased

Category = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class LimitRequest(Body):
    """A limit in micro-units; None lifts it."""

    limit: Amount | None


class PurchaseRequest(Body):
    """Something to buy for at most this amount, or for this very amount where it has a price."""

    amount: Amount
    category: Category = "other"
    item: Name | None = None

    def kind(self) -> Kind:
        return Kind(self.category, self.item)


class SettleRequest(Body):
    reservation_id: Name
    amount: Amount


class ReleaseRequest(Body):
    reservation_id: Name


class BudgetReply(BaseModel):
    """A budget in micro-units; without a limit `limit` and `remaining` are null."""

    limit: int | None
    spent: int
    reserved: int
    remaining: int | None
    items: list[Purchased]

    @classmethod
    def of(cls, balance: Balance, **more: Any) -> Self:
        """Show a budget."""
        items = [Purchased(**bought._asdict()) for bought in balance.items]
        return cls(
            limit=balance.limit,
            spent=balance.spent,
            reserved=balance.reserved,
            remaining=balance.remaining,
            items=items,
            **more,
        )


class ReservationReply(BudgetReply):
    reservation_id: str
    expires_at: datetime


class Till:
    """One session's budget, and the trail that what is done with it is put on."""

    def __init__(self, request: Request, parts: Parts, session_id: str, budget: Budget) -> None:
        self._request = request
        self._parts = parts
        self._session_id = session_id
        self.budget = budget

    async def record(self, event: str, *, outcome: str = "ok", **facts: int | None) -> None:
        """Put on the trail what was done."""
        caller = await identified(self._request)
        client = self._request.client
        await self._parts.trail.record(
            event,
            outcome=outcome,
            actor=caller.user_id if caller else None,
            session_id=self._session_id,
            network=client.host if client else None,
            request_id=None,
            **facts,
        )

    async def refuse(self, exc: BudgetExceeded, amount: int) -> None:
        """Put on the trail what did not fit."""
        await self.record(
            "budget.exceeded", outcome="refused", amount=amount, spent=exc.value, limit=exc.limit
        )


async def till(session_id: SessionId, request: Request, parts: Parts) -> Till:
    """Find the budget of a live session.

    Raises:
        SessionNotFound: there is no such session.
    """
    session = await parts.store.get(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    budget = session_budget(parts.budgets, parts.settings, session)
    return Till(request, parts, session_id, budget)


Open = Annotated[Till, Depends(till)]

router = APIRouter(
    prefix="/v1/sessions/{session_id}/budget", tags=["Budget"], route_class=KeyedRoute
)


@router.get("")
async def show(till: Open) -> BudgetReply:
    """Show what a session spent, and what is left."""
    return BudgetReply.of(await till.budget.read())


@router.put("")
async def change(body: LimitRequest, till: Open) -> BudgetReply:
    """Set the limit of a session."""
    balance = await till.budget.set_limit(body.limit)
    await till.record("budget.changed", limit=body.limit)
    return BudgetReply.of(balance)


@router.post("/reserve", status_code=201, openapi_extra=REPEATABLE)
async def reserve(body: PurchaseRequest, till: Open, key: Key) -> ReservationReply:
    """Hold a part of what is left for one purchase."""
    try:
        made = await till.budget.reserve(body.amount, kind=body.kind(), key=key)
    except BudgetExceeded as exc:
        await till.refuse(exc, body.amount)
        raise
    await till.record("budget.reserved", amount=body.amount)
    told = {"reservation_id": made.reservation_id, "expires_at": made.expires_at}
    return ReservationReply.of(await till.budget.read(), **told)


@router.post("/settle")
async def settle(body: SettleRequest, till: Open) -> BudgetReply:
    """Say what a purchase cost, in place of what was reserved for it."""
    balance = await till.budget.settle(body.reservation_id, body.amount)
    await till.record("budget.settled", amount=body.amount)
    return BudgetReply.of(balance)


@router.post("/release")
async def release(body: ReleaseRequest, till: Open) -> BudgetReply:
    """Give back what was reserved; nothing was bought."""
    balance = await till.budget.release(body.reservation_id)
    await till.record("budget.released")
    return BudgetReply.of(balance)


@router.post("/spend", openapi_extra=REPEATABLE)
async def spend(body: PurchaseRequest, till: Open, key: Key) -> BudgetReply:
    """Buy in one step what has a price of its own."""
    try:
        balance = await till.budget.spend(body.amount, kind=body.kind(), key=key)
    except BudgetExceeded as exc:
        await till.refuse(exc, body.amount)
        raise
    await till.record("budget.settled", amount=body.amount)
    return BudgetReply.of(balance)
