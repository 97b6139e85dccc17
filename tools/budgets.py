"""Measure the structure of the sources and fail when a budget is broken.

The figures, as `make sizes` prints them:

- *function*: lines from `def` to the last line, without decorators and docstring. Nested functions
  count on their own and inside the outer one; methods without a body count too.
- *file*: all lines.
- *circle*: modules of the package that import each other, in functions too. Imports for type
  checkers alone do not count.
- *swallowed broad except*: `except:`, `except Exception` or `except BaseException` that neither
  raises nor calls `….exception(…)`, and `suppress(Exception)`.

The budgets bind `src`; the tests are measured and shown.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tools.circles import import_circles

MEDIAN_FUNCTION = 8
LONGEST_FUNCTION = 40
LONGEST_FILE = 400

BROAD = frozenset({"Exception", "BaseException"})
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Measured(NamedTuple):
    """A length in lines and the place it was found at."""

    lines: int
    place: str


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What was measured in one tree of sources."""

    functions: tuple[Measured, ...]
    files: tuple[Measured, ...]
    circles: tuple[tuple[str, ...], ...]
    swallowed: tuple[str, ...]

    @property
    def median_function(self) -> float:
        return median([function.lines for function in self.functions] or [0])

    @property
    def longest_function(self) -> Measured:
        return max(self.functions, default=Measured(0, "none"))

    @property
    def longest_file(self) -> Measured:
        return max(self.files, default=Measured(0, "none"))


def measure(root: Path) -> Structure:
    """Measure all Python files under `root`, whose folders are the top-level packages."""
    sources = {path: path.read_text("utf-8") for path in sorted(root.rglob("*.py"))}
    trees = {path: ast.parse(source, str(path)) for path, source in sources.items()}
    return Structure(
        functions=tuple(found for path in trees for found in functions(path, trees[path])),
        files=tuple(Measured(len(sources[path].splitlines()), str(path)) for path in sources),
        circles=import_circles(root, trees),
        swallowed=tuple(place for path in trees for place in swallowed(path, trees[path])),
    )


def functions(path: Path, tree: ast.Module) -> Iterator[Measured]:
    """Measure each function of a module."""
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode):
            yield Measured(length(node), f"{path}:{node.lineno} {node.name}")


def length(node: FunctionNode) -> int:
    """Count the lines of a function without decorators and docstring."""
    lines = _span(node)
    if ast.get_docstring(node, clean=False) is not None:
        lines -= _span(node.body[0])
    return lines


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def swallowed(path: Path, tree: ast.Module) -> Iterator[str]:
    """Find the places of a module where any error may vanish."""
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=caught) if _is_broad(caught) and _is_silent(node):
                yield f"{path}:{node.lineno}"
            case ast.Call(func=called, args=named) if _name(called) == "suppress":
                yield from (f"{path}:{node.lineno}" for error in named if _is_broad(error))
            case _:
                pass


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(member) for member in caught.elts)
    return caught is None or _name(caught) in BROAD


def _is_silent(handler: ast.ExceptHandler) -> bool:
    return not any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and _name(node.func) == "exception")
        for statement in handler.body
        for node in ast.walk(statement)
    )


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def broken(structure: Structure) -> list[str]:
    """Name each place that breaks a budget."""
    found: list[str] = []
    if structure.median_function > MEDIAN_FUNCTION:
        found.append(f"the median function has {structure.median_function:g} lines")
    found += [
        f"{place} has {lines} lines"
        for measured, limit in (
            (structure.functions, LONGEST_FUNCTION),
            (structure.files, LONGEST_FILE),
        )
        for lines, place in measured
        if lines > limit
    ]
    found += [f"import circle: {' <-> '.join(circle)}" for circle in structure.circles]
    found += [f"{place} swallows any error" for place in structure.swallowed]
    return found


def figures(name: str, structure: Structure) -> str:
    """Put the figures of one tree into words, a line each."""
    function, file = structure.longest_function, structure.longest_file
    median_lines = f"{structure.median_function:g}"
    lines = (
        f"functions: median {median_lines} lines, longest {function.lines} ({function.place})",
        f"longest file: {file.lines} lines ({file.place})",
        f"import circles: {len(structure.circles)}",
        f"swallowed broad excepts: {len(structure.swallowed)}",
    )
    return "\n".join(f"{name}: {line}" for line in lines)


def main(root: Path = Path()) -> int:
    """Print the figures of `src` and `tests`; answer 1 when `src` breaks a budget."""
    source = measure(root / "src")
    print(figures("src", source))
    print(figures("tests", measure(root / "tests")))
    problems = broken(source)
    for problem in problems:
        print(f"over budget: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
