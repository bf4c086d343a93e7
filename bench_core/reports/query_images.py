"""The images of queries that are known by person, camera and index alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.errors import DataError
from bench_core.data.decoding import decode_image
from bench_core.pipeline.inputs import open_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bench_core.contracts.result import ResultRecord
    from bench_core.pipeline.inputs import RunInputs
    from bench_core.plugins import Registry

SIZE = (192, 96)
"""Height and width of an image on a page, in pixels."""


def open_queries(
    registry: Registry, record: ResultRecord, root: Path | None, cache: Path
) -> RunInputs | str:
    """Read the dataset that a result was scored on.

    Args:
        registry: Where the plugins of protocol and dataset are found.
        record: The result.
        root: The dataset's root; without it, synthetic people are used for results on them.
        cache: Folder for what can be made again.

    Returns:
        The dataset, or why there is none.

    Raises:
        DataError: The root is no such dataset, or another copy than the result is of.
    """
    if record.protocol.id not in registry.protocols_and_twins:
        return f"no installed plugin has the protocol '{record.protocol.id}'; install it"
    if record.dataset.evidence != "images":
        return "the result is of features from outside: nothing shows which images they are of"
    if root is None and not record.dataset.synthetic:
        return "the images are needed; name the dataset with --data ROOT"
    inputs = open_inputs(registry, registry.protocol(record.protocol.id), root, cache)
    if inputs.fingerprint == record.dataset.fingerprint:
        return inputs
    if root is None:
        return "the results are on other synthetic people; name them with --data ROOT"
    raise DataError(
        f"--data {root} is not what the results are of: its fingerprint is "
        f"{inputs.fingerprint[:12]}, theirs {record.dataset.fingerprint[:12]}; name that dataset"
    )


def query_pixels(inputs: RunInputs, queries: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Decode the images of queries, uint8 (queries, H, W, 3).

    Args:
        inputs: The dataset, and the protocol, which says of which modality queries are.
        queries: Identity, camera and index of each, at least one.

    Raises:
        DataError: An image is missing, or cannot be decoded.
    """
    images = inputs.dataset.images
    images = images[images["modality"] == inputs.protocol.spec.query_modality]
    keys = zip(*(images[name].tolist() for name in ("identity", "camera", "index")), strict=True)
    paths = dict(zip(keys, images["path"], strict=True))
    if missing := [query for query in queries if query not in paths]:
        person, camera, index = missing[0]
        raise DataError(
            f"{inputs.dataset.root} has no image {index} of person {person} and camera {camera}, "
            "which the results have a score of"
        )
    root = inputs.dataset.root
    return np.stack([decode_image(root / paths[query], SIZE) for query in queries])
