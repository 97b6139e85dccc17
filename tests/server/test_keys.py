"""The key that a development service makes for itself."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.errors import InvalidKeyring, InvalidStore
from holdfast.keyring import Keyring
from holdfast.server.keys import load_keys, make_key_file
from holdfast.server.settings import Settings


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has mode 0600, and the next start reads the same key."""
    path = tmp_path / "holdfast.key"
    made = make_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert make_key_file(path).to_text() == made.to_text()
    assert [file.name for file in tmp_path.iterdir()] == ["holdfast.key"]


def test_those_who_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Ten racing starts, five times over, all go on with the key of the first."""
    with ThreadPoolExecutor(10) as threads:
        for round_number in range(5):
            path = tmp_path / f"{round_number}.key"
            keys = {keyring.to_text() for keyring in threads.map(make_key_file, [path] * 10)}
            assert len(keys) == 1
    assert len(list(tmp_path.iterdir())) == 5


def test_keys_come_from_where_the_settings_say(tmp_path: Path) -> None:
    """The text goes before the file, the file before a key of one's own."""
    text, filed = Keyring.generate().to_text(), Keyring.generate().to_text()
    (tmp_path / "keys").write_text(filed)
    (tmp_path / "keys").chmod(0o600)
    both = Settings.load(keys=text, keys_file=tmp_path / "keys")
    assert load_keys(both).to_text() == text
    assert load_keys(Settings.load(keys_file=tmp_path / "keys")).to_text() == filed


def test_no_key_is_made_beside_a_session_file(tmp_path: Path) -> None:
    """A lost key is named instead of replaced: a new one would open none of the sessions."""
    settings = Settings.load(data_dir=tmp_path)
    (tmp_path / "sessions.db").touch()
    with pytest.raises(InvalidStore, match=r"holdfast\.key is missing"):
        load_keys(settings)
    assert [file.name for file in tmp_path.iterdir()] == ["sessions.db"]


def test_a_broken_key_file_is_refused(tmp_path: Path) -> None:
    """What is no keyring is named without its content."""
    (tmp_path / "holdfast.key").write_text("secret-garbage")
    (tmp_path / "holdfast.key").chmod(0o600)
    with pytest.raises(InvalidKeyring) as refused:
        make_key_file(tmp_path / "holdfast.key")
    assert "garbage" not in str(refused.value)
