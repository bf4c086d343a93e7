"""Which dataset a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError
from bench_core.data.opening import readable


def recognize(
    root: Path, specs: Sequence[DatasetSpec], named: DatasetSpec | None = None
) -> DatasetSpec:
    """Find the dataset whose folders lie below a root.

    A copy that lacks some of its folders is still recognised while it has more than half of them,
    so that what is missing can be named.

    Args:
        root: The folder.
        specs: The datasets that are known.
        named: The dataset that the user says it is, if any.

    Returns:
        `named`, or the dataset of which the largest share is there.

    Raises:
        DataError: The root is no folder, may not be read, or no dataset fits better than all
            others.
    """
    with readable(root):
        if not root.is_dir():
            raise DataError(f"{root} is not a folder")
        return named or _best(root, specs)


def _best(root: Path, specs: Sequence[DatasetSpec]) -> DatasetSpec:
    shares = {spec.id: _share(root, spec) for spec in specs}
    fitting = [spec for spec in specs if shares[spec.id] > 0.5]
    best = [spec for spec in fitting if shares[spec.id] == max(shares.values())]
    if len(best) == 1:
        return best[0]
    if best:
        names = " or ".join(spec.id for spec in best)
        raise DataError(f"{root} may be {names}; say which with --dataset ID")
    raise DataError(
        f"{root} is no dataset that is known{_nearby(root, specs)}; expected the folders of "
        f"{_looks(specs)}; --dataset ID names one"
    )


def _share(root: Path, spec: DatasetSpec) -> float:
    """Return which share of a dataset's folders is there."""
    there = sum((root / folder).is_dir() for folder in spec.folders)
    return there / len(spec.folders) if spec.folders else 0.0


def _nearby(root: Path, specs: Sequence[DatasetSpec]) -> str:
    """Point to the root where the folder above or below it was given instead."""
    below = sorted(path for path in root.iterdir() if path.is_dir())
    for candidate in [*below, root.resolve().parent]:
        if any(_share(candidate, spec) == 1 for spec in specs):
            return f" (did you mean {candidate}?)"
    return ""


def _looks(specs: Sequence[DatasetSpec]) -> str:
    return ", or of ".join(
        f"{spec.title} ({', '.join(spec.folders)})" for spec in specs if spec.folders
    )
