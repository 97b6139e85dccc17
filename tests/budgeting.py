"""A clock, kinds and keys for tests of budgets, on stores of each kind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from holdfast import Keyring
from holdfast.budget import Balance, Kind
from tests.redis_servers import RedisServer

KEYS: Final = Keyring.generate()
NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEA: Final = Kind("drinks", "tea")
CAKE: Final = Kind("food", "cake")


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def url_of(request: pytest.FixtureRequest, folder: Path) -> str:
    """Say where a store of the kind is that a fixture was asked for."""
    urls = {"memory": "memory://", "sqlite": f"sqlite:///{folder}/sessions.db"}
    if request.param in urls:
        return urls[request.param]
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url()


def figures(balance: Balance) -> tuple[int | None, int, int, int | None]:
    """Say what a budget comes to."""
    return balance.limit, balance.spent, balance.reserved, balance.remaining
