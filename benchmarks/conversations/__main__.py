"""Run the programs and print what came of them; the exit code says whether anything went wrong.

python -m benchmarks.conversations [crowd|kills|overhead …]
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from benchmarks.conversations.crowd import crowd
from benchmarks.conversations.kills import killed
from benchmarks.conversations.overhead import overhead

Program = Callable[[argparse.Namespace], Awaitable[NamedTuple]]
PROGRAMS: Final[Mapping[str, Program]] = {
    "overhead": lambda given: overhead(turns=given.overhead_turns, store=given.store),
    "crowd": lambda given: crowd(visitors=given.visitors, turns=given.turns, seed=given.seed),
    "kills": lambda given: killed(kills=given.kills, visitors=given.talking, seed=given.seed),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversations", description=__doc__)
    parser.add_argument("programs", nargs="*", choices=[*PROGRAMS, []], help="all without any")
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--talking", type=int, default=3, help="conversations that are killed")
    parser.add_argument("--overhead-turns", type=int, default=500)
    parser.add_argument("--store", help="the store of the overhead; a SQLite file without it")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    faults = 0
    for name in given.programs or PROGRAMS:
        result = asyncio.run(_run(name, given))
        print(name)
        for field, value in result._asdict().items():
            print(f"  {field:14} {round(value, 2) if isinstance(value, float) else value}")
        faults += len(getattr(result, "faults", ()))
    return 1 if faults else 0


async def _run(name: str, given: argparse.Namespace) -> NamedTuple:
    return await PROGRAMS[name](given)


if __name__ == "__main__":
    sys.exit(main())
