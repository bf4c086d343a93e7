"""The reference of the public doors: every name that they offer, by mkdocstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench_core.contracts.errors import DataError
from site_builder.markdown import code, table

FOLDER = "reference/python"
HOOKS = "bench_core.contracts.hooks"


@dataclass(frozen=True)
class Door:
    """A module of the public API.

    Attributes:
        module: Its name.
        purpose: Who needs it, in a line.
    """

    module: str
    purpose: str

    @property
    def place(self) -> str:
        """Where its page lies."""
        return f"{FOLDER}/{self.module}.md"


DOORS = (
    Door("bench_core", "specs, hooks and errors: all that an entry module needs"),
    Door("bench_core.methods", "who writes a method: base classes, stages, losses, networks"),
    Door("bench_core.datasets", "who writes a dataset: its reader, split files and protocols"),
    Door("bench_core.rerankers", "who writes a re-ranker: its base class, settings and input"),
    Door("bench_core.synthetic", "who brings synthetic people for a dataset"),
    Door("bench_core.testing", "the tests of a plugin"),
    Door("bench_core.evaluation", "who scores distances or features of their own"),
    Door("bench_core.dropin", "the evaluation calls of the field's scripts"),
)


def python_pages(root: Path) -> Iterator[tuple[str, str]]:
    """Give a page for each door, one for the hooks and one that lists them.

    Args:
        root: The repository, whose sources are read and not run.

    Raises:
        DataError: A door offers nothing.
    """
    rows = [[f"[{code(door.module)}]({door.module}.md)", door.purpose] for door in DOORS]
    rows.append(["[hooks](hooks.md)", "what a plugin implements"])
    yield (
        f"{FOLDER}/index.md",
        "# Python\n\nThe public API; what else the package holds may change at any time.\n\n"
        + table(["module", "for"], rows),
    )
    yield (
        f"{FOLDER}/hooks.md",
        (
            f"# Hooks\n\n::: {HOOKS}\n    options:\n      show_root_heading: false\n"
            "      filters: ['^bench_']\n"
        ),
    )
    for door in DOORS:
        names = offered(root, door.module)
        if not names:
            raise DataError(f"{door.module} offers no names")
        parts = "\n".join(f"::: {home}\n" for home in names.values())
        yield door.place, f"# {door.module}\n\n{_summary(root, door.module)}\n\n{parts}"


def offered(root: Path, module: str) -> dict[str, str]:
    """Return where each name that a door offers comes from, such as "bench_core.loading.x".

    A door offers what it imports under the same name (`import x as x`).
    """
    return {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.walk(_tree(root, module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


def _summary(root: Path, module: str) -> str:
    return ast.get_docstring(_tree(root, module)) or ""


def _tree(root: Path, module: str) -> ast.Module:
    path = root.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(source.read_text())
