"""What an operator can say, and how the service takes it."""

import re
from pathlib import Path

import pytest

from holdfast.keyring import Keyring
from holdfast.server.old_settings import OLD
from holdfast.server.service import engine_settings
from holdfast.server.settings import InvalidSettings, Settings
from holdfast.server.strictness import Strictness

ROOT = Path(__file__).parents[2]
OURS = {f"HOLDFAST_{name.upper()}" for name in Settings.model_fields}

# Every name of version 2.0, as its inventory has them.
ONCE = """
SESSION_STORE_TYPE USE_SHARED_CONTEXT SESSION_TIMEOUT_MINUTES SESSION_CLEANUP_INTERVAL_SECONDS
SESSION_MAX_SESSIONS REDIS_SESSION_KEY_PREFIX REDIS_SESSION_TTL_SECONDS SESSION_ENCRYPTION_ENABLED
SESSION_ENCRYPTION_KEY SESSION_FINGERPRINTING_ENABLED SESSION_FINGERPRINT_STRICT
SESSION_LOCKING_ENABLED SESSION_LOCK_TIMEOUT_SECONDS SESSION_LOCK_RETRY_ATTEMPTS
SESSION_L1_CACHE_ENABLED SESSION_L1_CACHE_SIZE SESSION_L1_CACHE_TTL_SECONDS
SESSION_ANALYTICS_ENABLED SESSION_MAX_MESSAGES REDIS_URL REDIS_PASSWORD REDIS_MAX_CONNECTIONS
REDIS_SOCKET_TIMEOUT REDIS_SOCKET_CONNECT_TIMEOUT REDIS_RETRY_ON_TIMEOUT
REDIS_HEALTH_CHECK_INTERVAL CACHE_ENABLED REDIS_TTL APP_NAME ENVIRONMENT DEBUG LOG_LEVEL API_HOST
API_PORT API_PREFIX API_WORKERS CORS_ORIGINS SECRET_KEY JWT_ALGORITHM JWT_EXPIRATION_HOURS
DATABASE_URL AI_PROVIDER OPENAI_API_KEY OPENAI_API_BASE AZURE_OPENAI_ENDPOINT AZURE_OPENAI_API_KEY
AZURE_OPENAI_DEPLOYMENT AZURE_OPENAI_API_VERSION AGENT_MODEL AGENT_TEMPERATURE AGENT_MAX_TOKENS
AGENT_TIMEOUT AGENT_MAX_RETRIES EMBEDDING_MODEL RAG_ENABLED RAG_CHUNK_SIZE RAG_CHUNK_OVERLAP
RAG_SEARCH_K RAG_SIMILARITY_THRESHOLD RAG_RERANK_ENABLED MEMORY_ENABLED MEMORY_MAX_ENTRIES
MEMORY_TTL_HOURS MEMORY_CLEANUP_DAYS MAX_FILE_SIZE ALLOWED_FILE_TYPES UPLOAD_DIRECTORY
PROCESS_UPLOADS_ASYNC RATE_LIMIT_ENABLED RATE_LIMIT_REQUESTS RATE_LIMIT_PERIOD RATE_LIMIT_BURST
ENABLE_TELEMETRY METRICS_ENABLED METRICS_PORT OTLP_ENDPOINT OTLP_SERVICE_NAME SENTRY_DSN
WEBSOCKET_PING_INTERVAL WEBSOCKET_PING_TIMEOUT WEBSOCKET_MAX_CONNECTIONS ESCALATION_ENABLED
ESCALATION_CONFIDENCE_THRESHOLD ESCALATION_KEYWORDS ESCALATION_NOTIFICATION_EMAIL
ESCALATION_WEBHOOK_URL FEATURE_VOICE_INPUT FEATURE_MULTILINGUAL FEATURE_ANALYTICS
FEATURE_EXPORT_CHAT FEATURE_FILE_PREVIEW FAILED_LOGIN_LIMIT FAILED_LOGIN_COOLDOWN
MESSAGE_RATE_LIMIT MESSAGE_RATE_WINDOW
""".split()  # noqa: SIM905 - as the inventory is written

