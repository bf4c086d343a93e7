"""Writes a package: a small method that trains, or a released model that is wrapped."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench_core.contracts.errors import UsageError
from bench_core.plugins import Registry
from bench_core.scaffolding.naming import PackageName, check_free, read_name
from bench_core.scaffolding.released_model import WrappedModel, find_model
from bench_core.system.files import folder_written_whole
from bench_core.system.toml_files import toml_value

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
    ".gitignore": "gitignore",
    ".github/workflows/ci.yml": "ci.yml",
    "{module}/py.typed": "py.typed",
}
"""Of every package: by path within it, the name of the template without its suffix."""
_METHOD_FILES = _FILES | {
    "README.md": "README.md",
    "{module}/__init__.py": "entry.py",
    "{module}/config.py": "config.py",
    "{module}/method.py": "method.py",
    "tests/test_conformance.py": "test_conformance.py",
    "tests/test_method.py": "test_method.py",
}
_RELEASED_FILES = _FILES | {
    "README.md": "released_README.md",
    "{module}/__init__.py": "released_entry.py",
    "{module}/model.toml": "released_model.toml",
    "tests/test_conformance.py": "released_test_conformance.py",
}


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


def write_package(
    name: str, folder: Path, registry: Registry, wrapped: str | None = None
) -> WrittenPackage:
    """Write a package with a small method that works as it is, whole or not at all.

    Args:
        name: What the package and the method are called, such as "my-method".
        folder: Where it shall lie; nothing may be there.
        registry: The installed plugins.
        wrapped: The released model that it wraps, as `find_model` takes it; None for a method
            that trains.

    Raises:
        UsageError: The name is not valid, or taken, or something lies at the folder, or there is
            no such model.
        BenchError: The folder cannot be written.
    """
    package = read_name(name)
    check_free(package, registry)
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already; name another folder with --output")
    texts = render(package, None if wrapped is None else find_model(wrapped, package))
    with folder_written_whole(folder) as whole:
        for path, text in texts.items():
            (whole / path).parent.mkdir(parents=True, exist_ok=True)
            (whole / path).write_text(text, encoding="utf-8")
    weights = "" if wrapped is None else " --weights WEIGHTS"
    return WrittenPackage(
        name=package.name,
        folder=folder,
        files=tuple(texts),
        next_commands=(
            f"pip install --editable {shlex.quote(os.path.join('.', folder))}",  # noqa: PTH118
            f"bench plugin check {package.name}",
            f"bench run --method {package.name}{weights} --protocol sysu-all-single",
            "bench leaderboard",
        ),
    )


def render(package: PackageName, model: WrappedModel | None = None) -> dict[str, str]:
    """Return the texts of a package's files by their paths.

    Args:
        package: What it is called.
        model: The released model that it wraps; None for a method that trains.
    """
    files = _METHOD_FILES if model is None else _RELEASED_FILES
    texts = {
        path.format(module=package.module): _TEMPLATES.get_template(f"{template}.jinja").render(
            package=package,
            model=model,
            year=datetime.now(UTC).year,
            bench=version("vireid-bench"),
            toml=toml_value,
        )
        for path, template in files.items()
    }
    if model is not None:
        texts |= {f"{package.module}/{name}": text for name, text in model.code.items()}
    return texts
