"""What the agent's tests share: every store there is, and the shipped articles."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from holdfast import (
    InMemorySessionStore,
    Keyring,
    SessionStore,
    SQLiteSessionStore,
    SupportSession,
)
from holdfast.support import load_shipped_articles
from holdfast.support.knowledge import Knowledge, Manuscript

Store = SessionStore[SupportSession]


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = InMemorySessionStore(model=SupportSession, max_items=2000)
    else:
        keys = Keyring.generate()
        path = tmp_path / "sessions.db"
        opened = SQLiteSessionStore(path, keys=keys, model=SupportSession, max_items=2000)
    async with opened:
        yield opened


@pytest.fixture(scope="session")
def articles() -> Iterator[Knowledge]:
    """The shipped articles; nobody changes them."""
    with Knowledge() as knowledge:
        report = load_shipped_articles(knowledge)
        assert not report.refusals
        yield knowledge


@pytest.fixture
def knowledge() -> Iterator[Knowledge]:
    """Three small articles of the tests' own."""
    with Knowledge() as knowledge:
        for document_id, content in ARTICLES.items():
            knowledge.add(Manuscript(document_id=document_id, content=content))
        yield knowledge


ARTICLES = {
    "kayaks": """# Rent a kayak

You can rent a kayak for an hour or a day at the boathouse. Bring your passport.

## Steps to rent a kayak

Before you begin, check the weather. Then:

1. Choose a kayak at the boathouse.
2. Show your passport.
3. Sign the rental form.
4. Put on the life jacket.

## Price of a kayak

A kayak costs 12 euros an hour and 50 euros a day.

## Bring the kayak back late

Each late hour costs 15 euros.
""",
    "lockers": """# Use a locker

The lockers in the hall take a coin of one euro, which you get back.

## Lost locker key

Tell the attendant. A lost key costs 20 euros.
""",
    "sauna": """# Sauna opening hours

The sauna is open from noon to ten in the evening, on Mondays for women only.
""",
}
