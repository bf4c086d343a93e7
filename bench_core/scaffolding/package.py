"""Writes a package with a small method, under a name that is valid and free."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench_core.contracts.errors import UsageError
from bench_core.plugins import Registry
from bench_core.registration import NAME
from bench_core.system.escaping import terminal_line
from bench_core.system.files import folder_written_whole

_TEMPLATES = Environment(
    loader=PackageLoader("bench_core.scaffolding"),
    autoescape=False,  # noqa: S701  # Python, TOML and YAML, of a name that is letters and hyphens
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    variable_start_string="<<",  # braces are of Python, TOML and GitHub
    variable_end_string=">>",
)
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    "{module}/__init__.py": "entry.py",
    "{module}/config.py": "config.py",
    "{module}/method.py": "method.py",
    "{module}/py.typed": "py.typed",
    "tests/test_conformance.py": "test_conformance.py",
    "tests/test_method.py": "test_method.py",
}
"""By path within the package, the name of the template without its suffix."""
_WORDS = re.compile(r"[A-Za-z0-9]+(?:[-_.]+[A-Za-z0-9]+)*")


@dataclass(frozen=True)
class PackageName:
    """What a package is called.

    Attributes:
        name: The distribution and the method, such as "my-method".
    """

    name: str

    @property
    def module(self) -> str:
        """What is imported, such as "my_method"."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """For people, such as "My Method"."""
        return " ".join(word.capitalize() for word in self.name.split("-"))

    @property
    def kind(self) -> str:
        """The class, such as "MyMethod"."""
        return self.title.replace(" ", "")


@dataclass(frozen=True, kw_only=True)
class WrittenPackage:
    """What was written.

    Attributes:
        name: What the package and the method are called.
        folder: Where it lies.
        files: Its files, relative to the folder.
        next_commands: What to type next.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    next_commands: tuple[str, ...]


def write_package(name: str, folder: Path, registry: Registry) -> WrittenPackage:
    """Write a package with a small method that works as it is, whole or not at all.

    Args:
        name: What the package and the method are called, such as "my-method".
        folder: Where it shall lie; nothing may be there.
        registry: The installed plugins.

    Raises:
        UsageError: The name is not valid, or taken, or something lies at the folder.
        BenchError: The folder cannot be written.
    """
    package = read_name(name)
    _check_free(package, registry)
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already; name another folder with --output")
    texts = render(package)
    with folder_written_whole(folder) as whole:
        for path, text in texts.items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_text(text, encoding="utf-8")
    return WrittenPackage(
        name=package.name,
        folder=folder,
        files=tuple(texts),
        next_commands=(
            f"pip install --editable {shlex.quote(os.path.join('.', folder))}",  # noqa: PTH118
            f"bench plugin check {package.name}",
            f"bench run --method {package.name} --protocol sysu-all-single",
            "bench leaderboard",
        ),
    )


def render(package: PackageName) -> dict[str, str]:
    """Return the texts of a package's files by their paths."""
    return {
        path.format(module=package.module): _TEMPLATES.get_template(f"{template}.jinja").render(
            package=package, year=datetime.now(UTC).year, bench=version("vireid-bench")
        )
        for path, template in _FILES.items()
    }


def read_name(name: str) -> PackageName:
    """Check what a package shall be called.

    Raises:
        UsageError: It is no name of a package (PEP 503), or none that can be imported.
    """
    shown = terminal_line(name, longest=100)
    if not _WORDS.fullmatch(name) or not NAME.fullmatch(name):
        raise UsageError(
            f"{shown}: a name is at most 64 letters, digits and hyphens, such as my-method"
        )
    normal = re.sub(r"[-_.]+", "-", name).lower()
    if normal != name:
        raise UsageError(f"{shown}: packages are told apart in small letters; write {normal}")
    package = PackageName(name)
    if not package.module.isidentifier():
        raise UsageError(f"{shown}: Python imports no name that begins with a digit")
    if keyword.iskeyword(package.module) or package.module == "tests":
        raise UsageError(f"{shown}: this word has a meaning of its own; choose another name")
    return package


def _check_free(package: PackageName, registry: Registry) -> None:
    """Refuse a name that a method, a module or a package has.

    Raises:
        UsageError: It is taken.
    """
    if package.name in registry.methods:
        owner = registry.distribution_of(package.name)
        raise UsageError(f"{package.name}: {owner} has a method of this name; choose another")
    if package.module in sys.stdlib_module_names or _is_found(package.module):
        raise UsageError(
            f"{package.name}: there is a module '{package.module}' already; choose another name"
        )
    try:
        found = distribution(package.name)
    except PackageNotFoundError:
        return
    raise UsageError(
        f"{package.name}: the package {found.name} {found.version} is installed; choose another "
        "name"
    )


def _is_found(module: str) -> bool:
    """Say whether something installed is imported by a name; a mere folder here is not."""
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None
