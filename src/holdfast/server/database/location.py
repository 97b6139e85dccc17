"""Which file a database URL names."""

from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

SCHEMES: Final = frozenset({"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"})


def database_file(url: str) -> Path:
    """Find the file of `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Raises:
        ValueError: the URL names something else; it may hold a password and is not repeated.
    """
    scheme, separator, path = url.partition(":///")
    if scheme not in SCHEMES or not separator:
        raise ValueError("must be sqlite:///relative.db or sqlite:////absolute.db")
    if not path or path == ":memory:" or "?" in path:
        raise ValueError("must name a file, without parameters: workers share it")
    return Path(unquote(path))


def database_url(path: Path) -> str:
    """Write the URL of a file."""
    return f"sqlite:///{quote(str(path.absolute()))}"
