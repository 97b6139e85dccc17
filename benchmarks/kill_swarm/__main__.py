"""Kill a swarm of writers on one SQLite file, many times, and look for what is lost or doubled.

    python -m benchmarks.kill_swarm --kills 50 [--seed N] [--folder PATH]

Exits with 1 when anything is; the folder with the file and the journals is kept then.
"""

import argparse
import secrets
import shutil
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kill_swarm.campaign import WRITERS, Campaign, Totals

SHOWN = 20


def main() -> None:
    given = _arguments()
    folder = given.folder or Path(mkdtemp(prefix="holdfast-kills-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    print(f"{given.kills} kills, {WRITERS} writers, seed {given.seed}", flush=True)
    totals = Campaign(folder, seed=given.seed, tell=_say).run(given.kills)
    _print(totals, time.monotonic() - began)
    if totals.violations:
        sys.exit(f"{len(totals.violations)} violations; everything is kept in {folder}")
    if given.folder is None:
        shutil.rmtree(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_swarm", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--folder", type=Path, help="an empty folder to work in; it is kept")
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, flush=True)


def _print(totals: Totals, seconds: float) -> None:
    print(
        f"{totals.kills} kills ended {totals.processes_killed} processes in {seconds:.0f} s; "
        f"{totals.acknowledged:,} changes acknowledged with {totals.items:,} items, "
        f"{totals.settled} left open by a kill and sent again, of which "
        f"{totals.applied_before} had been applied; violations: {len(totals.violations)}"
    )
    for violation in totals.violations[:SHOWN]:
        print(f"  {violation}")


if __name__ == "__main__":
    main()
