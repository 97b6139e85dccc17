"""Whose budget pays: a session's own, and what its user may spend in a day."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date

from holdfast.budget import Budget, Budgets
from holdfast.errors import BudgetExceeded
from holdfast.keyring import Keyring
from holdfast.server.audit import Trail
from holdfast.server.model import ServiceSession
from holdfast.server.settings import Settings
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support import Call, Price, Purse


def open_budgets(settings: Settings, store: SessionStore[ServiceSession], keys: Keyring) -> Budgets:
    """Make the budgets beside an open store."""
    return Budgets(store, keys=keys, reservation_ttl=settings.budget_reservation_seconds)


def session_budget(budgets: Budgets, settings: Settings, session: SupportSession) -> Budget:
    """Give a session's budget, with the limit that it was created with, or the operator's."""
    own = session.budget_limit if isinstance(session, ServiceSession) else None
    return budgets.of_session(session, limit=settings.budget_session if own is None else own)


def purses(budgets: Budgets, settings: Settings, trail: Trail) -> Callable[[SupportSession], Purse]:
    """Say who pays for the turns of a session."""

    def purse(session: SupportSession) -> Purse:
        paying = [session_budget(budgets, settings, session)]
        if session.user_id is not None and settings.budget_user_day is not None:
            today = budgets.now().date()
            paying.append(_of_user(budgets, session.user_id, today, settings.budget_user_day))
        return _Watched(
            paying, settings.prices, most=settings.budget_request, session=session, trail=trail
        )

    return purse


def _of_user(budgets: Budgets, user_id: str, day: date, limit: int) -> Budget:
    return budgets.of_user(user_id, day, limit=limit)


class _Watched(Purse):
    """A purse that puts on the trail what it could not pay for."""

    def __init__(
        self,
        budgets: Sequence[Budget],
        prices: Mapping[str, Price],
        *,
        most: int | None,
        session: SupportSession,
        trail: Trail,
    ) -> None:
        super().__init__(budgets, prices, most=most)
        self._session = session
        self._trail = trail

    @asynccontextmanager
    async def call(
        self, model: str, *, input_tokens: int, output_tokens: int
    ) -> AsyncGenerator[Call]:
        """Let a model be called for the block; see `Purse.call`."""
        tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
        try:
            async with super().call(model, **tokens) as call:
                yield call
        except BudgetExceeded as exc:
            await self._trail.record(
                "budget.exceeded",
                outcome="refused",
                actor=self._session.user_id,
                session_id=self._session.session_id,
                spent=exc.value,
                limit=exc.limit,
            )
            raise
