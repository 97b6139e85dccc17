"""Checklist H: which keys production starts with, and where keys are never seen."""

import base64
import logging
import re
import traceback
from pathlib import Path
from typing import Final

import pytest

from holdfast import Keyring, open_store
from holdfast.cli import main
from holdfast.errors import InvalidKeyring
from holdfast.key_file import new_entry, write_key_file
from holdfast.server.audit import Trail
from holdfast.server.key_changes import tell_of_keys
from holdfast.server.model import ServiceSession
from holdfast.server.service import StartRefused, check_start
from holdfast.server.settings import InvalidSettings, Settings
from tests.server.conftest import Opening

PASSPHRASE: Final = base64.b64encode(b"your-32-byte-secret-key-goes-he!").decode()
ZEROS: Final = base64.b64encode(bytes(32)).decode()
SHORT: Final = base64.b64encode(b"\x8a\x03" * 12).decode()


def test_security_075_production_names_every_problem_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without good keys, with sessions in memory, without sign-in, with debug, trusting anybody."""
    for name, value in {
        "ENVIRONMENT": "production",
        "KEYS": f"k1:{PASSPHRASE}",
        "STORE": "memory://",
        "AUTH": "off",
        "DEBUG": "true",
        "TRUSTED_PROXIES": "*",
        "CORS_ORIGINS": "*",
        "API_KEYS": "short",
    }.items():
        monkeypatch.setenv(f"HOLDFAST_{name}", value)
    assert main(["serve", "--host", "127.0.0.1"]) == 1
    told = capsys.readouterr().err
    assert set(re.findall(r"^ *(HOLDFAST_\w+)", told, re.MULTILINE)) == {
        "HOLDFAST_KEYS",
        "HOLDFAST_STORE",
        "HOLDFAST_AUTH",
        "HOLDFAST_DEBUG",
        "HOLDFAST_TRUSTED_PROXIES",
        "HOLDFAST_CORS_ORIGINS",
        "HOLDFAST_API_KEYS",
    }
    assert PASSPHRASE[:8] not in told


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (None, "is needed in production"),
        (f"k1:{PASSPHRASE}", "'k1' is not random"),
        (f"k1:{ZEROS}", "'k1' is not random"),
        (f"k1:{SHORT}", "'k1' has 24 bytes"),
        ("k1:*", "'k1' is not base64"),
        (",", "1 to 16 keys"),
    ],
)
def test_security_075_production_needs_good_keys(keys: str | None, words: str) -> None:
    """None, a passphrase, a pattern or a short one stops the start; the key's id is named."""
    with pytest.raises(InvalidSettings, match=r"HOLDFAST_KEYS: ") as refused:
        Settings.load(environment="production", keys=keys, api_keys="a" * 16)
    assert words in str(refused.value)
    assert not keys or keys.partition(":")[2] not in str(refused.value) or keys == ","


@pytest.mark.parametrize("environment", ["production", "development"])
def test_security_075_a_file_of_keys_is_its_owners_alone(tmp_path: Path, environment: str) -> None:
    """One that others may read, that is none, or that is not there is named at the start."""
    path = tmp_path / "keys"

    def problem() -> str:
        with pytest.raises(InvalidSettings) as refused:
            Settings.load(environment=environment, keys_file=path, api_keys="a" * 16)
        assert str(refused.value).startswith("HOLDFAST_KEYS_FILE: ")
        return str(refused.value)

    assert "No such file" in problem()
    write_key_file(path, [new_entry("k1")])
    sound = Settings.load(environment=environment, keys_file=path, api_keys="a" * 16)
    assert sound.keys_file == path
    path.chmod(0o640)
    assert "chmod 600" in problem()
    path.write_text(f"k1:{PASSPHRASE}")
    path.chmod(0o600)
    assert "'k1' is not random" in problem()


