"""Python packages that the check needs: which are missing here, and an environment that has them.

This module runs with whatever Python is at hand and imports nothing that comes with a package.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "runs" / "gpu" / "environment"
PROJECT = "vireid-bench"
TESTS = ("hypothesis", "pytest", "pytest-timeout")
"""What of the extra "test" the tests with the mark `gpu` need."""
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)")


class MissingPackagesError(Exception):
    """Packages are missing, and there is no folder to take them from."""


def requirements() -> dict[str, str]:
    """Return the lower bound of each package that is needed, by name, as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    found = [REQUIREMENT.match(text) for text in texts]
    bounds = {match[1]: match[2] for match in found if match}
    wanted = len(project["dependencies"])
    return {
        name: bound
        for place, (name, bound) in enumerate(bounds.items())
        if place < wanted or name in TESTS
    }


def missing() -> list[str]:
    """Return what is not installed in this Python, or too old, as requirements."""
    return [
        f"{name}>={bound}"
        for name, bound in requirements().items()
        if _version(name) < _numbers(bound)
    ]


def is_installed() -> bool:
    """Return whether this checkout is what the program's name is installed from."""
    spec = find_spec("bench_core")
    if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(ROOT):
        return False
    return any(found.metadata["Name"] == PROJECT for found in metadata.distributions())


def prepare(wheels: Path | None) -> Path:
    """Return a Python that has all packages: this one, or that of an environment made for it.

    The environment sees the packages of this Python; what is missing comes from a folder of wheels
    and goes into the environment alone.

    Args:
        wheels: The folder, as `make gpu-wheels` fills it.

    Raises:
        MissingPackagesError: Something is missing, and no folder is given or it does not have it.
    """
    lacking = missing()
    if not lacking and is_installed():
        return Path(sys.executable)
    if wheels is None:
        what = ", ".join([*lacking, *([] if is_installed() else [f"{PROJECT} (this checkout)"])])
        raise MissingPackagesError(
            f"this Python ({sys.executable}) lacks {what}; fill a folder with make gpu-wheels "
            "WHEELS=DIR on a machine with a network, copy it here, and run make gpu WHEELS=DIR"
        )
    if not wheels.is_dir():
        raise MissingPackagesError(f"WHEELS={wheels}: there is no such folder")
    python = _make_environment()
    pip = _pip(python, wheels)
    if lacking:
        _install(pip, wheels, lacking)
    install_checkout(pip, wheels)
    return python


def install_checkout(pip: list[str], wheels: Path) -> None:
    """Install this checkout, so that its plugins are found; what builds it is in the folder."""
    _install(pip, wheels, ["--no-deps", "--editable", str(ROOT)])


def _make_environment() -> Path:
    subprocess.run(
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)], check=True
    )
    python = ENVIRONMENT / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run(
        [str(python), "-c", show], check=True, capture_output=True, text=True
    ).stdout.strip()
    # Not --system-site-packages: where this Python is an environment, those would be its base's.
    own = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (Path(folder) / "zz_python_at_hand.pth").write_text("".join(f"{path}\n" for path in own))
    return python


def _install(pip: list[str], wheels: Path, words: list[str]) -> None:
    """Install something without a network."""
    options = ["--quiet", "--no-index", "--find-links", str(wheels), "--disable-pip-version-check"]
    finished = subprocess.run(
        [*pip, "install", *options, *words], check=False, capture_output=True, text=True
    )
    if finished.returncode:
        lines = finished.stderr.strip().splitlines() or ["pip says nothing"]
        raise MissingPackagesError(
            f"WHEELS={wheels} does not have all that is missing ({lines[-1]}); this Python is "
            f"{sys.version_info.major}.{sys.version_info.minor}: fill the folder for it with "
            "make gpu-wheels WHEELS=DIR FOR=X.Y"
        )


def _pip(python: Path, wheels: Path) -> list[str]:
    """Return how pip is started: the one at hand, or that in the folder, run from its wheel."""
    asked = subprocess.run(
        [str(python), "-m", "pip", "--version"], check=False, capture_output=True
    )
    if asked.returncode == 0:
        return [str(python), "-m", "pip"]
    found = sorted(wheels.glob("pip-*.whl"))
    if not found:
        raise MissingPackagesError(f"this Python has no pip, and WHEELS={wheels} has no pip-*.whl")
    return [str(python), os.fspath(found[-1] / "pip")]


def _version(name: str) -> tuple[int, ...]:
    try:
        return _numbers(metadata.version(name))
    except metadata.PackageNotFoundError:
        return ()


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version that come first: (2, 11, 0) of "2.11.0+cu130"."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()
