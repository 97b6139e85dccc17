"""The command `holdfast`."""

import argparse
from collections.abc import Sequence

import holdfast
from holdfast.cli import (
    audit,
    bench,
    doctor,
    keys,
    knowledge,
    migrate,
    serve,
    sessions,
    users,
    verify,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it did what was asked, 1 when not, 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="holdfast", description="The session layer for AI agents."
    )
    parser.add_argument("--version", action="version", version=f"holdfast {holdfast.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (
        serve, users, knowledge, keys, sessions, audit, migrate, doctor, verify, bench,
    ):  # fmt: skip
        command.add_to(commands)
    return parser
