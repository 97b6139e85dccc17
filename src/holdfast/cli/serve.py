"""`holdfast serve`: start the service."""

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from holdfast.cli.commands import Commands, complain

if TYPE_CHECKING:
    from holdfast.server.settings import Settings


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("serve", help="start the service")
    parser.add_argument(
        "--store", metavar="URL", help="memory://, sqlite:///path/to/file.db or redis://host/0"
    )
    parser.add_argument("--host", help="the address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen at (8000)")
    parser.add_argument("--workers", type=int, metavar="N", help="how many processes answer (1)")
    parser.set_defaults(run=_serve)


def _serve(options: Namespace) -> int:
    from holdfast.server.running import hand_down, run
    from holdfast.server.service import StartRefused
    from holdfast.server.settings import InvalidSettings, Settings

    given: dict[str, Any] = {
        "store": options.store,
        "host": options.host,
        "port": options.port,
        "workers": options.workers,
    }
    try:
        settings = Settings.load(**given)
    except InvalidSettings as exc:
        return complain("These settings do not work:", *(f"  {line}" for line in exc.problems))
    complain(*(f"Warning: {warning}" for warning in settings.warnings()))
    hand_down(given)

    def announce(url: str) -> None:
        if not settings.production:
            print(f"Holdfast: {url}", flush=True)

    def offer(url: str) -> None:
        print(f"There is no admin yet. Make one within an hour: {url}", flush=True)

    offering = offers_setup(settings, watched=sys.stdout.isatty())
    try:
        run(settings, announce=announce, offer=offer if offering else None)
    except StartRefused as exc:
        return complain(str(exc))
    return 0


def offers_setup(settings: "Settings", *, watched: bool) -> bool:
    """Say whether the link that makes the first admin is printed.

    In production what is printed is kept somewhere, unless somebody sits before it.
    """
    return not settings.open_access and (watched or not settings.production)
