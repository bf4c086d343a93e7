"""The images of a table by folder: the unit from which SYSU-MM01 galleries are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bench_core import DataError
from bench_sysu.layout import CAMERA_MODALITY

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Folders = Mapping[tuple[int, int], "NDArray[np.int64]"]
"""(camera, identity) -> row positions of its images in order of their index; none is empty."""


NOT_SCORED = "a root of training images alone, as of imported arrays, can be trained on, not scored"


def group_by_folder(
    table: pd.DataFrame, identities: tuple[int, ...], role: str = "test"
) -> Folders:
    """Group the images of some identities by camera and identity.

    Args:
        table: Columns identity, camera, modality and index.
        identities: The identities.
        role: What they are, for messages.

    Returns:
        The folders, in order of camera and identity.

    Raises:
        DataError: An identity has no image, a camera is of another modality or unknown, or
            the indices of a folder are not 0 to n - 1.
    """
    rows = np.flatnonzero(table["identity"].isin(identities))
    images = table.iloc[rows]
    _check_identities(images, identities, role)
    _check_modality(images)
    keys = [images[column].to_numpy() for column in ("camera", "identity", "index")]
    order = np.lexsort(keys[::-1])
    camera, identity, index = (key[order] for key in keys)
    changes = (np.diff(camera) != 0) | (np.diff(identity) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    _check_indices(camera, identity, index, starts)
    groups = np.split(rows[order].astype(np.int64), starts[1:])
    heads = zip(camera[starts].tolist(), identity[starts].tolist(), strict=True)
    return dict(zip(heads, groups, strict=True))


def _check_identities(images: pd.DataFrame, identities: tuple[int, ...], role: str) -> None:
    missing = sorted(set(identities) - set(images["identity"]))
    if missing or not identities:
        hint = f" ({NOT_SCORED})" if len(missing) == len(identities) else ""
        raise DataError(
            f"{len(missing)} of {len(identities)} {role} identities have no image, such as "
            f"identity {missing[0] if missing else 'none'}; the images are incomplete or the "
            f"split files belong to another dataset{hint}"
        )


def _check_modality(images: pd.DataFrame) -> None:
    expected = images["camera"].map(dict(CAMERA_MODALITY))
    wrong = np.flatnonzero(expected.to_numpy() != images["modality"].to_numpy())
    if wrong.size:
        first = images.iloc[wrong[0]]
        raise DataError(
            f"SYSU-MM01 has no {first['modality']} camera {first['camera']} (cameras 1, 2, 4, 5 "
            f"are visible, 3 and 6 infrared), but {wrong.size} images say so, the first of "
            f"identity {first['identity']}"
        )


def _check_indices(
    camera: NDArray[np.int64],
    identity: NDArray[np.int64],
    index: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> None:
    lengths = np.diff(np.append(starts, len(index)))
    expected = np.arange(len(index)) - np.repeat(starts, lengths)
    wrong = np.flatnonzero(index != expected)
    if wrong.size:
        first = wrong[0]
        raise DataError(
            f"camera {camera[first]}, identity {identity[first]}: image indices must be 0 to "
            f"n - 1, each once; found {index[first]} where {expected[first]} belongs"
        )
