"""`holdfast bench`: measure stores against each other and against peers."""

import json
import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.cli.commands import Commands, complain, run_to_its_end, seconds
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.benchmarking.running import Outcome


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser("bench", help="measure stores, as ratios")
    parser.add_argument(
        "--store", action="append", metavar="URL", help="a store (memory, and SQLite in a new file)"
    )
    parser.add_argument("--peers", action="store_true", help="measure other people's stores too")
    parser.add_argument(
        "--redis-server",
        nargs="?",
        const="redis-server",
        metavar="COMMAND",
        help="start a Redis server for the run, and measure on it too (redis-server)",
    )
    parser.add_argument(
        "--seconds", type=seconds(60), metavar="N", help="how long a store works in a round (0.2)"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, callers and sessions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds to a file")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw two plots (SVG)")
    parser.set_defaults(run=_bench)


def _bench(options: Namespace) -> int:
    from holdfast.benchmarking.report import text

    try:
        outcome = run_to_its_end(_run(options))
        print(text(outcome))
        _write(outcome, options)
    except (HoldfastError, OSError) as exc:
        return complain(str(exc))
    except KeyboardInterrupt:
        return complain("Stopped before the end.")
    return complain("A store could not do all of the work.") if outcome.ours_failed else 0


async def _run(options: Namespace) -> "Outcome":
    from holdfast.benchmarking.own import entrants, on_a_server
    from holdfast.benchmarking.running import chosen, run
    from holdfast.benchmarking.serving import free_port, serving, url_of
    from holdfast.benchmarking.work import QUICK, Scale

    scale = QUICK if options.quick else Scale()
    if options.seconds is not None:
        scale = scale._replace(seconds=options.seconds)
    urls: list[str] = options.store or []
    async with AsyncExitStack() as stack:
        usual = [] if urls else entrants([])
        if options.redis_server is not None:
            port = free_port()
            await stack.enter_async_context(serving(options.redis_server, port))
            urls = [*urls, url_of(port)]
        ours = usual + (entrants(urls) if urls else [])
        redis = next(filter(on_a_server, urls), None)
        taking_part, missing = chosen(ours, peers=options.peers, redis=redis)
        for package in missing:
            complain(f"{package} is not installed: its stores are left out (group `bench`).")
        return await run(taking_part, missing=missing, scale=scale, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _write(outcome: "Outcome", options: Namespace) -> None:
    from holdfast.benchmarking.plots import plots
    from holdfast.benchmarking.report import document

    if options.json is not None:
        written = json.dumps(document(outcome), indent=2, ensure_ascii=False)
        options.json.write_text(written + "\n", encoding="utf-8")
    if options.plot is not None:
        options.plot.mkdir(parents=True, exist_ok=True)
        for name, drawn in plots(outcome.comparisons).items():
            (options.plot / name).write_text(drawn, encoding="utf-8")
