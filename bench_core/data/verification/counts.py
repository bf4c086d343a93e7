"""How many images and people there are, beside what the authors of a dataset publish."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.contracts.dataset import SYNTHETIC_MARKER, PublishedCount
from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.data.verification.findings import Finding
from bench_core.system.foreign_files import read_regular

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

FULL_SCALE = "full"
MOST_MARKER_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class SubsetCount:
    """The images of a subset, beside the published number.

    Attributes:
        subset: Name of the subset, such as "training".
        modality: What is counted; None counts both.
        images: Number of images found.
        identities: Number of identities found.
        published: What it was compared with; None where nothing is published.
        agrees: Whether both are equal; None where nothing was compared.
    """

    subset: str
    modality: Modality | None
    images: int
    identities: int
    published: PublishedCount | None
    agrees: bool | None


@dataclass(frozen=True, kw_only=True)
class CameraCount:
    """The images of one camera and modality.

    Attributes:
        camera: The camera.
        modality: The modality; some cameras have both.
        images: Number of images.
        identities: Number of identities.
        subsets: Number of images in each subset.
    """

    camera: int
    modality: Modality
    images: int
    identities: int
    subsets: Mapping[str, int]


def read_marker(root: Path) -> Mapping[str, Any]:
    """Return what a rendered dataset says of itself; nothing where its marker is damaged."""
    try:
        marker = json.loads(read_regular(root / SYNTHETIC_MARKER, MOST_MARKER_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return marker if isinstance(marker, dict) else {}


def repeats_real_counts(root: Path) -> bool:
    """Whether a rendered dataset has the counts of the real one, by what it says of itself."""
    marker = read_marker(root)
    sizes = marker.get("sizes")
    real = isinstance(sizes, dict) and sizes.get("real_counts") is True
    return real and marker.get("scale") == FULL_SCALE


def count_subsets(
    images: pd.DataFrame,
    subsets: Mapping[str, NDArray[np.int64]],
    published: Sequence[PublishedCount],
) -> list[SubsetCount]:
    """Count the images of each subset and modality.

    Args:
        images: Image table.
        subsets: Row positions by name.
        published: What they are compared with.

    Returns:
        The counts that are published or not zero, in the order of the subsets.

    Raises:
        PluginError: A count is published of a subset that the reader does not know.
    """
    expected = {(count.subset, count.modality): count for count in published}
    for name, _ in expected:
        if name not in subsets:
            raise PluginError(f"'{name}' is a published count, but the reader has no such subset")
    wanted = [(name, modality) for name in subsets for modality in (*MODALITIES, None)]
    counts = [
        _count(images.iloc[subsets[name]], name, modality, expected.get((name, modality)))
        for name, modality in wanted
        if modality or (name, modality) in expected
    ]
    return [count for count in counts if count.images or count.published]


def count_cameras(
    images: pd.DataFrame, subsets: Mapping[str, NDArray[np.int64]]
) -> list[CameraCount]:
    """Count the images of each camera and modality."""
    counts = []
    for camera in sorted(images["camera"].unique().tolist()):
        for modality in MODALITIES:
            chosen = ((images["camera"] == camera) & (images["modality"] == modality)).to_numpy()
            count = CameraCount(
                camera=camera,
                modality=modality,
                images=int(chosen.sum()),
                identities=images["identity"][chosen].nunique(),
                subsets={name: int(chosen[rows].sum()) for name, rows in subsets.items()},
            )
            counts.append(count)
    return [count for count in counts if count.images]


def check_counts(counts: Sequence[SubsetCount]) -> Iterator[Finding]:
    """Report counts that are not the published ones."""
    wrong = tuple(
        _difference(count, count.published)
        for count in counts
        if count.published and count.agrees is False
    )
    if wrong:
        yield Finding(
            kind="counts",
            severity="problem",
            message="other counts than the published ones: images are missing, or too many",
            examples=wrong,
        )


def _count(
    images: pd.DataFrame, subset: str, modality: Modality | None, published: PublishedCount | None
) -> SubsetCount:
    counted = images if modality is None else images[images["modality"] == modality]
    num_images, num_identities = len(counted), counted["identity"].nunique()
    return SubsetCount(
        subset=subset,
        modality=modality,
        images=num_images,
        identities=num_identities,
        published=published,
        agrees=_agrees(num_images, num_identities, published) if published else None,
    )


def _agrees(num_images: int, num_identities: int, published: PublishedCount) -> bool:
    return num_images == published.images and published.identities in (None, num_identities)


def _difference(count: SubsetCount, published: PublishedCount) -> str:
    what = " ".join(filter(None, [count.subset, count.modality]))
    people = "" if published.identities is None else f" of {published.identities:,} people"
    text = (
        f"{what}: {count.images:,} images of {count.identities:,} people, "
        f"published are {published.images:,}{people}"
    )
    return f"{text}; {published.note}" if published.note else text
