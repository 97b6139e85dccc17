"""What the model's calls cost is reserved before they are made, and settled by what they used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from holdfast import BudgetExceeded, InMemorySessionStore, Keyring, StoreUnavailable, SupportSession
from holdfast.backend import Apply, Backend, Operation, Outcome
from holdfast.budget import Balance, Bought, Budget, Budgets
from holdfast.support import (
    Failed,
    Finished,
    Price,
    PriceUnknown,
    Purse,
    SupportAgent,
    TextDelta,
    Turn,
)
from holdfast.support.engines import EngineSettings, open_engine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store
from tests.support.fake_openai import FakeOpenAI, failure, serving, text, tool_call

KEYS = Keyring.generate()
QUESTION = "What is the price of a kayak?"
# Two micro-units a token that is written, and a thousandth of one that is read.
PRICES = {"fake-1": Price(1, 2000)}
MOST_OUTPUT = 100


@pytest.fixture
async def service() -> AsyncIterator[FakeOpenAI]:
    async with serving() as fake:
        yield fake


@pytest.fixture
async def memory() -> AsyncIterator[Store]:
    async with InMemorySessionStore(model=SupportSession, keys=KEYS) as store:
        yield store


@pytest.fixture
def budgets(memory: Store) -> Budgets:
    return Budgets(memory, keys=KEYS)


@pytest.fixture
def budget(budgets: Budgets) -> Budget:
    return budgets.named("test", limit=1000)


def settings(service: FakeOpenAI, **given: object) -> EngineSettings:
    return EngineSettings.model_validate(
        {
            "provider": "compatible", "model": "fake-1", "base_url": service.base_url,
            "max_retries": 0, "max_tokens": MOST_OUTPUT, **given,
        }
    )  # fmt: skip


def turn(knowledge: Knowledge, purse: Purse) -> Turn:
    return Turn(text=QUESTION, history=(), library=Library(knowledge), purse=purse)


async def ask(
    service: FakeOpenAI, knowledge: Knowledge, purse: Purse, **given: object
) -> Finished | Failed:
    """Have one turn answered, and give its last event."""
    async with open_engine(settings(service, **given)) as engine:
        events = [event async for event in engine.stream(turn(knowledge, purse))]
    assert isinstance(events[-1], Finished | Failed)
    return events[-1]


def figures(balance: Balance) -> tuple[int, int]:
    return balance.spent, balance.reserved


async def test_a_call_is_settled_by_what_the_service_counted(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """Seven tokens read and three written; the rest of what was reserved is given back."""
    service.script.append(text("12 euros."))
    purse = Purse([budget], PRICES)
    assert isinstance(await ask(service, knowledge, purse), Finished)
    balance = await budget.read()
    assert figures(balance) == (7, 0)
    assert balance.items == (Bought("model", "fake-1", 7, 1),)
    bill = await purse.bill()
    assert (bill.cost, bill.budget_remaining, bill.items[0].amount) == (7, 993, 7)


async def test_each_call_of_a_turn_is_paid_for(
    service: FakeOpenAI, knowledge: Knowledge, budgets: Budgets, budget: Budget
) -> None:
    """A search and an answer are two; every budget of the purse counts both."""
    service.script += [tool_call("search_knowledge", question=QUESTION), text("12 euros [1].")]
    other = budgets.named("other", limit=500)
    purse = Purse([budget, other], PRICES)
    await ask(service, knowledge, purse)
    for one in (budget, other):
        assert (await one.read()).items == (Bought("model", "fake-1", 14, 2),)
    assert (await purse.bill()).budget_remaining == 486


async def test_what_the_most_that_it_can_cost_does_not_fit_is_not_asked(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """The longest answer alone would cost 200; nothing reaches the service."""
    await budget.spend(801)
    event = await ask(service, knowledge, Purse([budget], PRICES))
    assert isinstance(event, Failed)
    assert isinstance(event.error, BudgetExceeded)
    assert service.requests == []
    assert figures(await budget.read()) == (801, 0)


async def test_one_request_may_cost_so_much_and_no_more(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """The calls of a turn count together: the second one would pass the limit."""
    service.script += [tool_call("search_knowledge", question=QUESTION), text("12 euros [1].")]
    probe = Purse([budget], PRICES, most=10**6)
    first = await ask(service, knowledge, probe)
    assert isinstance(first, Finished)
    service.script += [tool_call("search_knowledge", question=QUESTION), text("never said")]
    refused = await ask(service, knowledge, Purse([budget], PRICES, most=208))
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, BudgetExceeded)
    assert len(service.requests) == 3
    assert figures(await budget.read()) == (21, 0)


async def test_a_shared_budget_is_nobodys_business(
    service: FakeOpenAI, knowledge: Knowledge, budgets: Budgets, budget: Budget
) -> None:
    """It holds like the others; visitors are told neither what is left nor what it was."""
    shared = budgets.named("all sessions", limit=220)
    service.script.append(text("12 euros."))
    purse = Purse([budget], PRICES, shared=[shared])
    assert isinstance(await ask(service, knowledge, purse), Finished)
    assert figures(await shared.read()) == (7, 0)
    assert (await purse.bill()).budget_remaining == 993
    await shared.spend(100)
    refused = await ask(service, knowledge, Purse([budget], PRICES, shared=[shared]))
    assert isinstance(refused, Failed)
    assert refused.error is None
    assert "220" not in refused.message + refused.reason
    assert len(service.requests) == 1
    assert figures(await budget.read()) == (7, 0)


async def test_a_call_that_was_refused_costs_nothing(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """What was reserved for it is given back."""
    service.script.append(failure(500))
    event = await ask(service, knowledge, Purse([budget], PRICES))
    assert isinstance(event, Failed)
    assert event.error is None
    assert figures(await budget.read()) == (0, 0)


async def test_security_086_a_late_answer_is_stopped_and_paid_for(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """The service is told to stop; what it had said by then counts, and nothing stays reserved."""
    service.script.append(text("word " * 40, between=0.05))
    event = await ask(service, knowledge, Purse([budget], PRICES), timeout=0.6)
    assert isinstance(event, Failed)
    await asyncio.wait_for(service.left.wait(), 10)
    spent, reserved = figures(await budget.read())
    assert reserved == 0
    assert 0 < spent < 2 * MOST_OUTPUT


async def test_security_086_an_answer_that_is_cancelled_is_stopped_and_paid_for(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """Whoever closes the stream finds it settled."""
    service.script.append(text("word " * 400, between=0.02))
    purse = Purse([budget], PRICES)
    async with open_engine(settings(service)) as engine:
        async with aclosing(engine.stream(turn(knowledge, purse))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        bill = await purse.bill()
        assert 0 < bill.cost < 2 * MOST_OUTPUT
        assert figures(await budget.read()) == (bill.cost, 0)
        await asyncio.wait_for(service.left.wait(), 10)
    assert len(service.requests) == 1


async def test_security_086_an_answer_that_never_came_counts_as_read(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """The service had the question, and may have been at it."""
    service.script.append(text("too late", seconds=5))
    purse = Purse([budget], {"fake-1": Price(1000, 0)}, most=10**6)
    await budget.set_limit(None)
    assert isinstance(await ask(service, knowledge, purse, timeout=0.3), Failed)
    assert figures(await budget.read())[1] == 0
    assert (await purse.bill()).cost > len(QUESTION) // 3


async def test_security_085_a_model_without_a_price_is_not_asked(
    service: FakeOpenAI, knowledge: Knowledge, budget: Budget
) -> None:
    """Where there is a limit; where there is none, nothing is counted."""
    for purse in (Purse([budget], {}), Purse([], {}, most=5)):
        event = await ask(service, knowledge, purse)
        assert isinstance(event, Failed)
        assert isinstance(event.error, PriceUnknown)
    assert service.requests == []
    await budget.set_limit(None)
    service.script.append(text("12 euros."))
    assert isinstance(await ask(service, knowledge, Purse([budget], {})), Finished)
    assert figures(await budget.read()) == (0, 0)


class Closed:
    """A backend that takes no changes."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply):
            raise StoreUnavailable
        return await self._backend.execute(operation)


