"""The application database is made and brought to this release, whoever starts at the same time."""

import importlib
import multiprocessing
import pkgutil
import sqlite3
import stat
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.context import SpawnContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import holdfast.server
from holdfast.server.database import migrating
from holdfast.server.database.errors import InvalidDatabase
from holdfast.server.database.migrating import VERSION_TABLE, Migrated, migrate
from holdfast.server.database.tables import METADATA

PROCESSES = 4
ROUNDS = 20
TOGETHER = 0.02


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "application.db"


def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    """The database, and everything SQLite puts beside it, is readable by its owner alone."""
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"application.db", "application.db-wal", "application.db-shm"} <= modes.keys()


def test_a_second_start_finds_nothing_to_do(path: Path) -> None:
    """The first start says that it made the database, the next one that it was all there."""
    made = migrate(path)
    assert made.before is None
    assert made.after is not None
    assert migrate(path) == Migrated(made.after, made.after)


def test_the_file_remembers_that_readers_and_a_writer_work_side_by_side(path: Path) -> None:
    """Whoever opens the file finds it in WAL mode."""
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_migrations_make_what_is_declared(path: Path) -> None:
    """Tables made by the migrations, one after the other, have the columns that the code knows."""
    for module in pkgutil.walk_packages(holdfast.server.__path__, "holdfast.server."):
        importlib.import_module(module.name)
    migrate(path)
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        found = [str(difference) for difference in compare_metadata(context, METADATA)]
    assert [difference for difference in found if "modify_nullable" not in difference] == []


def test_a_failed_migration_leaves_nothing_behind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that fails half-way is undone whole, with those that went before it."""
    broken = tmp_path / "migrations"
    (broken / "versions").mkdir(parents=True)
    (broken / "env.py").write_text((migrating.MIGRATIONS / "env.py").read_text())
    (broken / "versions" / "a.py").write_text(
        "from alembic import op\nrevision, down_revision = 'a', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE first (x)')\n    op.execute('nonsense')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "MIGRATIONS", broken)
        with pytest.raises(InvalidDatabase, match="nonsense"):
            migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    assert migrate(path).before is None


def test_a_database_of_a_newer_release_is_left_alone(path: Path) -> None:
    """A migration that this release does not know stops it, with the reason."""
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = 'of-tomorrow'")
    with pytest.raises(InvalidDatabase, match="newer release"):
        migrate(path)


@pytest.mark.parametrize("what", ["garbage", "folder", "nowhere"])
def test_what_is_no_database_is_named(path: Path, what: str) -> None:
    """A file of another kind, a folder, a place that is not there: the error says which."""
    match what:
        case "garbage":
            path.write_bytes(b"not a database at all, and long enough to be read" * 50)
        case "folder":
            path.mkdir()
        case _:
            path = path.parent / "missing" / "application.db"
    with pytest.raises(InvalidDatabase, match=path.name):
        migrate(path)


def test_one_process_migrates_several_files_at_once(path: Path) -> None:
    """Whoever opens two services in one process, in two threads, gets both."""
    for turn in range(3):
        files = [path.with_name(f"{turn}-{number}.db") for number in range(8)]
        with ThreadPoolExecutor(len(files)) as threads:
            assert {migrated.before for migrated in threads.map(migrate, files)} == {None}


def _start(path: Path, barrier: Barrier, answers: "Queue[tuple[int, Migrated]]") -> None:
    for turn in range(ROUNDS):
        barrier.wait(timeout=30)
        # The processes are woken one after the other; from here on they run together.
        begins = (time.monotonic() // TOGETHER + 2) * TOGETHER
        while time.monotonic() < begins:
            pass
        answers.put((turn, migrate(path.with_name(f"{turn}.db"))))


@pytest.fixture
def processes() -> Generator[SpawnContext]:
    before = set(multiprocessing.active_children())
    yield multiprocessing.get_context("spawn")
    for child in set(multiprocessing.active_children()) - before:
        child.join(timeout=30)


@pytest.mark.slow
def test_processes_that_start_at_once_migrate_once(path: Path, processes: SpawnContext) -> None:
    """Of four processes at one new file exactly one makes it, and the others find it made."""
    barrier, answers = processes.Barrier(PROCESSES), processes.Queue()
    for _ in range(PROCESSES):
        processes.Process(target=_start, args=(path, barrier, answers)).start()
    told = [answers.get(timeout=60) for _ in range(PROCESSES * ROUNDS)]
    for turn in range(ROUNDS):
        answered = [migrated for number, migrated in told if number == turn]
        assert len({migrated.after for migrated in answered}) == 1
        befores = [migrated.before for migrated in answered]
        assert befores.count(None) == 1
        assert befores.count(answered[0].after) == PROCESSES - 1
