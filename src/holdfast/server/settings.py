"""What an operator can say, read once at the start.

Each setting is an environment variable, `HOLDFAST_` and its name in capitals; in development a
`.env` file is read as well. Spellings of version 2.0 are understood, see `old_settings.py`.
"""

import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from holdfast.errors import InvalidKeyring, InvalidSession
from holdfast.keyring import Keyring
from holdfast.opening import open_store
from holdfast.server.auth.api_keys import read_api_key
from holdfast.server.auth.terms import LoginTerms
from holdfast.server.database.location import database_url
from holdfast.server.old_settings import OldSpellings, old_spelling, refuse_unusable
from holdfast.server.prices import read_prices
from holdfast.server.spelling import (
    check_database_url,
    check_http_url,
    check_keys,
    check_network,
    check_origin,
    check_weights,
    read_list,
    read_mapping,
)
from holdfast.server.strictness import DEFAULT_STRICTNESS, Strictness, read_strictness
from holdfast.session import MAX_INTEGER
from holdfast.support import Price
from holdfast.support.library import ToolName

PREFIX: Final = "HOLDFAST_"
SHORTEST_API_KEY: Final = 16
KNOWLEDGE_FILE: Final = "knowledge.db"
DATABASE_FILE: Final = "application.db"

DatabaseUrl = Annotated[str, AfterValidator(check_database_url)]
ApiKeys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(read_list)]
Origin = Annotated[str, AfterValidator(check_origin)]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(read_list)]
Network = Annotated[str, AfterValidator(check_network)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(read_list)]
Weights = Annotated[
    dict[str, float], NoDecode, BeforeValidator(read_mapping), AfterValidator(check_weights)
]
Prices = Annotated[dict[str, Price], NoDecode, BeforeValidator(read_prices)]
Micros = Annotated[int | None, Field(ge=0, le=MAX_INTEGER)]
Fingerprinting = Annotated[Strictness, NoDecode, BeforeValidator(read_strictness)]
Tools = Annotated[tuple[ToolName, ...], NoDecode, BeforeValidator(read_list)]
HttpUrl = Annotated[str, AfterValidator(check_http_url)]
Keys = Annotated[SecretStr, AfterValidator(check_keys)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class InvalidSettings(ValueError):
    """Settings that the service does not start with; it names all that is wrong, a line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# What a language model cannot be asked without.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "local": (),
    "openai": ("ai_api_key",),
    "azure": ("ai_api_key", "ai_base_url", "ai_api_version"),
    "compatible": ("ai_base_url",),
}

# Which setting each of the terms of a sign-in is.
LOGIN_FIELDS: Final[Mapping[str, str]] = {
    "idle": "login_idle_seconds",
    "max_age": "login_max_age_seconds",
    "access": "access_token_seconds",
    "grace": "refresh_grace_seconds",
}


class Complaint(NamedTuple):
    """One thing that is wrong with one setting."""

    field: str
    rule: str

    def __str__(self) -> str:
        name = PREFIX + self.field.upper()
        old = None if name in os.environ else old_spelling(self.field)
        return f"{name} (given as {old}): {self.rule}" if old else f"{name}: {self.rule}"


class Settings(BaseSettings):
    """The settings of the service, checked one by one; `complaints` checks them together."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True
    )

    environment: Literal["development", "production"] = "development"
    debug: bool = False
    docs: bool | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: Path | None = None
    metrics: bool = True

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    workers: int = Field(1, ge=1, le=64)
    cors_origins: Origins = ()
    trusted_proxies: Networks = ()
    max_body_bytes: int = Field(2_000_000, ge=1_000, le=1_000_000_000)
    shutdown_seconds: int = Field(30, ge=1, le=3600)
    websocket_ping_seconds: Annotated[Seconds, Field(le=3600)] = 30
    websocket_timeout_seconds: Annotated[Seconds, Field(le=3600)] = 10
    websocket_idle_seconds: Annotated[Seconds, Field(le=86_400)] = 300
    websocket_connections: int = Field(1000, ge=1, le=100_000)
    websocket_unknown_per_network: int = Field(50, ge=1, le=100_000)

    auth: Literal["required", "off"] = "required"
    api_keys: ApiKeys = ()
    login_idle_seconds: Seconds = 1800
    login_max_age_seconds: Seconds = 86_400
    logins_per_user: int = Field(10, ge=1, le=1000)
    access_token_seconds: Seconds = 300
    refresh_grace_seconds: Seconds = 10
    token_issuer: str = Field("holdfast", min_length=1, max_length=255)
    rate_limit: bool = True
    rate_limit_requests: int = Field(300, ge=1, le=1_000_000)
    rate_limit_seconds: Annotated[Seconds, Field(le=86_400)] = 60
    rate_limit_burst: int | None = Field(None, ge=1, le=1_000_000)
    message_limit: int = Field(30, ge=1, le=1_000_000)
    message_limit_seconds: Annotated[Seconds, Field(le=86_400)] = 60
    failed_login_limit: int = Field(5, ge=1, le=50)
    failed_login_seconds: Annotated[Seconds, Field(le=86_400)] = 300

    data_dir: Path = Path("data")
    store: str | None = Field(None, repr=False)
    database_url: DatabaseUrl | None = Field(None, repr=False)
    keys: Keys | None = None
    keys_file: Path | None = None
    namespace: str = Field("default", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    ttl_seconds: Seconds = 1800
    max_age_seconds: Annotated[Seconds, Field(le=315_360_000)] = 86_400
    max_sessions: int = Field(10_000, ge=100, le=1_000_000)
    deadline_seconds: Annotated[Seconds, Field(le=3600)] = 5
    cleanup_seconds: Seconds = 300

    max_messages: int = Field(1000, ge=1, le=100_000)
    lease_seconds: float = Field(30, ge=5, le=300)
    lease_wait_seconds: Annotated[Seconds, Field(le=3600)] = 60
    fingerprinting: Fingerprinting = DEFAULT_STRICTNESS
    shipped_articles: bool = True
    ai_provider: Literal["local", "openai", "azure", "compatible"] = "local"
    ai_model: str = "gpt-4o-mini"
    ai_base_url: HttpUrl | None = None
    ai_api_key: SecretStr | None = None
    ai_api_version: str | None = Field(None, max_length=64)
    ai_temperature: float = Field(0.2, ge=0, le=2)
    ai_max_tokens: int = Field(800, ge=1, le=1_000_000)
    ai_max_turn_tokens: int = Field(60_000, ge=1000, le=10_000_000)
    ai_timeout_seconds: Annotated[Seconds, Field(le=600)] = 30
    ai_max_retries: int = Field(2, ge=0, le=10)
    ai_capture_content: bool = False
    ai_tools_off: Tools = ()
    ai_tool_seconds: Annotated[Seconds, Field(le=600)] = 5
    prices: Prices = Field(default_factory=dict[str, Price])
    budget_request: Micros = None
    budget_session: Micros = None
    budget_user_day: Micros = None
    budget_day: Micros = None
    budget_reservation_seconds: Annotated[Seconds, Field(le=86_400)] = 600
    memory_hours: float = Field(24, ge=0, le=8760)
    escalation: bool = True
    escalation_threshold: float = Field(0.7, gt=0, le=1)
    escalation_keywords: Weights | None = None

    _refuse_unusable = field_validator("*", mode="before")(refuse_unusable)

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read the settings; what is `given` goes before the environment.

        Raises:
            InvalidSettings: it holds every problem, also those between settings.
        """
        given = {name: value for name, value in given.items() if value is not None}
        given["_env_file"] = _file()
        try:
            settings, found = cls(**given), []
        except ValidationError as exc:
            found = list(_complaints(exc))
            sound = {complaint.field: cls._default(complaint.field) for complaint in found}
            settings = cls(**{**given, **sound})
        known = {complaint.field for complaint in found}
        found += [complaint for complaint in settings.complaints() if complaint.field not in known]
        if found:
            raise InvalidSettings(tuple(map(str, found)))
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there are none
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the old spellings behind ours."""
        old = OldSpellings(settings_cls, dotenv_settings)
        return init_settings, env_settings, dotenv_settings, old

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def open_access(self) -> bool:
        """Say whether everybody who can reach the service may do everything."""
        return self.auth == "off"

    @property
    def has_budget(self) -> bool:
        """Say whether what models may cost has a limit."""
        limits = (
            self.budget_request, self.budget_session, self.budget_user_day, self.budget_day,
        )  # fmt: skip
        return any(limit is not None for limit in limits)

    @property
    def store_url(self) -> str:
        """The URL of the store; without one, a SQLite file in the data folder."""
        return self.store or f"sqlite:///{(self.data_dir / 'sessions.db').absolute()}"

    @property
    def session_file(self) -> Path | None:
        """The file of a SQLite store."""
        scheme, _, path = self.store_url.partition("?")[0].partition(":///")
        return Path(unquote(path)) if scheme == "sqlite" and path else None

    @property
    def application_database(self) -> str:
        """The URL of the application database; without one, a SQLite file in the data folder."""
        return self.database_url or database_url(self.data_dir / DATABASE_FILE)

    @property
    def login_terms(self) -> LoginTerms:
        """How long a sign-in lasts, and what stands for it how long."""
        return LoginTerms(
            idle=self.login_idle_seconds,
            max_age=self.login_max_age_seconds,
            access=self.access_token_seconds,
            grace=self.refresh_grace_seconds,
            most=self.logins_per_user,
        )

    @property
    def in_memory(self) -> bool:
        return self.store_url.startswith("memory:")

    def complaints(self) -> Iterator[Complaint]:
        """Say what is wrong between settings."""
        if self.open_access and not is_loopback(self.host):
            yield Complaint("auth", f"off is for this machine only, and the host is {self.host}")
        if self.in_memory and self.workers > 1:
            yield Complaint("workers", "must be 1 with memory://, which one process has for itself")
        try:
            open_store(self.store_url, keys=Keyring.generate())
        except InvalidSession as exc:
            yield Complaint("store", exc.rule if exc.field == "url" else str(exc))
        yield from self._complaints_of_keys()
        yield from self._complaints_of_sign_in()
        if self.ttl_seconds > self.max_age_seconds:
            yield Complaint("ttl_seconds", "must not be more than HOLDFAST_MAX_AGE_SECONDS")
        for field in NEEDED[self.ai_provider]:
            if not getattr(self, field):
                yield Complaint(field, f"is needed with HOLDFAST_AI_PROVIDER={self.ai_provider}")
        if self.has_budget and self.ai_provider != "local" and self.ai_model not in self.prices:
            yield Complaint("prices", f"needs that of {self.ai_model}: a budget has a limit")
        if (
            self.ai_provider != "local"
            and self.budget_reservation_seconds <= self.ai_timeout_seconds
        ):
            rule = "must be more than HOLDFAST_AI_TIMEOUT_SECONDS, so that it outlives its call"
            yield Complaint("budget_reservation_seconds", rule)
        if self.production:
            yield from self._complaints_in_production()

    def _complaints_of_keys(self) -> Iterator[Complaint]:
        if self.keys is None and self.keys_file is not None:
            try:
                Keyring.from_file(self.keys_file)
            except InvalidKeyring as exc:
                yield Complaint("keys_file", str(exc))
            except OSError as exc:
                yield Complaint("keys_file", f"cannot be read ({exc.strerror})")

    def _complaints_of_sign_in(self) -> Iterator[Complaint]:
        for term, rule in self.login_terms.problems():
            yield Complaint(LOGIN_FIELDS[term], rule)
        try:
            list(map(read_api_key, self.api_keys))
        except ValueError as exc:
            yield Complaint("api_keys", str(exc))

    def warnings(self) -> Iterator[Complaint]:
        """Say what an operator should know, though the service starts."""
        for name in sorted({*os.environ, *_names_in_file(type(self))}):
            field = name.removeprefix(PREFIX).lower()
            if name.startswith(PREFIX) and field not in type(self).model_fields:
                yield Complaint(field, "is not a setting; is it misspelt?")
        if self.production:
            yield from self._warnings_in_production()

    def _warnings_in_production(self) -> Iterator[Complaint]:
        if not self.api_keys:
            yield Complaint("api_keys", "there are none: nobody can use /v1/sessions")
        if self.shipped_articles:
            yield Complaint("shipped_articles", "the knowledge base is about a fictional shop")
        if not self.rate_limit:
            yield Complaint("rate_limit", "visitors may ask without limit")
        if "off" in self.fingerprinting:
            yield Complaint("fingerprinting", "with off, what was stolen cannot be noticed")

    def _complaints_in_production(self) -> Iterator[Complaint]:
        if any(network == "*" or network.endswith("/0") for network in self.trusted_proxies):
            yield Complaint("trusted_proxies", "must name its proxies: anybody else can lie")
        if self.keys is None and self.keys_file is None:
            rule = "is needed in production (or HOLDFAST_KEYS_FILE); see `holdfast keys generate`"
            yield Complaint("keys", rule)
        if self.in_memory:
            yield Complaint("store", "memory:// forgets all sessions at a restart: not allowed")
        if self.open_access:
            yield Complaint("auth", "must be required in production")
        if self.debug:
            yield Complaint("debug", "must be off in production")
        keys = (written.get_secret_value().partition("=")[0] for written in self.api_keys)
        if any(len(key) < SHORTEST_API_KEY for key in keys):
            yield Complaint("api_keys", f"must have {SHORTEST_API_KEY} characters or more each")

    @classmethod
    def _default(cls, field: str) -> Any:
        return cls.model_fields[field].get_default(call_default_factory=True)


def _file() -> str | None:
    """Say which file is read beside the environment: in production none."""
    return None if os.environ.get(f"{PREFIX}ENVIRONMENT") == "production" else ".env"


def _names_in_file(settings: type[BaseSettings]) -> set[str]:
    return {name.upper() for name in DotEnvSettingsSource(settings, env_file=_file()).env_vars}


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach the address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _complaints(error: ValidationError) -> Iterator[Complaint]:
    """Name what is wrong, never the value: it may be a secret."""
    for detail in error.errors(include_url=False, include_input=False):
        rule = detail["msg"].removeprefix("Value error, ")
        yield Complaint(str(detail["loc"][0]), rule)
