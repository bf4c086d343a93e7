"""What a training runs, as a hash: its sources without comments and docstrings."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bench_core
from bench_core.contracts.errors import PluginError
from bench_core.system.files import hash_json

DOORS = ("bench_core", "bench_core.datasets", "bench_core.methods")
"""The modules through which plugins import; each says where the things that it offers live."""
ALWAYS = ("bench_core.pipeline.methods", "bench_core.system.devices")
"""What starts every training: seeds, weights, number format, threads."""
FOLLOWED = (
    "bench_core.data",
    "bench_core.metric_learning",
    "bench_core.modeling",
    "bench_core.training",
)
"""Of this program, what decides the outcome of a training where a method reaches it."""


def training_code_hash(reference: str) -> str:
    """Hash the sources that a method is trained by.

    They are all modules of the method's package, and those of `FOLLOWED` that they import, by
    themselves or through others; imports are read, not run. Comments, docstrings, formatting and
    what only a type checker sees do not count. Sources of other packages are not looked at.

    Args:
        reference: "module:Class" of a method.

    Returns:
        SHA-256 (hex).

    Raises:
        PluginError: The package cannot be found.
    """
    module = reference.partition(":")[0]
    # Of this program, a method of its own is a package within it.
    package = ".".join(module.split(".")[: 2 if module.startswith("bench_core.") else 1])
    sources: dict[str, str] = {}
    waiting = dict(_modules(package))
    for name in ALWAYS:
        waiting |= _found(name)
    while waiting:
        module, path = waiting.popitem()
        source = _read(module, path)
        sources[module] = source.text
        for name in source.imported:
            if name not in sources and _is_followed(name):
                waiting |= _found(name)
    return hash_json(sources)


@dataclass(frozen=True)
class _Source:
    """What a module runs, and what it imports: names of modules, or of things in them."""

    text: str
    imported: tuple[str, ...]


def _read(module: str, path: Path) -> _Source:
    """Read a module; a matrix asks for the same ones with every cell."""
    doors = tuple(_state(where) for door in DOORS for where in _found(door).values())
    return _parsed(module, path, _state(path), doors)


def _state(path: Path) -> tuple[int, int, int]:
    """Return what tells a file from what it was before."""
    about = path.stat()
    return about.st_ino, about.st_size, about.st_mtime_ns


@lru_cache(maxsize=4096)
def _parsed(module: str, path: Path, *_states: tuple[object, ...]) -> _Source:
    tree = _normalised(path)
    imported = _imported(tree, module, is_package=path.name == "__init__.py")
    return _Source(text=_text(tree, path), imported=tuple(imported))


def _modules(package: str) -> Iterator[tuple[str, Path]]:
    """Yield every module of a package, which may be a single file."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise PluginError(f"cannot find the package {package}")
    origin = Path(found.origin)
    if not found.submodule_search_locations:
        yield package, origin
        return
    for path in sorted(origin.parent.rglob("*.py")):
        parts = path.relative_to(origin.parent).with_suffix("").parts
        yield ".".join((package, *parts)).removesuffix(".__init__"), path


def _is_followed(module: str) -> bool:
    return any(f"{module}.".startswith(f"{root}.") for root in FOLLOWED)


def _found(module: str) -> dict[str, Path]:
    """Return where a module of this program lies; nothing for a name that is none."""
    path = Path(next(iter(bench_core.__path__))).joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return {module: candidate}
    return {}


def _normalised(path: Path) -> ast.Module | None:
    """Parse a file and take off what does not run; None for a file that is no Python."""
    try:
        return _Runs().visit(ast.parse(path.read_bytes()))  # type: ignore[no-any-return]
    except (SyntaxError, ValueError):
        return None


def _text(tree: ast.Module | None, path: Path) -> str:
    if tree is None:  # such as a template, which may still be read
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ast.unparse(tree)


class _Runs(ast.NodeTransformer):
    """Takes off docstrings, other texts that stand alone, and what only a type checker sees."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # the base's name
        constant = node.value
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            return None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:  # the base's name
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") and not node.orelse:
            return None
        return self.generic_visit(node)


def _imported(tree: ast.Module | None, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names of modules, or of things in them, that a module imports."""
    for node in ast.walk(tree or ast.Module(body=[], type_ignores=[])):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _whole(alias.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(node, module, is_package=is_package)


def _imported_from(node: ast.ImportFrom, module: str, *, is_package: bool) -> Iterator[str]:
    source = node.module or ""
    if node.level:
        parts = module.split(".")
        kept = len(parts) - node.level + is_package
        source = ".".join(filter(None, (*parts[:kept], source)))
    yield source
    offered = _offered(source)
    for alias in node.names:
        if alias.name in offered:
            yield offered[alias.name]
        else:
            yield from _whole(source if alias.name == "*" else f"{source}.{alias.name}")


def _whole(module: str) -> Iterator[str]:
    """Yield a module, and of a door all that it offers: anything may be used of it."""
    yield module
    yield from _offered(module).values()


def _offered(module: str) -> dict[str, str]:
    """Return where the things that a door offers live, by name; nothing of another module."""
    if module not in DOORS:
        return {}
    path = _found(module)[module]
    return _offered_by(path, _state(path))


@lru_cache(maxsize=len(DOORS))
def _offered_by(path: Path, _state: tuple[int, int, int]) -> dict[str, str]:
    tree = ast.parse(path.read_bytes())
    return {
        alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
