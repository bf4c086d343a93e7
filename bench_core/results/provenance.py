"""What is written down about a run's origin: versions, commit, platform and command line.

Neither the machine's name nor the user's is recorded: results are published.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What was trained here; each field is the one of `Provenance` whose name ends like it.

    Attributes:
        identities: Identity (SHA-256) of each training, in the order of trials.
        number_format: Number format of the training steps.
        threads: Processor threads, where they ran on a processor.
        processes: Processes that shared the batches, where that is known.
        parts: Parts of its share that each of them ran one after another, likewise.
        normalized_shares: Shares of a batch that were normalised by their own statistics, if any.
    """

    identities: tuple[str, ...] = ()
    number_format: Precision | None = None
    threads: int | None = None
    processes: int | None = None
    parts: int | None = None
    normalized_shares: int | None = None


NOTHING_TRAINED = Trained()


def collect_provenance(
    command: Sequence[str],
    packages: Sequence[str],
    *,
    weights: str | None,
    selection: Selection | None,
    trained: Trained = NOTHING_TRAINED,
) -> Provenance:
    """Describe the run of this process.

    Args:
        command: The command line as typed, such as ["bench", "run", "--method", "xiv"].
        packages: Distributions whose versions matter besides `CORE_DISTRIBUTIONS` and Python:
            those of the plugins of method, protocol and dataset, and of observers.
        weights: What the backbone started from: "imagenet", "none" or "sha256:..." of a file, or
            of the list of several files; None where it is unknown.
        selection: Which state of each training was scored; None where it is unknown.
        trained: What was trained here.

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
        training_identities=trained.identities,
        training_format=trained.number_format,
        training_threads=trained.threads,
        training_processes=trained.processes,
        training_parts=trained.parts,
        normalized_shares=trained.normalized_shares,
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
