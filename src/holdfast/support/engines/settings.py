"""What an engine is opened with."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from holdfast.support.library import ToolName


class EngineSettings(BaseModel):
    """Which engine, and how it is asked.

    `local` needs nothing else, and the rest does not concern it. `openai` needs `api_key`. `azure`
    needs `api_key`, `base_url` (the endpoint of the resource) and `api_version`; its `model` is the
    name of the deployment. `compatible`, for every other service with that interface, needs
    `base_url`.

    `timeout`, in seconds, is for a whole answer, with its searches, its retries and the pauses
    between them. `max_tokens` bounds one response of the model, `max_turn_tokens` what is sent and
    received for one answer together. `tools_off` names tools that the model is not given; one use
    of the others may take `tool_timeout`, and is tried twice. `capture_content` lets telemetry hold
    what people write.

    Raises:
        ValidationError: a value out of range, or one that the provider needs is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Literal["local", "openai", "azure", "compatible"] = "local"
    model: Annotated[str, Field(min_length=1, max_length=255)] = "gpt-4o-mini"
    base_url: str | None = None
    api_key: SecretStr | None = None
    api_version: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = 800
    max_turn_tokens: Annotated[int, Field(ge=1_000, le=10_000_000)] = 60_000
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    capture_content: bool = False
    tools_off: frozenset[ToolName] = frozenset()
    tool_timeout: Annotated[float, Field(gt=0, le=600)] = 5.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in _NEEDED[self.provider]:
            if not _given(getattr(self, name)):
                raise ValueError(f"{name}: is needed for the provider '{self.provider}'")
        if self.base_url is not None and not self.base_url.startswith(("http://", "https://")):
            raise ValueError("base_url: must begin with http:// or https://")
        return self


_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "local": (),
    "openai": ("api_key",),
    "azure": ("api_key", "base_url", "api_version"),
    "compatible": ("base_url",),
}


def _given(value: SecretStr | str | None) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
