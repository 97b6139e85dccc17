"""Keys of a file are exchanged while processes use them."""

import logging
import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from holdfast import Keyring
from holdfast.errors import InvalidKeyring
from holdfast.key_file import (
    FollowedKeyring,
    check_retirable,
    new_entry,
    retire,
    rotate,
    write_key_file,
)
from holdfast.keyring import KeyEntry, in_use, read_entries, read_key_file


class Time:
    """Both clocks of a process, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one key."""
    write_key_file(tmp_path / "keys", [new_entry("first")])
    return tmp_path / "keys"


def followed(path: Path, time: Time) -> FollowedKeyring:
    return FollowedKeyring(path, monotonic=time, wall=time)


def ids(entries: tuple[KeyEntry, ...]) -> list[str]:
    return [entry.key_id for entry in entries]


def test_a_new_key_opens_before_it_seals(path: Path) -> None:
    """Whoever follows the file knows it within a second; it seals when its time has come."""
    time = Time()
    keys = followed(path, time)
    rotate(path, key_id="second", settles=10, now=time.now)
    assert keys.primary.key_id == "first"
    time.now += 1
    assert keys.primary.key_id == "first"
    assert [key.key_id for key in keys] == ["first", "second"]
    time.now += 11
    assert keys.primary.key_id == "second"
    assert [key.key_id for key in keys] == ["second", "first"]


def test_a_key_that_is_not_known_is_looked_for_at_once(path: Path) -> None:
    """Without waiting for the next look at the file."""
    time = Time()
    keys = followed(path, time)
    rotate(path, key_id="second", now=time.now)
    assert keys.find("second") is not None
    assert keys.find("third") is None


def test_who_starts_later_agrees_on_the_key_that_seals(path: Path) -> None:
    """The moment stands in the file."""
    time = Time()
    rotate(path, key_id="second", settles=10, now=time.now)
    assert followed(path, time).primary.key_id == "first"
    time.now += 12
    assert followed(path, time).primary.key_id == "second"


def test_keys_that_stay_the_same_are_the_same_object(path: Path) -> None:
    """So that what was derived from them is kept; the file is not looked at within a second."""
    time = Time()
    keys = followed(path, time)
    before = keys.current()
    write_key_file(path, read_key_file(path))
    time.now += 5
    assert keys.current() is before
    rotate(path, settles=0, now=time.now)
    time.now += 0.5
    assert keys.current() is before
    time.now += 0.5
    assert keys.current() is not before