async def test_security_085_without_a_reservation_nothing_is_asked(
    service: FakeOpenAI, knowledge: Knowledge, memory: Store
) -> None:
    """A store that does not take it costs the answer, not the money."""
    budgets = Budgets(memory, keys=KEYS)
    budget = budgets.named("test", limit=1000)
    closed: Any = Closed(memory.backend)
    budgets.accounts._backend = closed
    event = await ask(service, knowledge, Purse([budget], PRICES))
    assert isinstance(event, Failed)
    assert isinstance(event.error, StoreUnavailable)
    assert service.requests == []


async def test_a_message_that_cannot_be_paid_for_is_kept(
    service: FakeOpenAI, knowledge: Knowledge, memory: Store
) -> None:
    """Its visitor is told; once there is money again it is answered under the same id."""
    budgets = Budgets(memory, keys=KEYS)
    session = await memory.create()
    budget = budgets.of_session(session, limit=5)
    async with open_engine(settings(service)) as engine:
        agent = SupportAgent(memory, knowledge, engine, purses=lambda _: Purse([budget], PRICES))
        asked = {"client_message_id": "m1"}
        with pytest.raises(BudgetExceeded):
            await agent.process_message(session.session_id, QUESTION, **asked)
        kept = await memory.get(session.session_id)
        assert kept is not None
        assert kept.run is not None
        assert (kept.run.state, kept.message_count) == ("failed", 1)
        await budget.set_limit(1000)
        service.script.append(text("12 euros."))
        answer = await agent.process_message(session.session_id, QUESTION, **asked)
        again = await agent.process_message(session.session_id, QUESTION, **asked)
    assert (answer.metadata["cost"], answer.metadata["budget_remaining"]) == (7, 993)
    bought = {"category": "model", "item": "fake-1", "amount": 7, "times": 1}
    assert answer.metadata["items"] == again.metadata["items"] == [bought]
    assert again.metadata["replayed"]
    assert len(service.requests) == 1


async def test_a_person_is_called_without_money(
    service: FakeOpenAI, knowledge: Knowledge, memory: Store
) -> None:
    """Who needs one gets the ticket, though no model can be asked."""
    budgets = Budgets(memory, keys=KEYS)
    session = await memory.create()
    purse = Purse([budgets.of_session(session, limit=0)], PRICES)
    async with open_engine(settings(service)) as engine:
        agent = SupportAgent(memory, knowledge, engine, purses=lambda _: purse)
        answer = await agent.process_message(
            session.session_id, "This is urgent, I take legal action, you are awful! Emergency!!"
        )
    assert answer.requires_escalation
    assert answer.ticket_id is not None
    assert service.requests == []
