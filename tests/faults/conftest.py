"""How long the scenarios last: short with all other tests, long with `--faults=long`."""

import logging
from collections.abc import Iterator
from inspect import signature

import pytest

from holdfast.backends.redis.link import Refused
from holdfast.errors import HoldfastError
from tests.faults.criteria import SESSIONS, Length
from tests.tallying import KEYS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", choices=("short", "long"), default="short")


@pytest.fixture(scope="session")
def length(request: pytest.FixtureRequest) -> Length:
    return Length(long=request.config.getoption("--faults", default="short") == "long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give long runs the time that they need."""
    if config.getoption("--faults", default="short") == "long":
        for item in items:
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture
def said_by_errors(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Keep what errors say, but for those that are about one session and name it."""
    said: set[str] = set()
    refuse = Refused.__init__

    def keep(error: HoldfastError, *message: str) -> None:
        Exception.__init__(error, *message)
        if "session_id" not in signature(type(error)).parameters:
            said.update(message)

    def keep_refused(error: Refused, message: str) -> None:
        refuse(error, message)
        said.add(str(error))

    monkeypatch.setattr(HoldfastError, "__init__", keep)
    monkeypatch.setattr(Refused, "__init__", keep_refused)
    return said


@pytest.fixture(autouse=True)
def _nothing_tells_secrets(
    caplog: pytest.LogCaptureFixture, said_by_errors: set[str]
) -> Iterator[None]:
    """See that no log, at whatever level, and no error has a key or a session's name in it."""
    with caplog.at_level(logging.DEBUG, logger="holdfast"):
        yield
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.get_records("call")]
    said = " ".join((*logged, *said_by_errors))
    secrets = [entry.partition(":")[2] for entry in KEYS.to_text().split(",")]
    assert not [word for word in (*secrets, *SESSIONS) if word in said]
