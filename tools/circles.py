"""Find modules that import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

Graph = Mapping[str, frozenset[str]]


def import_circles(root: Path, trees: Mapping[Path, ast.Module]) -> tuple[tuple[str, ...], ...]:
    """Name the groups of modules under `root` that reach each other by imports."""
    graph = _graph(root, trees)
    reached = {name: _reachable(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) for name in graph
    }
    return tuple(sorted(tuple(sorted(group)) for group in groups if group))


def _graph(root: Path, trees: Mapping[Path, ast.Module]) -> Graph:
    modules = {_module(root, path): path for path in trees}
    return {
        name: frozenset(_imported(_package(name, path), trees[path], modules.keys())) - {name}
        for name, path in modules.items()
    }


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _package(name: str, path: Path) -> str:
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def _reachable(start: str, graph: Graph) -> frozenset[str]:
    """Follow imports from `start`, which reaches itself only when a circle leads back."""
    seen: set[str] = set()
    waiting = set(graph[start])
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= graph[name] - seen
    return frozenset(seen)


def _imported(package: str, tree: ast.Module, modules: Set[str]) -> Iterator[str]:
    for node in _at_run_time(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            for alias in node.names:
                # What is imported from a package may be a module of it or a name in it.
                member = f"{origin}.{alias.name}"
                yield from [name for name in (member, origin) if name in modules][:1]


def _origin(node: ast.ImportFrom, package: str) -> str:
    """Resolve the module that a `from` names, dots included."""
    if not node.level:
        return node.module or ""
    ancestors = package.split(".")
    start = ancestors[: len(ancestors) - node.level + 1]
    return ".".join([*start, node.module] if node.module else start)


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Walk everything but the bodies of `if TYPE_CHECKING`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for statement in child.orelse:
                yield from _at_run_time(statement)
        else:
            yield from _at_run_time(child)
