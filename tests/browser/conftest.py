"""A browser, and a service whose answers are written slowly by a model that replays a script."""

from collections.abc import AsyncGenerator
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.chromium import chromium
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writing(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Writing]:
    folder = tmp_path_factory.mktemp("writing")
    async with serving() as model:
        with served(folder, ai_base_url=model.base_url, **SETTINGS) as service:
            yield Writing(service, model)
