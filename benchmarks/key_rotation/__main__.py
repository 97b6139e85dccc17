"""Run it from the command line."""

import asyncio
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.key_rotation.running import Run, rotate_under_load


def main() -> int:
    """Run once; 0 when nothing went wrong."""
    parser = ArgumentParser(prog="key_rotation")
    parser.add_argument("--store", metavar="URL", help="an empty store (a file of its own)")
    parser.add_argument("--rotations", type=int, default=60, help="one a second (60)")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        url = options.store or f"sqlite:///{folder}/sessions.db"
        run = Run(url, Path(folder), options.rotations, options.processes)
        result = asyncio.run(rotate_under_load(run))
    report, turned = result.report, result.turned
    print(
        f"{report.reads} reads and {report.writes} changes; {turned.rotations} rotations, "
        f"{turned.retired} keys retired, the job killed {turned.kills} times, "
        f"{len(report.keys_seen)} keys seen by the callers"
    )
    if turned.waited:
        print(f"{turned.waited} times a rotation waited for a place in the ring")
    for key_id, count in result.left.items():
        print(f"under key {key_id}: {count}")
    failures = result.failures()
    print(f"{len(failures)} failures", *failures[:20], sep="\n  ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
