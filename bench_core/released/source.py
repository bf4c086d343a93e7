"""Which code a declared network is: the version of an installed package, or a hash of its files."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path

from bench_core.contracts.errors import UsageError
from bench_core.system.files import hash_file, hash_json


def source_of(network: str, *, loaded: bool = False) -> str:
    """Identify the code of a network.

    Args:
        network: "module:name" of what makes it.
        loaded: Whether a module of that name that this process has loaded is meant; else, and
            where there is none, it is the one that Python finds now.

    Returns:
        "NAME VERSION" for a module of an installed package. Else "sha256:..." of the file of the
        module and of those that it imports, by itself or through others, from the folder that it
        lies in; imports are read, not run.

    Raises:
        UsageError: There is no such module.
    """
    module = network.partition(":")[0]
    root = (_loaded_root(module) if loaded else None) or root_of(module)
    if root.name in ("site-packages", "dist-packages"):
        for distribution in packages_distributions().get(module.partition(".")[0], ()):
            return f"{distribution} {version(distribution)}"
    if not any(path.is_file() for path in _places(root.joinpath(*module.split(".")))):
        raise UsageError(f"there is no module {module} in {root}")
    files: dict[str, str] = {}
    waiting = [module]
    while waiting:
        for path in _files(root, waiting.pop()):
            name = path.relative_to(root).as_posix()
            if name not in files:
                files[name] = hash_file(path)
                waiting += _imported(path, root)
    return f"sha256:{hash_json(files)}"


def root_of(module: str) -> Path:
    """Return the folder that a module is imported from.

    Raises:
        UsageError: There is no such module, or it is Python's own.
    """
    package = module.partition(".")[0]
    # On the path first: a module of that name may be loaded from elsewhere.
    found = PathFinder.find_spec(package) or importlib.util.find_spec(package)
    if found is None:
        raise UsageError(f"there is no module {package}; 'code' names the folder that it lies in")
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations))).resolve().parent
    if found.origin is None or not found.has_location:
        raise UsageError(f"{package} is a module of Python itself")
    return Path(found.origin).resolve().parent


def _loaded_root(module: str) -> Path | None:
    """Return the folder that a module's package was loaded from, if it was."""
    package = sys.modules.get(module.partition(".")[0])
    places = [*getattr(package, "__path__", ()), *filter(None, [getattr(package, "__file__", "")])]
    return Path(places[0]).resolve().parent if places else None


def _files(root: Path, module: str) -> Iterator[Path]:
    """Yield the files of a module and of the packages that it lies in; none from elsewhere."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        places = _places(root.joinpath(*parts[:count]))
        yield from (path for path in places if path.is_file())


def _places(module: Path) -> tuple[Path, Path]:
    """Return where the file of a module may lie, of which the path has no suffix."""
    return module.with_name(f"{module.name}.py"), module / "__init__.py"


def _imported(path: Path, root: Path) -> Iterator[str]:
    """Yield the names of modules, or of things in them, that a file imports.

    Raises:
        UsageError: It is no Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path} is no Python file: {error}") from error
    package = path.relative_to(root).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            kept = package[: len(package) - node.level + 1] if node.level else ()
            source = [*kept, *filter(None, [node.module])]
            yield from (".".join([*source, alias.name]) for alias in node.names)
