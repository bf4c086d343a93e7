"""Code of a network that is copied into a package: its module, and what that imports beside it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.foreign_files import read_regular

LARGEST_MODULE_BYTES = 1 << 20
NETWORK_FILE = "network.py"
"""What the module that makes the network is called in the package."""
_FROM = re.compile(rb"from\s+(?![\\\s])")


@dataclass(frozen=True)
class _Edit:
    """Text that is put into a line: `line` from 1, `column` in bytes from 0."""

    line: int
    column: int
    text: bytes


def read_code(path: Path, factory: str) -> dict[str, str]:
    """Read a module, and by its imports those that lie in its folder; nothing of them is run.

    Their imports of each other become relative, as they will lie in a package.

    Args:
        path: The module.
        factory: What must be defined in it.

    Returns:
        Texts by file name, the module's first, as `NETWORK_FILE`.

    Raises:
        UsageError: A file cannot be read or is no Python, the module defines no such name, or an
            import cannot be made relative.
    """
    option = f"--module {terminal_line(f'{path}:{factory}', longest=100)}"
    texts = dict[str, str]()
    waiting = [path]
    while waiting:
        file = waiting.pop()
        text, tree = _parse(file, option)
        if file == path:
            _check_defined(tree, factory, option)
        name = NETWORK_FILE if file == path else file.name
        if name in texts:
            continue
        copy = _Copy(file, text, tree, option)
        texts[name] = copy.edited()
        for beside in copy.beside:
            if beside.name == NETWORK_FILE or beside == path:
                raise UsageError(
                    f"{option}: {file.name} imports {beside.name}, which cannot lie beside the "
                    f"copy, as that is called {NETWORK_FILE}; rename or join the two"
                )
            waiting.append(beside)
    return texts


def _parse(path: Path, option: str) -> tuple[str, ast.Module]:
    """Read a file of Python.

    Raises:
        UsageError: It cannot be read, or is none.
    """
    where = option if option.startswith(f"--module {path}:") else f"{option}: {path.name}"
    try:
        text = read_regular(path, LARGEST_MODULE_BYTES).decode()
        return text, ast.parse(text)
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror or error}") from error
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{where}: it is no Python file: {error}") from error


def _check_defined(tree: ast.Module, factory: str, option: str) -> None:
    """Refuse a factory that the module does not define.

    Raises:
        UsageError: It does not.
    """
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if factory not in defined:
        known = ", ".join(defined[:5]) or "nothing"
        raise UsageError(f"{option}: the file defines no {factory or 'name'}, but {known}")


class _Copy:
    """A module whose imports of modules in its folder are found, and made relative."""

    def __init__(self, path: Path, text: str, tree: ast.Module, option: str) -> None:
        self._path, self._text, self._option = path, text, option
        self.beside: list[Path] = []
        self._edits = [edit for node in ast.walk(tree) for edit in self._edits_of(node)]

    def edited(self) -> str:
        """Return the text with relative imports, and otherwise as it is."""
        lines = self._text.encode().splitlines(keepends=True)
        for edit in sorted(self._edits, key=lambda edit: (edit.line, edit.column), reverse=True):
            line = lines[edit.line - 1]
            lines[edit.line - 1] = line[: edit.column] + edit.text + line[edit.column :]
        return b"".join(lines).decode()

    def _edits_of(self, node: ast.AST) -> Iterator[_Edit]:
        if isinstance(node, ast.Import):
            beside = [self._lies_beside(alias.name, node.lineno) for alias in node.names]
            if any(beside):
                if len(node.names) > 1:
                    self._refuse(node.lineno, "an import of several modules; give each its line")
                yield _Edit(node.lineno, node.col_offset, b"from . ")
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if self._lies_beside(node.module or "", node.lineno):
                line = self._text.encode().splitlines()[node.lineno - 1]
                start = _FROM.match(line, node.col_offset)
                if start is None:
                    self._refuse(node.lineno, "an import over several lines")
                yield _Edit(node.lineno, start.end(), b".")
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            inside = [self._lies_beside(name, node.lineno) for name in names]
            if node.level > 1 or not all(inside):
                self._refuse(node.lineno, "an import from the package that it lies in")

    def _lies_beside(self, module: str, line: int) -> bool:
        first, _, rest = module.partition(".")
        file = self._path.with_name(f"{first}.py")
        if self._path.with_name(first).joinpath("__init__.py").is_file():
            self._refuse(line, f"an import of the package {first} beside it")
        if not file.is_file():
            return False
        if rest:
            self._refuse(line, f"an import of {module}, but {file.name} is no package")
        self.beside.append(file)
        return True

    def _refuse(self, line: int, what: str) -> NoReturn:
        """Tell of an import that cannot be copied.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{self._option}: {self._path.name}, line {line}: {what} is not copied; make their "
            "code installable, install it, and give --module package.module:factory"
        )
