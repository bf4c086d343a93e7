"""RegDB as other repositories keep it: planned, and written by the harness."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bench_core import INFRARED, VISIBLE, DataError
from bench_core.datasets import ExportPlan, PlacedFile, read_image_list
from bench_regdb.layout import INDEX_FOLDER, MODALITIES, NUM_TRIALS, list_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from bench_core import Modality
    from bench_core.datasets import Dataset, ListedImage

MARKET_FOLDERS: Mapping[Modality, str] = {VISIBLE: "rgb_modify", INFRARED: "ir_modify"}
MARKET_QUERIES = 4
"""Images of a label and modality that `query` of a Market-style copy holds, once more."""


def market_copy(dataset: Dataset) -> ExportPlan:
    """Plan the folders of `prepare_regdb.py` of the ADCA family: one for each trial and modality.

    Names begin with the label of the list, which is another person in each list, and with camera 1
    in both modalities. `query` repeats the first four test images of each label, in the order of
    the list.

    Raises:
        DataError: An image is no .bmp, which these scripts do not see, or two images of a list
            would have one name.
    """
    files = [
        file
        for number in range(1, NUM_TRIALS + 1)
        for modality in MODALITIES
        for file in _trial(dataset.root, modality, number)
    ]
    return ExportPlan(files=files)


def _trial(root: Path, modality: Modality, number: int) -> Iterator[PlacedFile]:
    lists = {
        role: read_image_list(root / INDEX_FOLDER / list_name(role, modality, number), root)
        for role in ("train", "test")
    }
    parts = {
        "bounding_box_train": lists["train"],
        "query": _first_of_each(lists["test"]),
        "bounding_box_test": lists["test"],
    }
    for part, images in parts.items():
        folder = f"{MARKET_FOLDERS[modality]}/{number}/{part}"
        yield from _placed(root, folder, images)


def _first_of_each(images: Sequence[ListedImage]) -> list[ListedImage]:
    """Return the first images of each label, in the order of the list."""
    seen: defaultdict[int, int] = defaultdict(int)
    first = []
    for image in images:
        seen[image.label] += 1
        if seen[image.label] <= MARKET_QUERIES:
            first.append(image)
    return first


def _placed(root: Path, folder: str, images: Sequence[ListedImage]) -> Iterator[PlacedFile]:
    taken: dict[str, str] = {}
    for image in images:
        name = image.path.rpartition("/")[2]
        if not name.endswith(".bmp"):
            raise DataError(
                f"{image.path} is no .bmp file, and scripts for Market-style copies see no other; "
                "convert it"
            )
        place = f"{folder}/{image.label}_c1_{name}"
        if place in taken:
            raise DataError(
                f"{image.path} and {taken[place]} would both be {place}; rename one of them"
            )
        taken[place] = image.path
        yield PlacedFile(root / image.path, place)
