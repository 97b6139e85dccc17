"""How every connection to the application database begins, and how its transactions do.

The driver would begin transactions late and by itself. It is told not to: a writer takes its lock
first, so it never finds at its end that another one came between.
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

_WRITING: Final = "holdfast_writing"
WRITER: Final[dict[str, Any]] = {_WRITING: True}

PRAGMAS: Final = (
    "PRAGMA foreign_keys = ON",
    # What was answered is on the disk.
    "PRAGMA synchronous = FULL",
)


def driver_url(driver: str, path: Path) -> URL:
    """Write the URL as the library reads it; a file that is gone is not made anew."""
    return URL.create(
        driver, database=f"file:{quote(str(path.absolute()))}", query={"mode": "rw", "uri": "true"}
    )


def driver_options(*, patience: float) -> dict[str, Any]:
    """Say how the driver opens a file; for `patience` seconds it waits for other writers."""
    return {"timeout": patience, "isolation_level": None}


def prepare(engine: Engine) -> None:
    """Let the engine's connections and transactions begin as they must."""
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)


def _connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
