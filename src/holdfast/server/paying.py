"""Whose budget pays: a session's own, its user's of the day, and that of all sessions together."""

from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.budget import AFTERWARDS, Budget, Budgets
from holdfast.errors import BudgetExceeded
from holdfast.keyring import Keyring
from holdfast.server.audit import Trail
from holdfast.server.model import ServiceSession
from holdfast.server.settings import Settings
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support import Price, Purse, Purses

# No session has a name with a space in it.
ALL: Final = "all sessions"


def open_budgets(settings: Settings, store: SessionStore[ServiceSession], keys: Keyring) -> Budgets:
    """Make the budgets beside an open store."""
    return Budgets(store, keys=keys, reservation_ttl=settings.budget_reservation_seconds)


def session_budget(budgets: Budgets, settings: Settings, session: SupportSession) -> Budget:
    """Give a session's budget, with the limit that it was created with, or the operator's."""
    own = session.budget_limit if isinstance(session, ServiceSession) else None
    return budgets.of_session(session, limit=settings.budget_session if own is None else own)


def purses(budgets: Budgets, settings: Settings, trail: Trail) -> Purses:
    """Say who pays for the turns of a session."""

    def purse(session: SupportSession) -> Purse:
        today = budgets.now().date()
        paying, shared = [session_budget(budgets, settings, session)], list[Budget]()
        if session.user_id is not None and settings.budget_user_day is not None:
            paying.append(budgets.of_user(session.user_id, today, limit=settings.budget_user_day))
        if settings.budget_day is not None:
            day = today.isoformat()
            shared.append(budgets.named(ALL, day, limit=settings.budget_day, ttl=AFTERWARDS))
        return _Watched(
            paying,
            settings.prices,
            most=settings.budget_request,
            shared=shared,
            session=session,
            trail=trail,
        )

    return purse


class _Watched(Purse):
    """A purse that puts on the trail what it could not pay for."""

    def __init__(
        self,
        budgets: Sequence[Budget],
        prices: Mapping[str, Price],
        *,
        most: int | None,
        shared: Sequence[Budget],
        session: SupportSession,
        trail: Trail,
    ) -> None:
        super().__init__(budgets, prices, most=most, shared=shared)
        self._session = session
        self._trail = trail

    async def refused(self, exc: BudgetExceeded) -> None:
        """Put on the trail which budget is used up."""
        await self._trail.record(
            "budget.exceeded",
            outcome="refused",
            actor=self._session.user_id,
            session_id=self._session.session_id,
            budget="session" if exc.session_id == self._session.session_id else exc.session_id,
            spent=exc.value,
            limit=exc.limit,
        )
