"""How long the scenarios last: short with all other tests, long with `--faults=long`."""

import pytest

from tests.faults.criteria import Length


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
