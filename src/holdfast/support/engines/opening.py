"""From settings to an engine."""

from typing import Final

from openai import AsyncAzureOpenAI, AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers import Provider
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from holdfast.support.engines.conversing import ConversingEngine
from holdfast.support.engines.local import LocalEngine
from holdfast.support.engines.settings import EngineSettings

# A stream that ends without saying why was cut off: half an answer must not pass for a whole one.
WHOLE_ANSWERS: Final = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)


def open_engine(settings: EngineSettings | None = None) -> LocalEngine | ConversingEngine:
    """Make the engine that the settings name; open it with `async with`."""
    settings = settings or EngineSettings()
    if settings.provider == "local":
        return LocalEngine()
    client = _client(settings)
    return ConversingEngine(
        OpenAIChatModel(
            settings.model, provider=_provider(settings, client), profile=WHOLE_ANSWERS
        ),
        settings=ModelSettings(
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            timeout=settings.timeout,
        ),
        timeout=settings.timeout,
        max_turn_tokens=settings.max_turn_tokens,
        capture_content=settings.capture_content,
        client=client,
        tools_off=settings.tools_off,
        tool_timeout=settings.tool_timeout,
    )


def _client(settings: EngineSettings) -> AsyncOpenAI:
    # A service of one's own may need no key, but the client insists on one.
    key = settings.api_key.get_secret_value() if settings.api_key else "none"
    if settings.provider == "azure":
        return AsyncAzureOpenAI(
            api_key=key,
            azure_endpoint=settings.base_url or "",
            api_version=settings.api_version,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
        )
    return AsyncOpenAI(
        api_key=key,
        base_url=settings.base_url,
        timeout=settings.timeout,
        max_retries=settings.max_retries,
    )


def _provider(settings: EngineSettings, client: AsyncOpenAI) -> Provider[AsyncOpenAI]:
    if isinstance(client, AsyncAzureOpenAI):
        return AzureProvider(openai_client=client)
    if settings.provider == "openai":
        return OpenAIProvider(openai_client=client)
    return OpenAICompatibleProvider("compatible", openai_client=client)
