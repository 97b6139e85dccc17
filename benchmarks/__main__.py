"""Run the parts one after the other and print each ratio beside its target.

Every part interleaves its contenders in rounds; a ratio is the median over the rounds, with the
smallest and the largest beside it. The exit code says that it ran, not that targets were reached.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks import http_part, memory_part, redis_part, sqlite_part
from benchmarks.comparison import Comparison
from benchmarks.measuring import QUICK, Scale
from benchmarks.report import document, table

Compare = Callable[[Scale], Awaitable[list[Comparison]]]
PARTS: Final[Mapping[str, Compare]] = {
    part.PART: part.compare for part in (sqlite_part, memory_part, redis_part, http_part)
}


def main() -> None:
    arguments = _arguments()
    scale = QUICK if arguments.quick else Scale()
    comparisons = asyncio.run(_run(arguments.only or list(PARTS), scale))
    if arguments.json is not None:
        report = json.dumps(document(comparisons), indent=2, ensure_ascii=False)
        arguments.json.write_text(report + "\n", encoding="utf-8")
    print(table(comparisons))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="run this part alone")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds to a file")
    return parser.parse_args()


async def _run(parts: list[str], scale: Scale) -> list[Comparison]:
    comparisons: list[Comparison] = []
    for part in parts:
        comparisons += await PARTS[part](scale)
    return comparisons


if __name__ == "__main__":
    main()
