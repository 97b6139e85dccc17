"""`holdfast doctor`: look at a store, and say what to do about what is wrong."""

import asyncio
from argparse import Namespace

from holdfast.cli.commands import Commands, complain
from holdfast.diagnosis import Finding
from holdfast.errors import InvalidSession

WIDTH = 12


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("doctor", help="look at a store, and say what to do")
    parser.add_argument("--store", metavar="URL", required=True, help="the store to look at")
    parser.set_defaults(run=_doctor)


def _doctor(options: Namespace) -> int:
    from holdfast.doctoring import examine

    try:
        findings = asyncio.run(examine(options.store))
    except InvalidSession as exc:
        return complain(str(exc))
    for finding in findings:
        _tell(finding)
    return int(any(finding.level == "fail" for finding in findings))


def _tell(finding: Finding) -> None:
    print(f"{finding.level:<5} {finding.subject:<{WIDTH}} {finding.says}")
    if finding.advice and finding.level != "ok":
        print(f"{'':<{WIDTH + 7}}{finding.advice}")