OLD_VALUES = {
    "SESSION_STORE_TYPE": ("in_memory", "store", "memory://"),
    "USE_SHARED_CONTEXT": ("false", "store", None),
    "REDIS_URL": ("redis://127.0.0.1/0", "store", None),
    "REDIS_PASSWORD": ("secret", "store", None),
    "SESSION_L1_CACHE_ENABLED": ("true", "store", None),
    "SESSION_L1_CACHE_SIZE": ("50", "store", None),
    "DATABASE_URL": ("sqlite:///./old.db", "database_url", "sqlite:///./old.db"),
    "SESSION_TIMEOUT_MINUTES": ("10", "ttl_seconds", 600),
    "REDIS_SESSION_TTL_SECONDS": ("300", "ttl_seconds", 300),
    "SESSION_CLEANUP_INTERVAL_SECONDS": ("60", "cleanup_seconds", 60),
    "SESSION_MAX_SESSIONS": ("100", "max_sessions", 100),
    "SESSION_FINGERPRINTING_ENABLED": ("false", "fingerprinting", Strictness("off", "off", "off")),
    "SESSION_FINGERPRINT_STRICT": ("true", "fingerprinting",
                                   Strictness("strict", "strict", "strict")),
    "SESSION_LOCK_TIMEOUT_SECONDS": ("5", "lease_seconds", 5),
    "SESSION_MAX_MESSAGES": ("7", "max_messages", 7),
    "REDIS_SESSION_KEY_PREFIX": ("agent:session:", "namespace", "agent.session"),
    "REDIS_SOCKET_TIMEOUT": ("2", "deadline_seconds", 2),
    "ENVIRONMENT": ("Development", "environment", "development"),
    "DEBUG": ("true", "debug", True),
    "LOG_LEVEL": ("WARNING", "log_level", "warning"),
    "API_HOST": ("0.0.0.0", "host", "0.0.0.0"),
    "API_PORT": ("9000", "port", 9000),
    "API_WORKERS": ("4", "workers", 4),
    "CORS_ORIGINS": ('["http://a.example", "http://b.example:81"]', "cors_origins",
                     ("http://a.example", "http://b.example:81")),
    "METRICS_ENABLED": ("false", "metrics", False),
    "WEBSOCKET_PING_INTERVAL": ("20", "websocket_ping_seconds", 20),
    "WEBSOCKET_PING_TIMEOUT": ("5", "websocket_timeout_seconds", 5),
    "WEBSOCKET_MAX_CONNECTIONS": ("50", "websocket_connections", 50),
    "RATE_LIMIT_ENABLED": ("false", "rate_limit", False),
    "RATE_LIMIT_REQUESTS": ("100", "rate_limit_requests", 100),
    "RATE_LIMIT_PERIOD": ("30", "rate_limit_seconds", 30),
    "RATE_LIMIT_BURST": ("10", "rate_limit_burst", 10),
    "MESSAGE_RATE_LIMIT": ("20", "message_limit", 20),
    "MESSAGE_RATE_WINDOW": ("30", "message_limit_seconds", 30),
    "FAILED_LOGIN_LIMIT": ("7", "failed_login_limit", 7),
    "FAILED_LOGIN_COOLDOWN": ("600", "failed_login_seconds", 600),
    "AI_PROVIDER": ("local", "ai_provider", "local"),
    "OPENAI_API_BASE": ("http://127.0.0.1:1/v1", "ai_base_url", "http://127.0.0.1:1/v1"),
    "AZURE_OPENAI_ENDPOINT": ("http://127.0.0.1:1/", "ai_base_url", None),
    "AZURE_OPENAI_DEPLOYMENT": ("d", "ai_model", "gpt-4o-mini"),
    "AZURE_OPENAI_API_VERSION": ("2025-01-01", "ai_api_version", None),
    "AGENT_MODEL": ("m", "ai_model", "m"),
    "AGENT_TEMPERATURE": ("0.7", "ai_temperature", 0.7),
    "AGENT_MAX_TOKENS": ("2000", "ai_max_tokens", 2000),
    "AGENT_TIMEOUT": ("10", "ai_timeout_seconds", 10),
    "AGENT_MAX_RETRIES": ("3", "ai_max_retries", 3),
    "MEMORY_ENABLED": ("false", "memory_hours", 0),
    "MEMORY_TTL_HOURS": ("12", "memory_hours", 12),
    "ESCALATION_ENABLED": ("false", "escalation", False),
    "ESCALATION_CONFIDENCE_THRESHOLD": ("0.5", "escalation_threshold", 0.5),
    "ESCALATION_KEYWORDS": ('{"urgent": 1.0, "legal": 0.9}', "escalation_keywords",
                            {"urgent": 1.0, "legal": 0.9}),
}  # fmt: skip
SECRET = {"SESSION_ENCRYPTION_KEY", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"}


def _problems(**given: object) -> str:
    with pytest.raises(InvalidSettings) as refused:
        Settings.load(**given)
    return str(refused.value)


def test_nothing_needs_to_be_said() -> None:
    """In development every setting has a default, and access is required."""
    settings = Settings.load()
    assert settings.auth == "required"
    assert settings.host == "127.0.0.1"
    assert settings.store_url.endswith("/data/sessions.db")


def test_all_problems_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong values and settings that do not go together come in one message."""
    for name, value in {
        "HOLDFAST_PORT": "99999",
        "HOLDFAST_ENVIRONMENT": "production",
        "HOLDFAST_CORS_ORIGINS": "*",
        "HOLDFAST_STORE": "memory://",
        "HOLDFAST_AUTH": "off",
        "HOLDFAST_DEBUG": "yes",
        "HOLDFAST_WORKERS": "2",
        "HOLDFAST_AI_PROVIDER": "openai",
        "API_HOST": "0.0.0.0",
        "AGENT_TEMPERATURE": "9",
        "ESCALATION_KEYWORDS": "{",
    }.items():
        monkeypatch.setenv(name, value)
    named = set(re.findall(r"^HOLDFAST_\w+", _problems(), re.MULTILINE))
    assert named == {
        "HOLDFAST_PORT", "HOLDFAST_CORS_ORIGINS", "HOLDFAST_STORE", "HOLDFAST_AUTH",
        "HOLDFAST_DEBUG", "HOLDFAST_WORKERS", "HOLDFAST_AI_API_KEY", "HOLDFAST_AI_TEMPERATURE",
        "HOLDFAST_ESCALATION_KEYWORDS", "HOLDFAST_KEYS",
    }  # fmt: skip
    assert "given as AGENT_TEMPERATURE" in _problems()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"auth": "off", "host": "0.0.0.0"}, "HOLDFAST_AUTH"),
        ({"auth": "off", "host": "192.168.0.7"}, "HOLDFAST_AUTH"),
        ({"store": "memory://", "workers": 2}, "HOLDFAST_WORKERS"),
        ({"store": "redis://127.0.0.1/no-number"}, "HOLDFAST_STORE"),
        ({"store": "postgresql://127.0.0.1/db"}, "HOLDFAST_STORE"),
        ({"ttl_seconds": 0}, "HOLDFAST_TTL_SECONDS"),
        ({"ttl_seconds": "nan"}, "HOLDFAST_TTL_SECONDS"),
        ({"ttl_seconds": 100, "max_age_seconds": 50}, "HOLDFAST_TTL_SECONDS"),
        ({"keys": "no-colon"}, "HOLDFAST_KEYS"),
        ({"keys": "k:c2hvcnQ="}, "HOLDFAST_KEYS"),
        ({"cors_origins": "https://a.example/path"}, "HOLDFAST_CORS_ORIGINS"),
        ({"cors_origins": "null"}, "HOLDFAST_CORS_ORIGINS"),
        ({"namespace": "a/b"}, "HOLDFAST_NAMESPACE"),
        ({"environment": "production", "keys": "x"}, "HOLDFAST_KEYS"),
        ({"ai_provider": "compatible"}, "HOLDFAST_AI_BASE_URL"),
        ({"max_sessions": 99}, "HOLDFAST_MAX_SESSIONS"),
        ({"port": "http"}, "HOLDFAST_PORT"),
        ({"escalation_threshold": 0}, "HOLDFAST_ESCALATION_THRESHOLD"),
        ({"escalation_keywords": "legal=0.5"}, "HOLDFAST_ESCALATION_KEYWORDS"),
        ({"escalation_keywords": '{"legal": 1.1}'}, "HOLDFAST_ESCALATION_KEYWORDS"),
        ({"ai_base_url": "api.example/v1"}, "HOLDFAST_AI_BASE_URL"),
        ({"ai_base_url": "ftp://api.example"}, "HOLDFAST_AI_BASE_URL"),
        ({"ai_base_url": "http://[half"}, "HOLDFAST_AI_BASE_URL"),
        ({"store": "sqlite://host/file.db"}, "HOLDFAST_STORE"),
        ({"store": "sqlite:///file.db?colour=red"}, "HOLDFAST_STORE"),
        ({"store": "memory://?max_sessions=abc"}, "HOLDFAST_STORE"),
        ({"store": "memory://?max_sessions=0"}, "HOLDFAST_STORE"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], named: str) -> None:
    """Each rule names the setting that breaks it."""
    assert _problems(**given).startswith(named)


def test_access_may_be_off_on_this_machine() -> None:
    """Every loopback address will do."""
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert Settings.load(auth="off", host=host).open_access


def test_production_starts_with_what_it_demands() -> None:
    """Keys, a lasting store and strong API keys are enough; what is doubtful is a warning."""
    keys = Keyring.generate().to_text()
    settings = Settings.load(environment="production", keys=keys, api_keys="a" * 16)
    assert settings.production
    assert {warning.field for warning in settings.warnings()} == {"shipped_articles"}
    assert "HOLDFAST_API_KEYS" in _problems(environment="production", keys=keys, api_keys="short")


def test_a_misspelt_setting_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that begins like ours and is none of ours is a warning."""
    monkeypatch.setenv("HOLDFAST_APIKEYS", "x")
    assert [str(warning) for warning in Settings.load().warnings()] == [
        "HOLDFAST_APIKEYS: is not a setting; is it misspelt?"
    ]


def test_a_misspelt_setting_in_the_file_is_pointed_out(tmp_path: Path) -> None:
    """`.env` is looked through like the environment."""
    (tmp_path / ".env").write_text("HOLDFAST_APIKEYS=x\nHOLDFAST_PORT=9001\nOTHER=1\n")
    assert [str(warning) for warning in Settings.load().warnings()] == [
        "HOLDFAST_APIKEYS: is not a setting; is it misspelt?"
    ]


def test_a_refused_address_is_not_repeated() -> None:
    """An address may hold a password."""
    assert "hush" not in _problems(ai_base_url="ftp://me:hush@api.example")


def test_secrets_are_masked() -> None:
    """Settings can be printed; a refusal does not repeat what it refuses."""
    keys = Keyring.generate().to_text()
    settings = Settings.load(keys=keys, api_keys="hush-hush", ai_api_key="sk-quiet")
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert not {keys, "hush-hush", "sk-quiet"} & set(re.split(r"[^\w:=+/-]", shown))
        assert keys not in shown
        assert "hush" not in shown
        assert "quiet" not in shown
    assert "c2hvcnQ" not in _problems(keys="k:c2hvcnQ=")


def test_lists_and_mappings_are_read_in_both_forms() -> None:
    """Commas or JSON, as the operator likes."""
    for text in ("http://a.example, http://b.example", '["http://a.example","http://b.example"]'):
        assert Settings.load(cors_origins=text).cors_origins == (
            "http://a.example",
            "http://b.example",
        )
    for text in ("urgent=1.0, legal=0.9", '{"urgent": 1.0, "legal": 0.9}'):
        assert Settings.load(escalation_keywords=text).escalation_keywords == {
            "urgent": 1.0,
            "legal": 0.9,
        }


def test_a_file_is_read_in_development_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`.env` fills in what the environment leaves open; production does not look at it."""
    (tmp_path / ".env").write_text("HOLDFAST_PORT=9001\nHOLDFAST_HOST=127.0.0.2\nAPI_WORKERS=3\n")
    monkeypatch.setenv("HOLDFAST_HOST", "127.0.0.3")
    settings = Settings.load()
    assert (settings.port, settings.host, settings.workers) == (9001, "127.0.0.3", 3)
    monkeypatch.setenv("HOLDFAST_ENVIRONMENT", "production")
    assert Settings.load(keys=Keyring.generate().to_text()).port == 8000


@pytest.mark.parametrize("name", sorted(OLD.keys() - SECRET))
def test_old_spellings_are_understood(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What version 2.0 called a setting still means it."""
    text, field, value = OLD_VALUES[name]
    monkeypatch.setenv(name, text)
    assert getattr(Settings.load(), field) == value


def test_old_secrets_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old key opens under the key id `v2`."""
    key = Keyring.generate().to_text().partition(":")[2]
    monkeypatch.setenv("SESSION_ENCRYPTION_KEY", key)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    settings = Settings.load()
    assert settings.keys is not None
    assert settings.keys.get_secret_value() == f"v2:{key}"
    assert settings.ai_api_key is not None
    assert settings.ai_api_key.get_secret_value() == "sk-1"


def test_azure_is_chosen_by_the_old_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own spellings count where it is chosen, and each of them is needed."""
    monkeypatch.setenv("AI_PROVIDER", "azure_openai")
    assert {"AI_API_KEY", "AI_BASE_URL", "AI_API_VERSION"} <= set(
        re.findall("AI_[A-Z_]+", _problems())
    )
    for name, value in {
        "OPENAI_API_KEY": "other",
        "AZURE_OPENAI_API_KEY": "k",
        "AZURE_OPENAI_ENDPOINT": "https://r.example/",
        "AZURE_OPENAI_DEPLOYMENT": "mini",
        "AZURE_OPENAI_API_VERSION": "2025-01-01",
    }.items():
        monkeypatch.setenv(name, value)
    engine = engine_settings(Settings.load())
    assert engine.provider == "azure"
    assert engine.api_key is not None
    assert engine.api_key.get_secret_value() == "k"
    assert (engine.base_url, engine.model) == ("https://r.example/", "mini")
    assert engine.api_version == "2025-01-01"


def test_ours_goes_before_the_old_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both are given, the new one counts."""
    monkeypatch.setenv("API_PORT", "9000")
    monkeypatch.setenv("HOLDFAST_PORT", "9001")
    assert Settings.load().port == 9001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_STORE_TYPE", "redis"),
        ("USE_SHARED_CONTEXT", "true"),
        ("SESSION_TIMEOUT_MINUTES", "soon"),
    ],
)
def test_old_values_without_a_counterpart_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What cannot be done any more, or not yet, is said instead of ignored."""
    monkeypatch.setenv(name, value)
    assert f"given as {name}" in _problems()


@pytest.mark.parametrize("choice", ["SESSION_STORE_TYPE=redis", "USE_SHARED_CONTEXT=true"])
@pytest.mark.parametrize(
    ("given", "store"),
    [
        ("REDIS_URL=redis://h:1/2", "redis://h:1/2"),
        ("REDIS_URL=redis://h:1/2 REDIS_PASSWORD=p@ss/w", "redis://:p%40ss%2Fw@h:1/2"),
        ("REDIS_URL=redis://:own@h/2 REDIS_PASSWORD=other", "redis://:own@h/2"),
        ("REDIS_URL=redis://h/0 SESSION_L1_CACHE_ENABLED=true", "redis://h/0?near_cache=1000"),
        ("REDIS_URL=redis://h/0 SESSION_L1_CACHE_SIZE=50", "redis://h/0?near_cache=50"),
        (
            "REDIS_URL=redis://h/0 SESSION_L1_CACHE_ENABLED=false SESSION_L1_CACHE_SIZE=50",
            "redis://h/0",
        ),
        (
            "REDIS_URL=redis://h/0?client_name=x SESSION_L1_CACHE_SIZE=50",
            "redis://h/0?client_name=x&near_cache=50",
        ),
    ],
)
def test_redis_is_chosen_by_the_old_spellings(
    monkeypatch: pytest.MonkeyPatch, choice: str, given: str, store: str
) -> None:
    """One spelling chooses it, others add to its URL."""
    for pair in (choice, *given.split()):
        monkeypatch.setenv(*pair.split("=", 1))
    settings = Settings.load()
    assert settings.store_url == store
    assert store not in repr(settings)


def test_the_documents_hold_every_setting() -> None:
    """The reference and the example file know our settings, and no others."""
    reference = (ROOT / "docs/reference/settings.md").read_text()
    listed = set(re.findall(r"^\| `(HOLDFAST_\w+)`", reference, re.MULTILINE))
    assert listed == OURS
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?(HOLDFAST_\w+)=", example, re.MULTILINE)) == OURS


def test_the_documents_hold_every_old_name() -> None:
    """Each name of version 2.0 stands under "Coming from v2.0", understood or with the reason."""
    reference = (ROOT / "docs/reference/settings.md").read_text()
    then = reference.partition("## Coming from v2.0")[2]
    understood, _, gone = then.partition("These say nothing any more")
    assert set(re.findall(r"^\| `([A-Z]\w+)` \|", understood, re.MULTILINE)) == OLD.keys()
    reasons = "".join(line.split("|")[1] for line in gone.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", reasons)) == set(ONCE) - OLD.keys()


def test_the_example_file_shows_the_defaults() -> None:
    """Every default in the example file is the default."""
    example = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# (HOLDFAST_\w+)=(.*)$", example, re.MULTILINE))
    given = {name.removeprefix("HOLDFAST_").lower(): text for name, text in shown.items() if text}
    assert Settings.load(**given) == Settings.load()