@pytest.mark.parametrize("broken", ["", "nonsense", "first:AAAA", None])
def test_a_broken_file_leaves_the_keys_as_they_were(
    path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, without its content; a good one is taken again."""
    time = Time()
    keys = followed(path, time)
    good = path.read_text()
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            time.now += 2
            assert keys.primary.key_id == "first"
    assert [record.message for record in caplog.records] == ["keys.file_unusable"]
    assert not broken or broken not in str(vars(caplog.records[0]))
    path.write_text(good)
    path.chmod(0o600)
    rotate(path, key_id="second", settles=0, now=time.now)
    time.now += 2
    assert keys.primary.key_id == "second"


def test_the_file_of_another_service_is_not_taken(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An id names one key for ever: under another one nothing that was sealed would open."""
    time = Time()
    keys, own = followed(path, time), read_key_file(path)
    before = keys.current()
    write_key_file(path, [new_entry("second"), new_entry("first")])
    time.now += 2
    assert keys.current() is before
    assert keys.find("second") is None
    (complaint,) = caplog.records
    assert "'first'" in str(vars(complaint)["reason"])
    write_key_file(path, [new_entry("second"), *own])
    time.now += 2
    assert keys.primary.key_id == "second"


def test_a_followed_keyring_travels_and_shows_no_key(path: Path) -> None:
    """Another process follows the same file."""
    keys = FollowedKeyring(path)
    again = pickle.loads(pickle.dumps(keys))
    rotate(path, key_id="second", settles=0, now=0)
    assert again.find("second") is not None
    assert repr(keys) == "FollowedKeyring(first)"
    assert repr(read_key_file(path)[1]) == "KeyEntry('first')"


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    """Whichever of them."""
    for mode in (0o640, 0o604, 0o644, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(InvalidKeyring, match="chmod 600"):
            Keyring.from_file(path)
        with pytest.raises(InvalidKeyring, match="chmod 600"):
            FollowedKeyring(path)
    path.chmod(0o400)
    assert Keyring.from_file(path).primary.key_id == "first"


def test_a_file_is_replaced_as_a_whole_for_its_owner_alone(path: Path) -> None:
    """What was read before stays whole, nothing else is left in the folder."""
    with path.open() as before:
        rotate(path, key_id="second", now=0)
        assert ids(read_entries(before.read())) == ["first"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys"]


def test_a_file_keeps_its_owner(path: Path) -> None:
    """Whoever exchanges a key for a service, the service reads the file afterwards."""
    groups = [group for group in os.getgroups() if group != os.getegid()]
    if os.geteuid() != 0 and not groups:
        pytest.skip("this user can give a file to nobody")
    owner = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), groups[0])
    os.chown(path, *owner)
    rotate(path, key_id="second", now=0)
    status = path.stat()
    assert (status.st_uid, status.st_gid) == owner
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_a_link_to_a_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    """Who reads the file where it is sees the key as well as who reads it by the link."""
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(path)
    rotate(link, key_id="second", now=0)
    assert link.is_symlink()
    assert ids(read_key_file(path)) == ["second", "first"]
    assert [file.name for file in link.parent.iterdir()] == ["link"]


def test_a_key_outlasts_a_power_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk knows the content before the file is in place, and the folder after that."""
    synced: list[tuple[bool, int]] = []

    def sync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((folder, len(read_key_file(path))))

    monkeypatch.setattr(os, "fsync", sync)
    rotate(path, key_id="second", now=0)
    assert synced == [(False, 1), (True, 2)]


def test_of_those_who_make_a_file_at_once_one_does(tmp_path: Path) -> None:
    """A key that was told of is the one in the file; nothing else is left in the folder."""
    path, names = tmp_path / "new", [f"k{number}" for number in range(8)]
    together = Barrier(len(names))

    def make(name: str) -> str | None:
        together.wait()
        try:
            write_key_file(path, [new_entry(name)], new=True)
        except FileExistsError:
            return None
        return name

    with ThreadPoolExecutor(len(names)) as threads:
        made = [name for name in threads.map(make, names) if name is not None]
    assert ids(read_key_file(path)) == made
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_commands_that_rotate_at_once_take_turns(path: Path) -> None:
    """No key is lost."""
    names = [f"k{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: rotate(path, key_id=name, now=0), names))
    assert sorted(ids(read_key_file(path))) == sorted([*names, "first"])


def test_what_is_no_keyring_is_never_written(path: Path) -> None:
    """A known id and too many keys are refused, and the file stays."""
    before = path.read_text()
    with pytest.raises(InvalidKeyring):
        rotate(path, key_id="first", now=0)
    with pytest.raises(InvalidKeyring):
        write_key_file(path, [new_entry() for _ in range(17)])
    assert path.read_text() == before


def test_a_key_is_retired_once_nobody_can_seal_under_it(path: Path) -> None:
    """Not the one that seals, not one that did a moment ago, not one that is going to."""
    rotate(path, key_id="second", settles=10, now=1000)  # seals from 1011 on
    for now in (1000, 1011, 1020):
        with pytest.raises(InvalidKeyring, match="first"):
            retire(path, "first", settles=10, now=now)
        with pytest.raises(InvalidKeyring, match="second"):
            retire(path, "second", settles=10, now=now)
    with pytest.raises(InvalidKeyring, match="no key"):
        check_retirable(read_key_file(path), "third", now=2000)
    retire(path, "first", settles=10, now=1021)
    assert ids(read_key_file(path)) == ["second"]


def test_a_key_that_seals_at_once_has_to_settle_as_well(path: Path) -> None:
    """Processes that have not read the file yet seal under the older one."""
    rotate(path, key_id="second", settles=0, now=1000.5)
    assert in_use(read_key_file(path), now=1000.5)[0].key_id == "second"
    with pytest.raises(InvalidKeyring, match="first"):
        retire(path, "first", settles=10, now=1009)
    retire(path, "first", settles=10, now=1010)


def test_the_moment_of_a_key_stands_in_its_entry() -> None:
    """Keys without one seal always; a moment that is none is refused without showing the key."""
    first, second = new_entry("first"), new_entry("second", seals_from=2000)
    text = f"{second.written()},{first.written()}"
    assert read_entries(text) == (second, first)
    assert ids(tuple(in_use((second, first), now=1999.9))) == ["first", "second"]
    assert ids(tuple(in_use((second, first), now=2000))) == ["second", "first"]
    assert ids(tuple(in_use((second,), now=0))) == ["second"]
    for wrong in ("@", "@soon", "@-1", "@1.5", "@²"):
        with pytest.raises(InvalidKeyring) as refused:
            read_entries(first.written() + wrong)
        assert first.written()[10:20] not in str(refused.value)
