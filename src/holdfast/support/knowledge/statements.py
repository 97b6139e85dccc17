"""The SQL files of this package."""

from importlib.resources import files


def statement(name: str) -> str:
    """Read the file `sql/<name>.sql`."""
    return (files("holdfast.support.knowledge") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def statements(*names: str) -> dict[str, str]:
    """Read several, by name."""
    return {name: statement(name) for name in names}
