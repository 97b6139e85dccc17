"""A service whose answers are written slowly, by a model that replays a script."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.server.serving import Served, served
from tests.support.fake_openai import FakeOpenAI, serving

SETTINGS: Final[dict[str, Any]] = {
    "ai_provider": "compatible",
    "ai_model": "fake-1",
    "ai_api_key": "a-key-of-the-tests",
    "ai_max_retries": "0",
    "rate_limit": "false",
}


class Writing(NamedTuple):
    """The service, and the model behind it."""

    service: Served
    model: FakeOpenAI


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncGenerator[Writing]:
    async with serving() as model:
        with served(tmp_path, ai_base_url=model.base_url, **SETTINGS) as service:
            yield Writing(service, model)
