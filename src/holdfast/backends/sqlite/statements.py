"""The SQL files of this package."""

from importlib.resources import files


def statement(name: str) -> str:
    """Read the file `sql/<name>.sql`."""
    return (files(__name__.rpartition(".")[0]) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


class Statements(dict[str, str]):
    """The statements by name, each read from its file when it is first asked for."""

    def __missing__(self, name: str) -> str:
        text = self[name] = statement(name)
        return text
