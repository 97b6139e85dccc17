"""`holdfast keys`: make keys."""

from argparse import Namespace

from holdfast.cli.commands import Commands
from holdfast.keyring import Keyring


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("keys", help="make keys for HOLDFAST_KEYS")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    generate = actions.add_parser("generate", help="print a new key: id:base64-of-32-bytes")
    generate.add_argument("--id", help="the id of the key (random)")
    generate.set_defaults(run=_generate)


def _generate(options: Namespace) -> int:
    print(Keyring.generate(options.id).to_text())
    return 0
