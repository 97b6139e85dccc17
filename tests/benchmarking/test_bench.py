"""`holdfast bench`, on tiny runs without peers."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from holdfast.benchmarking.peers import catalog
from holdfast.cli import main
from tests.redis_servers import RedisServer

TINY = ["bench", "--quick", "--seconds", "0.002"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_our_stores_are_compared_with_each_other_and_with_themselves(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every figure is a ratio with its range; the document has all rounds; two plots are drawn."""
    plots = tmp_path / "plots"
    assert main([*TINY, "--json", "out.json", "--plot", str(plots)]) == 0
    printed = capsys.readouterr().out
    assert "Against others" in printed
    assert "Against itself" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert {each["store"] for each in written["comparisons"]} == {
        "holdfast memory",
        "holdfast sqlite",
    }
    for each in written["comparisons"]:
        assert 0 < each["ratio_min"] <= each["ratio"] <= each["ratio_max"]
        rounds = 3 if each["sessions"] is None else 2
        assert len(each["ours_per_second"]) == len(each["peer_per_second"]) == rounds
    assert written["failures"] == {}
    assert [(each["acknowledged"], each["lost"]) for each in written["left"]] == [(64, 0)] * 4
    assert "synchronous=2" in written["durability"]["holdfast sqlite"]
    for name in ("callers.svg", "work.svg"):
        drawn = ElementTree.parse(plots / name).getroot()
        assert drawn.tag == f"{SVG}svg"
        assert drawn.findall(f"{SVG}circle")


def test_peers_that_are_not_installed_are_named_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain driver takes part; each missing package is named once, and the code is 0."""
    installed = catalog.installed
    monkeypatch.setattr(
        "holdfast.benchmarking.running.installed",
        lambda package: installed(package) if package == "aiosqlite" else None,
    )
    assert main([*TINY, "--peers"]) == 0
    shown = capsys.readouterr()
    assert "aiosqlite, plain driver" in shown.out
    for package in ("openai-agents", "google-adk", "starsessions", "pydantic-ai-slim"):
        assert shown.out.count(f"Not installed, left out: {package}") == 1
        assert shown.err.count(f"{package} is not installed") == 1


def test_a_store_of_ones_own_is_left_as_it_was(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A run has a namespace of its own in the store that is named, and deletes all it created."""
    url = f"sqlite:///{tmp_path / 'mine.db'}?synchronous=OFF"
    assert main([*TINY, "--store", url]) == 0
    assert "settings of the URL: synchronous=OFF" in capsys.readouterr().out
    rows = _live_rows(tmp_path / "mine.db")
    assert rows == 0


@pytest.mark.slow
def test_a_redis_server_is_started_for_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Our store and the plain driver work on it beside the usual ones; afterwards it is gone."""
    monkeypatch.setattr(
        "holdfast.benchmarking.running.installed",
        lambda package: "here" if package == "redis" else None,
    )
    assert main([*TINY, "--peers", "--redis-server", "--json", "out.json"]) == 0
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["failures"] == {}
    compared = {(each["store"], each["peer"]) for each in written["comparisons"]}
    assert ("holdfast redis", "redis.asyncio, plain driver") in compared
    assert {"holdfast memory", "holdfast sqlite"} <= {store for store, _ in compared}
    on_redis = [each for each in written["left"] if "redis" in each["store"]]
    assert [(each["acknowledged"], each["lost"]) for each in on_redis] == [(64, 0)] * 4
    assert "appendonly=no" in written["durability"]["redis.asyncio, plain driver"]
    assert "missing" not in capsys.readouterr().out


def test_a_redis_of_ones_own_is_left_without_sessions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ours and those of the plain driver are deleted; what is left of ours expires."""
    monkeypatch.setattr(
        "holdfast.benchmarking.running.installed",
        lambda package: "here" if package == "redis" else None,
    )
    server = RedisServer(tmp_path / "redis").start()
    try:
        assert main([*TINY, "--peers", "--store", server.url(2)]) == 0
        with server.client() as client:
            client.select(2)
            left = [key.decode() for key in client.scan_iter()]
    finally:
        server.stop()
    assert left
    assert [key for key in left if not key.startswith("hf:") or ":s:" in key] == []


def test_a_redis_server_that_does_not_start_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured then."""
    assert main([*TINY, "--redis-server", "no-such-server"]) == 1
    assert "no-such-server" in capsys.readouterr().err


def _live_rows(path: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert "sessions" in {name for (name,) in tables}
        (count,) = connection.execute("SELECT count(*) FROM sessions").fetchone()
    return int(count)


def test_exit_codes_tell_failures_and_wrong_command_lines_apart(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """1 for a store that cannot be opened or does not hold what it is given, 2 for bad options."""
    assert main([*TINY, "--store", "carrier-pigeon://loft"]) == 1
    assert "must begin with memory://" in capsys.readouterr().err
    (tmp_path / "no.db").write_text("this is no database, but some text of a certain length")
    assert main([*TINY, "--store", f"sqlite:///{tmp_path / 'no.db'}"]) == 1
    assert "no.db" in capsys.readouterr().err
    assert main([*TINY, "--store", "memory://?max_sessions=500"]) == 1
    shown = capsys.readouterr()
    assert "this store keeps 500 of 1,000 sessions" in shown.out
    for wrong in (["--seconds", "0"], ["--seconds", "soon"]):
        with pytest.raises(SystemExit) as ended:
            main(["bench", *wrong])
        assert ended.value.code == 2
