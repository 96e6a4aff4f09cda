"""The imports of a tree of Python files as a graph, late ones and those for type checkers among them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

Graph = dict[str, set[str]]
"""The modules that each module imports, by their full names."""


def import_graph(root: Path) -> Graph:
    """Return which modules below a folder import which others below it.

    A package counts as imported where it is named itself. That importing a module imports its packages does not count:
    they may not import back what lies in them while it is loaded, which Python says at once.
    """
    paths = {_name(path, root): path for path in sorted(root.rglob("*.py"))}
    return {
        name: {found for found in _imported(path, name, set(paths)) if found != name} for name, path in paths.items()
    }


def circles(graph: Graph) -> list[list[str]]:
    """Return the sets of modules that reach each other, each sorted: none where there is an order to load them in."""
    reached = {module: reachable(graph, module) for module in graph}
    found = {frozenset({module, *(other for other in reached[module] if module in reached[other])}) for module in graph}
    return sorted(sorted(circle) for circle in found if len(circle) > 1)


def reachable(graph: Graph, start: str) -> set[str]:
    """Return all modules that one imports, and what these import, and so on."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        for module in graph[todo.pop()] - seen:
            seen.add(module)
            todo.append(module)
    return seen


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, name: str, known: set[str]) -> Iterator[str]:
    """Yield the known modules that a file imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")
                base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                named = f"{base}.{alias.name}"
                if named in known or base in known:
                    yield named if named in known else base
