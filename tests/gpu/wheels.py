"""Fill a folder with the wheels that `make gpu` needs on a machine without a network.

python tests/gpu/wheels.py FOLDER [--python 3.12] [--present FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from surroundings import ROOT, requirements

BUILDING = ("hatchling", "editables", "pip")
"""What installs the checkout itself there."""
GLIBC_MINORS = range(5, 36)
"""Of the manylinux platforms that wheels name; pip takes those alone that it is told."""
OLDER_NAMES = ("manylinux1", "manylinux2010", "manylinux2014", "linux")


def main() -> None:
    """Download the wheels, and say how large they are."""
    options = _parse()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [
        f"{name}=={version}"
        for name, version in resolved(options.python).items()
        if name not in _present(options.present)
    ]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _output([*command, "--dest", str(folder), *_for_target(options.python), *chosen])
    size = sum(path.stat().st_size for path in folder.glob("*.whl"))
    sys.stdout.write(f"{len(chosen)} wheels, {size / 2**20:,.0f} MiB in {folder}\n")


def resolved(python: str) -> dict[str, str]:
    """Return the version of each distribution that is needed, dependencies included.

    Args:
        python: Version of the Python that they are for.
    """
    wanted = [*(f"{name}>={bound}" for name, bound in requirements().items()), *BUILDING]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
        *("--target", "unused", "--report", "-", *_for_target(python)),
        *("--constraint", str(ROOT / "constraints.txt")),
    ]
    report = _output([*command, *wanted])
    packages = [entry["metadata"] for entry in json.loads(report)["install"]]
    return {canonical(each["name"]): each["version"] for each in packages}


def _output(command: Sequence[str]) -> str:
    """Return what a command prints; where it fails, end with what it says."""
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    if finished.returncode:
        errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR")]
        sys.exit(f"Error: pip cannot find all wheels: {' '.join(errors) or finished.stderr}")
    return finished.stdout


def canonical(name: str) -> str:
    """Return a distribution's name as indices spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _present(path: Path | None) -> set[str]:
    """Return the names of a file that `pip list --format freeze` has written."""
    lines = path.read_text().splitlines() if path else []
    return {canonical(line.partition("==")[0].strip()) for line in lines}


def _for_target(python: str) -> list[str]:
    machine = platform.machine()
    names = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
    names += [f"{name}_{machine}" for name in OLDER_NAMES]
    platforms = [word for name in names for word in ("--platform", name)]
    return ["--only-binary=:all:", "--python-version", python, *platforms]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument(
        "--python", default=own, metavar="X.Y", help=f"version of Python there [default: {own}]"
    )
    parser.add_argument(
        "--present", type=Path, metavar="FILE",
        help="what is there already: what 'pip list --format freeze' says there",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
