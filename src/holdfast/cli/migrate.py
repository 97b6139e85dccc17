"""`holdfast migrate`: bring the application database to this release."""

from argparse import Namespace
from pathlib import Path

from holdfast.cli.commands import Commands, complain
from holdfast.errors import HoldfastError


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "migrate", help="bring the application database to this release; `serve` does it too"
    )
    parser.add_argument("--data-dir", type=Path, help="the data folder (./data)")
    parser.set_defaults(run=_migrate)


def _migrate(options: Namespace) -> int:
    from holdfast.server.database import database_file, migrate
    from holdfast.server.settings import Settings

    try:
        settings = Settings.load(data_dir=options.data_dir)
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = database_file(settings.application_database)
        before, after = migrate(path)
    except (HoldfastError, OSError, ValueError) as exc:
        return complain(str(exc))
    change = "is" if before == after else f"was {before or 'new'}, and is now"
    print(f"{path} {change} at migration {after}.")
    return 0