async def test_security_075_production_needs_the_keys_of_what_is_stored(tmp_path: Path) -> None:
    """A key that sessions stand under and that is not at hand is named, by its id."""
    url, gone = f"sqlite:///{tmp_path}/sessions.db", Keyring.generate("gone")
    here = Keyring.generate("here")
    both = Keyring.from_text(f"{here.to_text()},{gone.to_text()}")
    for keys, name in ((gone, "old"), (here, "new")):
        async with open_store(url, model=ServiceSession, keys=keys) as store:
            await store.create(name)

    async def start(keys: Keyring) -> None:
        given = {"store": url, "data_dir": tmp_path, "shipped_articles": False}
        settings = Settings.load(
            environment="production", keys=keys.to_text(), api_keys="a" * 16, **given
        )
        await check_start(settings)

    with pytest.raises(StartRefused, match="'gone'") as refused:
        await start(here)
    assert here.to_text().partition(":")[2] not in str(refused.value)
    await start(both)


async def test_security_081_keys_that_turn_are_on_the_trail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Which one came, which one seals, which one is gone: by their ids."""
    caplog.set_level(logging.INFO, "holdfast.server.audit")
    first, second, third = (Keyring.generate(name).to_text() for name in ("a", "b", "c"))
    before, now = (Keyring.from_text(",".join(ring)) for ring in ((second, first), (third, second)))
    await tell_of_keys(Trail(now), before, now)
    assert [record.message for record in caplog.records] == [
        "key.generated",
        "key.rotated",
        "key.retired",
    ]
    said = " ".join(str(vars(record)) for record in caplog.records)
    assert not any(text.partition(":")[2][:12] in said for text in (first, second, third))


def test_security_077_keys_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Not in a repr, an error, a traceback or a log line."""
    entry = new_entry("mine")
    ring = Keyring([(entry.key_id, entry.key)])
    text = base64.urlsafe_b64encode(entry.key).decode()
    said = [repr(ring), str(ring), f"{entry}", repr([ring, ring.primary, entry])]
    with caplog.at_level(logging.DEBUG):
        for wrong in (f"mine:{text},mine:{text}", f"mine:{text}!", f"{text}:mine", text):
            with pytest.raises(InvalidKeyring) as refused:
                Keyring.from_text(wrong)
            said += [repr(refused.value), *traceback.format_exception(refused.value)]
        logging.getLogger("holdfast").info("keys", extra={"ring": ring, "key": ring.primary})
    said += [str(vars(record)) for record in caplog.records]
    assert shown(entry.key, ring, "\n".join(said)) == []
    assert "mine" in said[0]


def shown(key: bytes, ring: Keyring, text: str) -> list[str]:
    """Give what is to be seen of a key, in any writing."""
    derived = ring.primary.extracted
    secrets = (key.hex(), derived.hex(), *(repr(one)[2:-1] for one in (key, derived)))
    encoded = (base64.urlsafe_b64encode(one).decode() for one in (key, derived))
    return [secret for secret in (*secrets, *encoded) if secret[:12] in text]


async def test_security_077_the_service_tells_nobody_of_its_keys(
    opening: Opening, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Whatever is asked, also where it fails: no route, document or log line holds a secret."""
    entry = new_entry("mine")
    ring = Keyring([(entry.key_id, entry.key)])
    settings = {"keys": ring.to_text(), "docs": True, "store": f"sqlite:///{tmp_path}/s.db"}
    assert shown(entry.key, ring, repr(Settings.load(**settings))) == []
    caplog.set_level(logging.DEBUG)
    async with opening(**settings) as client:
        begun = (await client.post("/v1/chat/sessions", json={})).json()
        secret = begun["session_secret"]
        said = [
            (await client.get(path, headers={"Accept": accept})).text
            for path in (
                "/",
                "/docs",
                "/openapi.json",
                "/health",
                "/v1/health",
                "/metrics",
                "/none",
            )
            for accept in ("application/json", "text/html")
        ]
        async with open_store(str(settings["store"]), keys=Keyring.generate("mine")) as other:
            await other.create("foreign")
        failed = await client.get("/v1/sessions/foreign")
        assert failed.status_code == 500
        assert failed.json()["code"] == "DECRYPTION_FAILED"
        assert "seal.broken" in [record.message for record in caplog.records]
        said += [failed.text, *(str(vars(record)) for record in caplog.records)]
    everything = "\n".join(said)
    assert shown(entry.key, ring, everything) == []
    assert secret not in everything
