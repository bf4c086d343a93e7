"""What is written down about a run's origin: versions, commit, platform and command line.

Neither the machine's name nor the user's is recorded: results are published.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import bench_core
from bench_core.contracts.result import Provenance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.method import Precision, Selection

CORE_DISTRIBUTIONS = ("numpy", "pillow", "torch", "torchvision", "vireid-bench")
NOT_INSTALLED = "not installed"


def collect_provenance(
    command: Sequence[str],
    packages: Sequence[str],
    *,
    weights: str,
    selection: Selection,
    training_identities: Sequence[str],
    training_format: Precision | None = None,
    training_threads: int | None = None,
) -> Provenance:
    """Describe the run of this process.

    Args:
        command: The command line as typed, such as ["bench", "run", "--method", "xiv"].
        packages: Distributions whose versions matter besides `CORE_DISTRIBUTIONS` and Python:
            those of the plugins of method, protocol and dataset, and of observers.
        weights: What the backbone started from: "imagenet", "none" or "sha256:..." of a file, or
            of the list of several files.
        selection: Which state of each training was scored.
        training_identities: Identity (SHA-256) of each training, in the order of trials.
        training_format: Number format of the training steps, where something was trained.
        training_threads: Processor threads of the training, where it ran on a processor.

    Returns:
        The provenance, dated now; a distribution without metadata is "not installed".
    """
    commit, dirty = git_state(_source_folder())
    return Provenance(
        created=datetime.now(UTC).replace(microsecond=0),
        command=tuple(without_personal_paths(argument) for argument in command),
        versions=_versions({*CORE_DISTRIBUTIONS, *packages}),
        git_commit=commit,
        git_dirty=dirty,
        platform=f"{platform.system()} {platform.machine()}",
        weights=weights,
        selection=selection,
        training_identities=tuple(training_identities),
        training_format=training_format,
        training_threads=training_threads,
    )


def without_personal_paths(argument: str) -> str:
    """Replace the home folder in a command line's argument by "~", and the user's name by "$USER".

    The name is replaced only where it is a whole component of a path, as in "/scratch/ann/data".
    Bytes that are no UTF-8, such as in a folder's name, become backslash escapes: a record is
    Unicode.
    """
    home = str(Path.home()).rstrip("/")
    if home:
        argument = re.sub(rf"(?<![\w/.~-]){re.escape(home)}(?![\w.-])", "~", argument)
    user = os.environ.get("USER")
    if user:
        argument = re.sub(rf"(?<=/){re.escape(user)}(?=/|$)", "$USER", argument)
    return os.fsencode(argument).decode(errors="backslashreplace")


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a source tree and whether its Python sources differ from it.

    Args:
        folder: The folder that holds `bench_core`.

    Returns:
        The full commit and the difference; (None, None) where git is absent or does not track the
        sources, as when the package was installed into an environment inside another checkout.
    """
    tracked = _git(folder, "ls-files", "--error-unmatch", "bench_core/__init__.py")
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if tracked is None or commit is None:
        return None, None
    changes = _git(folder, "status", "--porcelain", "--", "*.py")
    return commit.strip(), bool(changes)


def _git(folder: Path, *arguments: str) -> str | None:
    # Inside a git hook these variables would point at another repository.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        finished = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:  # there is no git on this machine: the record says None
        return None
    return finished.stdout if finished.returncode == 0 else None


def _source_folder() -> Path:
    return Path(next(iter(bench_core.__path__))).resolve().parent


def _versions(distributions: set[str]) -> dict[str, str]:
    versions = {name: _version(name) for name in sorted(distributions)}
    return {"python": platform.python_version()} | versions


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # recorded as such: a run from a bare source tree
        return NOT_INSTALLED
