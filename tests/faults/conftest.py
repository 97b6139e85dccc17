"""How long the scenarios last: short with all other tests, long with `--faults=long`."""

import logging
from collections.abc import Iterator

import pytest

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


@pytest.fixture(autouse=True)
def _logs_keep_secrets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See that nothing that was logged, at whatever level, has a key or a session's name in it."""
    with caplog.at_level(logging.DEBUG, logger="holdfast"):
        yield
    said = " ".join(
        f"{record.getMessage()} {vars(record)}" for record in caplog.get_records("call")
    )
    secrets = [entry.partition(":")[2] for entry in KEYS.to_text().split(",")]
    assert not [word for word in (*secrets, *SESSIONS) if word in said]
