"""What an engine is opened with."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class EngineSettings(BaseModel):
    """Which engine, and how it is asked.

    `local` needs nothing else. `openai` needs `api_key`; `compatible`, for every other service with
    that interface, needs `base_url`. `timeout`, in seconds, is for a whole answer, with
    its searches, its retries and the pauses between them.

    Raises:
        ValidationError: a value out of range, or one that the provider needs is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Literal["local", "openai", "compatible"] = "local"
    model: Annotated[str, Field(min_length=1, max_length=255)] = "gpt-4o-mini"
    base_url: str | None = None
    api_key: SecretStr | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = 800
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_retries: Annotated[int, Field(ge=0, le=10)] = 2

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.provider == "openai" and not (self.api_key and self.api_key.get_secret_value()):
            raise ValueError("api_key: is needed for the provider 'openai'")
        if self.provider == "compatible" and not self.base_url:
            raise ValueError("base_url: is needed for the provider 'compatible'")
        if self.base_url is not None and not self.base_url.startswith(("http://", "https://")):
            raise ValueError("base_url: must begin with http:// or https://")
        return self
