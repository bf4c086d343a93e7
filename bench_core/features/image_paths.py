"""Which images paths name: camera, identity, and the place among the sorted files of both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench_core.contracts.images import Modality

_FORM = re.compile(r"(?:.*/)?cam(?P<camera>[0-9]{1,4})/(?P<identity>[0-9]{1,9})/(?P<name>[^/]+)")
_NUMBERED = re.compile(r"([0-9]{1,9})(?:\.[A-Za-z]+)?")


def parse_paths(paths: Sequence[str], name: str, cameras: Mapping[int, Modality]) -> pd.DataFrame:
    r"""Tell which image each path names.

    Args:
        paths: Such as "/data/SYSU-MM01/cam1/0006/0005.jpg"; Windows' separators and names without
            extension do as well.
        name: Of the variable that holds them, for messages.
        cameras: Modality of each camera.

    Returns:
        One row a path, with the columns identity, camera, modality, index (place among the sorted
        names of its camera and identity) and name.

    Raises:
        DataError: A path is not of this form, or of an unknown camera, or two name one image; the
            message names the first.

    Examples:
        >>> images = parse_paths(["x/cam1/0006/0005.jpg", "cam1\\0006\\0002"], "p", {1: "visible"})
        >>> images["index"].tolist()
        [1, 0]
    """
    matches = [_FORM.fullmatch(path.replace("\\", "/")) for path in paths]
    for row, (path, match) in enumerate(zip(paths, matches, strict=True)):
        if match is None:
            raise DataError(
                f"row {row} of '{name}' is {quoted(path)}, which does not end in "
                "camC/IDENTITY/NAME: it does not tell which image it is; give an .npz, or an .npy "
                "with a manifest"
            )
        if int(match["camera"]) not in cameras:
            raise DataError(
                f"row {row} of '{name}' is {quoted(path)}: there is no camera "
                f"{int(match['camera'])} (known: {', '.join(map(str, cameras))})"
            )
    found = [match for match in matches if match is not None]
    table = pd.DataFrame(
        {
            "identity": np.array([int(match["identity"]) for match in found], dtype=np.int64),
            "camera": np.array([int(match["camera"]) for match in found], dtype=np.int64),
            "name": np.array([match["name"] for match in found], dtype=object),
        }
    )
    table["modality"] = table["camera"].map(dict(cameras)).astype(object)
    table["index"] = place_among_sorted(table, name)
    return table


def place_among_sorted(table: pd.DataFrame, source: str) -> NDArray[np.int64]:
    """Return the place of each image among the sorted names of its identity, camera and modality.

    Args:
        table: Columns identity, camera, modality and name.
        source: Where the names are from, for messages.

    Raises:
        DataError: Two rows name one image.
    """
    folder = ["identity", "camera", "modality"]
    repeated = table.duplicated([*folder, "name"]).to_numpy()
    if repeated.any():
        row = int(np.argmax(repeated))
        raise DataError(
            f"{repeated.sum()} rows of '{source}' name an image again, the first is row {row}: "
            f"camera {table['camera'].iloc[row]}, identity {table['identity'].iloc[row]}, "
            f"{quoted(table['name'].iloc[row])}"
        )
    places = table.sort_values("name", kind="stable").groupby(folder, sort=False).cumcount()
    return np.asarray(places.sort_index(), dtype=np.int64)


def check_against_paths(
    images: pd.DataFrame, values: NDArray[np.int64], column: str, name: str
) -> None:
    """Refuse identities or cameras that are not those of the paths.

    Args:
        images: Of `parse_paths`.
        values: What the file says, one a row.
        column: "identity" or "camera".
        name: Of the variable that says so, for the message.

    Raises:
        DataError: One is another; the message names the first.
    """
    wrong = np.flatnonzero(images[column].to_numpy() != values)
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"'{name}' contradicts the paths in {wrong.size} of {len(values)} rows, the first is "
            f"row {row}: {column} {values[row]}, but its path says {images[column].iloc[row]}"
        )


def tell_gaps(images: pd.DataFrame) -> tuple[str, ...]:
    """Say where numbered names skip a number, as one note; none where they do not.

    Args:
        images: Columns identity, camera, modality, index and name.
    """
    numbers = images["name"].map(_number)
    gaps = np.flatnonzero((numbers > images["index"] + 1).to_numpy())
    if not gaps.size:
        return ()
    first = images.iloc[gaps[0]]
    note = (
        f"the names of {gaps.size} images skip numbers, such as {quoted(first['name'])} of camera "
        f"{first['camera']}, identity {first['identity']}: indices count the files that are there"
    )
    return (note,)


def _number(name: str) -> int:
    """Return the number that a name is, such as 5 of "0005.jpg"; 0 where it is something else."""
    match = _NUMBERED.fullmatch(name)
    return int(match[1]) if match else 0
