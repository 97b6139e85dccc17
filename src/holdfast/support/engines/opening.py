"""From settings to an engine."""

from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers import Provider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from holdfast.support.engines.conversing import ConversingEngine
from holdfast.support.engines.local import LocalModel
from holdfast.support.engines.settings import EngineSettings


def open_engine(settings: EngineSettings | None = None) -> ConversingEngine:
    """Make the engine that the settings name; open it with `async with`."""
    settings = settings or EngineSettings()
    if settings.provider == "local":
        return ConversingEngine(LocalModel(), timeout=settings.timeout)
    client = _client(settings)
    return ConversingEngine(
        OpenAIChatModel(settings.model, provider=_provider(settings, client)),
        settings=ModelSettings(
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            timeout=settings.timeout,
        ),
        timeout=settings.timeout,
        client=client,
    )


def _client(settings: EngineSettings) -> AsyncOpenAI:
    # A service of one's own may need no key, but the client insists on one.
    key = settings.api_key.get_secret_value() if settings.api_key else "none"
    return AsyncOpenAI(
        api_key=key,
        base_url=settings.base_url,
        timeout=settings.timeout,
        max_retries=settings.max_retries,
    )


def _provider(settings: EngineSettings, client: AsyncOpenAI) -> Provider[AsyncOpenAI]:
    if settings.provider == "openai":
        return OpenAIProvider(openai_client=client)
    return OpenAICompatibleProvider("compatible", openai_client=client)
