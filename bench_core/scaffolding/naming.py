"""What a new package may be called: a name that is valid, free, and can be imported."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from bench_core.contracts.errors import UsageError
from bench_core.plugins import Registry
from bench_core.registration import NAME
from bench_core.system.escaping import terminal_line

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


def check_free(package: PackageName, registry: Registry) -> None:
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
