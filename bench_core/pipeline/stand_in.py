"""The synthetic stand-in for a dataset: rendered once into the cache, and checked whenever used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench_core.contracts.dataset import DEMO, Dataset, DatasetSpec
from bench_core.contracts.errors import DataError, PluginError
from bench_core.data.cache import discard
from bench_core.data.fingerprint import fingerprint
from bench_core.data.opening import open_dataset
from bench_core.synthetic import generate
from bench_core.synthetic.generation import GENERATOR_VERSION
from bench_core.synthetic.layouts import load_layout
from bench_core.system.files import write_json
from bench_core.system.foreign_files import read_regular
from bench_core.system.processes import locked

SCALE = DEMO
SEED = 0
MOST_RECORD_BYTES = 1 << 16


def open_stand_in(spec: DatasetSpec, cache: Path) -> tuple[Dataset, str]:
    """Read the stand-in for a dataset; render it where that was not yet done.

    What was rendered is recorded beside it. A stand-in that is another one now, because a file of
    it was lost or changed, is never scored.

    Args:
        spec: The dataset.
        cache: Folder for what can be made again.

    Returns:
        The stand-in and its fingerprint.

    Raises:
        UsageError: There is no layout for this dataset.
        PluginError: What it names is no layout, or its reader takes the stand-in for real images.
        DataError: The stand-in is not as it was rendered; the message says what to remove.
    """
    root = stand_in_root(spec, cache)
    recorded = _recorded(root)
    if recorded is None:
        with locked(root):
            recorded = _recorded(root)
            if recorded is None:
                recorded = _render(spec, root, cache)
    try:
        dataset, content = _read(spec, root, cache)
    except DataError as error:
        raise _damaged(root, str(error)) from error
    if _facts(dataset, content) != recorded:
        images = f"{recorded.get('images')} images then, {len(dataset.images)} now"
        raise _damaged(root, f"{images}; images or split files were lost or changed")
    return dataset, content


def stand_in_root(spec: DatasetSpec, cache: Path) -> Path:
    """Return where the stand-in for a dataset lies, or will lie.

    Raises:
        UsageError: There is no layout for this dataset.
        PluginError: What it names is no layout.
    """
    version = f"v{GENERATOR_VERSION}.{load_layout(spec).version}"
    return cache / "synthetic" / f"{spec.id}-{SCALE}-seed{SEED}-{version}"


def _render(spec: DatasetSpec, root: Path, cache: Path) -> dict[str, Any]:
    """Render the stand-in and record it; one without a record was not finished, or is older."""
    discard(root)
    generate(root, spec, scale=SCALE, seed=SEED)
    dataset, content = _read(spec, root, cache)
    if not dataset.synthetic:
        raise PluginError(
            f"{spec.reader} takes rendered people for real ones: its Dataset.synthetic must be "
            "is_synthetic(root)"
        )
    facts = _facts(dataset, content)
    write_json(_record(root), facts)
    return facts


def _read(spec: DatasetSpec, root: Path, cache: Path) -> tuple[Dataset, str]:
    dataset = open_dataset(spec, root)
    return dataset, fingerprint(dataset, cache)


def _facts(dataset: Dataset, content: str) -> dict[str, Any]:
    """Return all by which a stand-in is known."""
    return {
        "fingerprint": content,
        "splits": dataset.splits.digest(),
        "synthetic": dataset.synthetic,
        "images": len(dataset.images),
    }


def _record(root: Path) -> Path:
    return root.with_name(f"{root.name}.json")


def _recorded(root: Path) -> dict[str, Any] | None:
    """Return what was rendered; None where nothing was, or where its record is damaged."""
    if not root.is_dir():
        return None
    try:
        record = json.loads(read_regular(_record(root), MOST_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _damaged(root: Path, why: str) -> DataError:
    return DataError(
        f"the synthetic people in {root} are not as they were rendered ({why}); remove this "
        "folder, and they are rendered again"
    )
