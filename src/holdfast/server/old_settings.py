"""The spellings of version 2.0 that still mean something, and what each of them means now.

Those that mean nothing any more are listed, with the reason, in `docs/reference/settings.md`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

Environ = Mapping[str, str]
Reader = Callable[[str, Environ], Any]


class Unusable(NamedTuple):
    """A value of an old spelling that has no counterpart."""

    rule: str


class Meaning(NamedTuple):
    """Which setting an old spelling is, and how its value is read, with others beside it."""

    field: str
    read: Reader = lambda text, _: text


def _seconds(minutes: str, _: Environ) -> float:
    return float(minutes) * 60


def _lower(text: str, _: Environ | None = None) -> str:
    return text.strip().lower()


def _is_on(switch: str) -> bool:
    return _lower(switch) in {"true", "1", "yes", "on"}


def _store(kind: str, beside: Environ) -> str:
    match _lower(kind):
        case "in_memory":
            return "memory://"
        case "redis":
            return _redis(beside)
        case _:
            raise ValueError(f"{kind!r} is no store; use in_memory or redis, or HOLDFAST_STORE")


def _shared(switch: str, beside: Environ) -> str | None:
    return _redis(beside) if _is_on(switch) else None


def _beside(_: str, __: Environ) -> None:
    """Read a spelling that says nothing alone: it adds to the one that chooses the store."""


def _redis(beside: Environ) -> str:
    """Put the URL together; a password in it goes before the one beside it."""
    if not beside.get("REDIS_URL"):
        raise ValueError("redis needs REDIS_URL; or use HOLDFAST_STORE")
    parts = urlsplit(beside["REDIS_URL"])
    if (password := beside.get("REDIS_PASSWORD")) and "@" not in parts.netloc:
        parts = parts._replace(netloc=f":{quote(password, safe='')}@{parts.netloc}")
    size = beside.get("SESSION_L1_CACHE_SIZE")
    switch = beside.get("SESSION_L1_CACHE_ENABLED") or ("true" if size else "false")
    if _is_on(switch):
        query = [parts.query] if parts.query else []
        parts = parts._replace(query="&".join([*query, f"near_cache={size or 1000}"]))
    return urlunsplit(parts)


def _namespace(prefix: str, _: Environ) -> str:
    return prefix.strip(":").replace(":", ".")


def _key(encoded: str, _: Environ) -> str:
    return f"v2:{encoded}"


def _provider(name: str, _: Environ) -> str:
    return "azure" if _lower(name) == "azure_openai" else _lower(name)


def _with_azure(text: str, beside: Environ) -> str | None:
    """Read a spelling that counts only where Azure was chosen by its old name."""
    return text if _lower(beside.get("AI_PROVIDER", "")) == "azure_openai" else None


def _fingerprinting(switch: str, beside: Environ) -> str:
    return (
        _strictness(beside.get("SESSION_FINGERPRINT_STRICT", ""), beside)
        if _is_on(switch)
        else switch
    )


def _strictness(switch: str, _: Environ) -> str:
    return "strict" if _is_on(switch) else "soft"


def _memory(switch: str, _: Environ) -> float | None:
    return None if _is_on(switch) else 0


# Where two spellings mean the same setting, the upper one goes first.
OLD: Final[Mapping[str, Meaning]] = {
    "SESSION_STORE_TYPE": Meaning("store", _store),
    "USE_SHARED_CONTEXT": Meaning("store", _shared),
    "REDIS_URL": Meaning("store", _beside),
    "REDIS_PASSWORD": Meaning("store", _beside),
    "SESSION_L1_CACHE_ENABLED": Meaning("store", _beside),
    "SESSION_L1_CACHE_SIZE": Meaning("store", _beside),
    "SESSION_TIMEOUT_MINUTES": Meaning("ttl_seconds", _seconds),
    "REDIS_SESSION_TTL_SECONDS": Meaning("ttl_seconds"),
    "SESSION_CLEANUP_INTERVAL_SECONDS": Meaning("cleanup_seconds"),
    "SESSION_MAX_SESSIONS": Meaning("max_sessions"),
    "SESSION_ENCRYPTION_KEY": Meaning("keys", _key),
    "SESSION_FINGERPRINTING_ENABLED": Meaning("fingerprinting", _fingerprinting),
    "SESSION_FINGERPRINT_STRICT": Meaning("fingerprinting", _strictness),
    "SESSION_LOCK_TIMEOUT_SECONDS": Meaning("lease_seconds"),
    "SESSION_MAX_MESSAGES": Meaning("max_messages"),
    "REDIS_SESSION_KEY_PREFIX": Meaning("namespace", _namespace),
    "REDIS_SOCKET_TIMEOUT": Meaning("deadline_seconds"),
    "DATABASE_URL": Meaning("database_url"),
    "ENVIRONMENT": Meaning("environment", _lower),
    "DEBUG": Meaning("debug"),
    "LOG_LEVEL": Meaning("log_level", _lower),
    "API_HOST": Meaning("host"),
    "API_PORT": Meaning("port"),
    "API_WORKERS": Meaning("workers"),
    "CORS_ORIGINS": Meaning("cors_origins"),
    "METRICS_ENABLED": Meaning("metrics"),
    "WEBSOCKET_PING_INTERVAL": Meaning("websocket_ping_seconds"),
    "WEBSOCKET_PING_TIMEOUT": Meaning("websocket_timeout_seconds"),
    "WEBSOCKET_MAX_CONNECTIONS": Meaning("websocket_connections"),
    "RATE_LIMIT_ENABLED": Meaning("rate_limit"),
    "RATE_LIMIT_REQUESTS": Meaning("rate_limit_requests"),
    "RATE_LIMIT_PERIOD": Meaning("rate_limit_seconds"),
    "RATE_LIMIT_BURST": Meaning("rate_limit_burst"),
    "MESSAGE_RATE_LIMIT": Meaning("message_limit"),
    "MESSAGE_RATE_WINDOW": Meaning("message_limit_seconds"),
    "FAILED_LOGIN_LIMIT": Meaning("failed_login_limit"),
    "FAILED_LOGIN_COOLDOWN": Meaning("failed_login_seconds"),
    "AI_PROVIDER": Meaning("ai_provider", _provider),
    "AZURE_OPENAI_API_KEY": Meaning("ai_api_key", _with_azure),
    "AZURE_OPENAI_ENDPOINT": Meaning("ai_base_url", _with_azure),
    "AZURE_OPENAI_DEPLOYMENT": Meaning("ai_model", _with_azure),
    "AZURE_OPENAI_API_VERSION": Meaning("ai_api_version", _with_azure),
    "OPENAI_API_KEY": Meaning("ai_api_key"),
    "OPENAI_API_BASE": Meaning("ai_base_url"),
    "AGENT_MODEL": Meaning("ai_model"),
    "AGENT_TEMPERATURE": Meaning("ai_temperature"),
    "AGENT_MAX_TOKENS": Meaning("ai_max_tokens"),
    "AGENT_TIMEOUT": Meaning("ai_timeout_seconds"),
    "AGENT_MAX_RETRIES": Meaning("ai_max_retries"),
    "MEMORY_ENABLED": Meaning("memory_hours", _memory),
    "MEMORY_TTL_HOURS": Meaning("memory_hours"),
    "ESCALATION_ENABLED": Meaning("escalation"),
    "ESCALATION_CONFIDENCE_THRESHOLD": Meaning("escalation_threshold"),
    "ESCALATION_KEYWORDS": Meaning("escalation_keywords"),
}


def old_spelling(field: str) -> str | None:
    """Say under which old spelling the environment holds a setting, if it does."""
    given = (name for name, meaning in OLD.items() if meaning.field == field)
    return next((name for name in given if os.environ.get(name)), None)


class OldSpellings(PydanticBaseSettingsSource):
    """Reads the old spellings from the environment, and behind it from the `.env` file."""

    def __init__(
        self, settings_cls: type[BaseSettings], dotenv: PydanticBaseSettingsSource
    ) -> None:
        super().__init__(settings_cls)
        written: Mapping[str, str | None] = (
            dotenv.env_vars if isinstance(dotenv, DotEnvSettingsSource) else {}
        )
        in_file = {name.upper(): value for name, value in written.items() if value}
        self._environ: Mapping[str, str] = {**in_file, **os.environ}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Find one setting under one of its old spellings."""
        for name, meaning in OLD.items():
            if meaning.field == field_name and self._environ.get(name):
                value = _read(meaning.read, self._environ[name], self._environ)
                if value is not None:
                    return value, name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Find all settings that stand under old spellings."""
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}


def _read(read: Reader, text: str, beside: Environ) -> Any:
    try:
        return read(text, beside)
    except ValueError as exc:
        return Unusable(str(exc))


def refuse_unusable(value: Any) -> Any:
    """Turn what an old spelling could not be read as into a problem of its setting."""
    if isinstance(value, Unusable):
        raise PydanticCustomError("old_spelling", "{rule}", {"rule": value.rule})
    return value
