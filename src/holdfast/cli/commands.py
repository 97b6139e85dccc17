"""What the commands have in common: how they are declared, and how they say what is wrong."""

import sys
from argparse import ArgumentParser
from typing import Protocol


class Commands(Protocol):
    """Takes the declarations of commands."""

    def add_parser(self, name: str, /, *, help: str) -> ArgumentParser:
        """Declare a command."""
        ...


def complain(*lines: str) -> int:
    """Say on standard error what is wrong, and give the exit code for it."""
    for line in lines:
        print(line, file=sys.stderr)
    return 1
