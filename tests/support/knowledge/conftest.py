from collections.abc import Iterator

import pytest

from holdfast.support.knowledge import Knowledge


@pytest.fixture
def knowledge() -> Iterator[Knowledge]:
    with Knowledge() as opened:
        yield opened
