"""The gallery draw of the LLCM authors, from the images of a table."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench_core import DataError
from bench_llcm.layout import CAMERAS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core import Modality
    from bench_llcm.splits import ImageCounts

Folders: TypeAlias = Mapping[tuple[int, int], "NDArray[np.int64]"]
"""(identity, camera), ascending -> row positions of its images in order of their index."""

NOT_SCORED = "a root of training images alone, as of imported arrays, can be trained on, not scored"


def group_by_folder(
    table: pd.DataFrame, identities: tuple[int, ...], modality: Modality
) -> Folders:
    """Group the test images of a modality by identity and camera.

    Args:
        table: Columns identity, camera, modality and index.
        identities: The test identities.
        modality: The modality.

    Returns:
        The folders; none is empty.

    Raises:
        DataError: A test identity has no image, a camera is not one of the modality's, or the
            indices of a folder are not 0 to n - 1.
    """
    check_people(table, identities, modality)
    rows = np.flatnonzero((table["modality"] == modality) & table["identity"].isin(identities))
    images = table.iloc[rows].assign(row=rows).sort_values(["identity", "camera", "index"])
    _check_cameras(images, modality)
    _check_indices(images[images["index"] != images.groupby(["identity", "camera"]).cumcount()])
    starts = np.flatnonzero(~images.duplicated(["identity", "camera"]))
    heads = images.iloc[starts]
    keys = zip(heads["identity"].tolist(), heads["camera"].tolist(), strict=True)
    groups = np.split(images["row"].to_numpy(dtype=np.int64), starts[1:])
    return dict(zip(keys, groups, strict=True))


def draw_gallery(folders: Folders, trial: int) -> NDArray[np.int64]:
    """Draw one image of every folder, as the authors' code does.

    Python's generator is seeded with the trial; then, identities ascending and cameras ascending
    within each, `choice` takes one of the folder's images in order of their names.

    Args:
        folders: The test images of the gallery's modality.
        trial: From 0.

    Returns:
        Row positions in the order of the draw, int64 (G,).
    """
    generator = random.Random(trial)
    drawn = [generator.choice(rows.tolist()) for rows in folders.values()]
    return np.array(drawn, dtype=np.int64)


def check_counts(
    folders: Folders, identities: tuple[int, ...], expected: ImageCounts | None
) -> None:
    """Check that there are as many images as the dataset has, where that is known.

    Raises:
        DataError: An identity has more or fewer in a camera; the message names both and counts.
    """
    if expected is None:
        return
    known = {folder for folder in expected.images if folder[0] in set(identities)}
    for folder in sorted(known | set(folders)):
        found, wanted = len(folders.get(folder, ())), expected.images.get(folder, 0)
        if found != wanted:
            raise DataError(
                f"identity {folder[0]}, camera {folder[1]}: found {found} images, but "
                f"{expected.source} has {wanted}; the images are incomplete or belong to another "
                "copy of the dataset"
            )


def check_people(table: pd.DataFrame, identities: tuple[int, ...], modality: Modality) -> None:
    """Check that every test identity has an image of a modality.

    Raises:
        DataError: One has none; the message gives their number and the first.
    """
    seen = set(table.loc[table["modality"] == modality, "identity"])
    missing = [identity for identity in identities if identity not in seen]
    if missing:
        hint = f" ({NOT_SCORED})" if len(missing) == len(identities) else ""
        raise DataError(
            f"{len(missing)} of {len(identities)} test identities have no {modality} image, such "
            f"as identity {missing[0]}; the images are incomplete or the lists belong to another "
            f"dataset{hint}"
        )


def _check_cameras(images: pd.DataFrame, modality: Modality) -> None:
    wrong = images[~images["camera"].isin(CAMERAS[modality])]
    if len(wrong):
        raise DataError(
            f"LLCM has no {modality} camera {wrong['camera'].iloc[0]} (its {modality} cameras are "
            f"{', '.join(map(str, CAMERAS[modality]))}), but {len(wrong)} images say so, the first "
            f"of identity {wrong['identity'].iloc[0]}"
        )


def _check_indices(wrong: pd.DataFrame) -> None:
    if len(wrong):
        first = wrong.iloc[0]
        raise DataError(
            f"camera {first['camera']}, identity {first['identity']}, {first['modality']}: image "
            f"indices must be 0 to n - 1, each once; {first['index']} is out of place"
        )
