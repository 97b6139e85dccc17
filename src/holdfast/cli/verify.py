"""`holdfast verify`: put a store under load and faults, and check all that it answered."""

import logging
import secrets
import shlex
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from holdfast.cli.commands import Commands, complain, run_to_its_end, seconds
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.verification import Plan, Result

COULD_NOT_RUN = 2
A_DAY = 86_400
BAR = 30
NAMES = (
    "none", "kill", "pause", "block", "cancel", "delay", "freeze", "trickle", "cut", "half",
    "swallow", "garbage", "server-pause", "server-kill", "restart", "all",
)  # fmt: skip


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("verify", help="put a store under load and faults, and check it")
    parser.add_argument("--store", metavar="URL", required=True, help="the store to verify")
    parser.add_argument(
        "--processes", type=_count(64), help="worker processes (4; for memory:// this one alone)"
    )
    parser.add_argument("--callers", type=_count(1000), default=16, help="in each process (16)")
    parser.add_argument("--sessions", type=_count(5000), default=50, help="at a time (50)")
    parser.add_argument(
        "--seconds", type=seconds(A_DAY), default=30.0, help="how long, checks included (30)"
    )
    parser.add_argument("--seed", type=int, help="what decides on load and faults (random)")
    parser.add_argument(
        "--faults",
        choices=NAMES,
        nargs="+",
        default=["none"],
        metavar="FAULT",
        help=f"what goes wrong: {', '.join(NAMES)} (none)",
    )
    parser.add_argument(
        "--server-command",
        metavar="COMMAND",
        type=_command,
        help="start the server of the store with this, and do it harm too; it is killed only if it "
        "keeps what it acknowledged (for Redis: --appendonly yes --appendfsync always)",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report")
    parser.set_defaults(run=_verify)


def _verify(options: Namespace) -> int:
    # Losing leases is what happens here all the time.
    logging.getLogger("holdfast").setLevel(logging.ERROR)
    try:
        plan = _plan(options)
    except ValueError as exc:
        return _could_not_run(f"--store: {exc}")
    if plan.processes > 1 and _in_memory(plan.url):
        return _could_not_run("memory:// lives in one process: use --processes 1")
    if options.report and not options.report.absolute().parent.is_dir():
        return _could_not_run(f"There is no folder for the report: {options.report}")
    try:
        result = _show_progress(plan) if sys.stdout.isatty() else _print_progress(plan)
    except (HoldfastError, OSError) as exc:
        return _could_not_run(str(exc))
    except KeyboardInterrupt:
        return _could_not_run(
            "Stopped before the end; what was made is removed, or expires within half an hour."
        )
    print(result.told())
    return _reported(result, options.report)


def _reported(result: "Result", path: Path | None) -> int:
    """Write the report, if wanted; what was found matters more than a report that could not be."""
    from holdfast.verification import write_report

    written = True
    try:
        if path is not None:
            write_report(result, path)
    except OSError as exc:
        written = False
        complain(f"The report could not be written: {exc}")
    if not result.ok:
        return 1
    return 0 if written else COULD_NOT_RUN


def _plan(options: Namespace) -> "Plan":
    from holdfast.verification import Plan
    from holdfast.verification.possible import possible

    command = options.server_command or ""
    wanted, skipped = possible(options.store, options.faults, command)
    return Plan(
        url=options.store,
        namespace=f"verify-{secrets.token_hex(6)}",
        processes=options.processes or (1 if _in_memory(options.store) else 4),
        callers=options.callers,
        sessions=options.sessions,
        seconds=options.seconds,
        seed=secrets.randbelow(1_000_000) if options.seed is None else options.seed,
        faults=wanted,
        skipped=skipped,
        server_command=command,
    )


def _in_memory(url: str) -> bool:
    return url.startswith("memory:")


def _could_not_run(why: str) -> int:
    complain(why)
    return COULD_NOT_RUN


def _line(result: "Result") -> str:
    last = result.rounds[-1]
    faults = ", ".join(last.faults) or "no faults"
    return (
        f"round {last.number} ({faults}): {result.operations:,} operations checked, "
        f"{result.anomalies:,} anomalies"
    )


def _print_progress(plan: "Plan") -> "Result":
    from holdfast.verification import verify

    return run_to_its_end(verify(plan, tell=lambda result, _: print(_line(result), flush=True)))


def _show_progress(plan: "Plan") -> "Result":
    from holdfast.verification import verify

    _draw(0.0, "the first round is under way")
    try:
        return run_to_its_end(verify(plan, tell=lambda result, share: _draw(share, _line(result))))
    finally:
        print()


def _draw(share: float, words: str) -> None:
    """Draw over the line of before; one that the terminal broke could not be drawn over."""
    bar = "█" * round(share * BAR)
    line = f"{bar:░<{BAR}} {share:4.0%}  {words}"
    print(f"\r\x1b[K{line[: get_terminal_size().columns - 1]}", end="", flush=True)


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise ArgumentTypeError(f"must be a whole number from 1 to {most}")
        return int(text)

    return count


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise ArgumentTypeError(f"is no command: {exc}") from exc
    if not words:
        raise ArgumentTypeError("must be a command")
    return text
