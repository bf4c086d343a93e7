"""What a trained method generates: its pictures of test people, and mixes of two of them.

Letters in shapes: N pairs of images, H and W pixels, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.system.progress import progress
from bench_core.training.batches import to_float
from bench_core.training.method import Method
from bench_core.training.pictures import (
    FAKE_INFRARED,
    FAKE_VISIBLE,
    MakesPictures,
    MixesImages,
    check_picture,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MEASURED = (VISIBLE, INFRARED, FAKE_INFRARED, FAKE_VISIBLE)
"""Names of pictures that are measured; others are only shown."""
MAX_PAIRS = 200
BATCH = 16


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images of people in both modalities; entry i of both shows one person.

    Attributes:
        visible: uint8 (N, H, W, 3).
        infrared: The same.
    """

    visible: NDArray[np.uint8]
    infrared: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.visible)

    def of(self, modality: Modality) -> NDArray[np.uint8]:
        """Return the images of one modality."""
        return self.visible if modality == VISIBLE else self.infrared


@dataclass(frozen=True, eq=False)
class Generated:
    """The pictures of all pairs.

    Attributes:
        pictures: By name, uint8 (N, H, W, 3), in the order of the method.
        embeddings: Those of `MEASURED` pictures, float32 (N, D), of length 1: by the method's own
            `extract`, all as infrared images, so that no method translates one before it embeds it.
    """

    pictures: Mapping[str, NDArray[np.uint8]]
    embeddings: Mapping[str, NDArray[np.float32]]


def draw_pairs(images: pd.DataFrame, rows: NDArray[np.int64], pixels: NDArray[np.uint8]) -> Pairs:
    """Draw pairs of images at random, but always the same ones; no image is in two.

    People take turns: the first pairs show a person each.

    Args:
        images: Image table of the dataset.
        rows: Row positions to draw from.
        pixels: Decoded images of the whole table, uint8 (rows of the table, H, W, 3).

    Returns:
        At most `MAX_PAIRS`; none where nobody is seen in both modalities.
    """
    shuffled = np.random.default_rng(0).permutation(rows)
    table = images.iloc[shuffled][["identity", "modality"]].assign(row=shuffled)
    table["turn"] = table.groupby(["identity", "modality"]).cumcount()
    visible, infrared = (table[table["modality"] == modality] for modality in MODALITIES)
    pairs = visible.merge(infrared, on=["identity", "turn"]).sort_values("turn", kind="stable")
    chosen = [pairs[name].to_numpy()[:MAX_PAIRS] for name in ("row_x", "row_y")]
    return Pairs(*(np.asarray(pixels[positions]) for positions in chosen))


def generate(method: Method, pairs: Pairs, device: torch.device) -> Generated | None:
    """Ask a method for its pictures.

    Args:
        method: A trained method; its networks are put into evaluation mode on `device`.
        pairs: At least one.
        device: Where to compute.

    Returns:
        None where the method, or this variant of it, generates no images.

    Raises:
        PluginError: The pictures are not what they must be.
    """
    if not isinstance(method, MakesPictures):
        return None
    method.networks.to(device).eval()
    pictures: dict[str, list[NDArray[Any]]] = {}
    embeddings: dict[str, list[NDArray[Any]]] = {}
    with (
        torch.inference_mode(),
        progress(total=len(pairs), description="generating", unit="pair") as bar,
    ):
        for start in range(0, len(pairs), BATCH):
            part = slice(start, start + BATCH)
            visible, infrared = (_tensor(pairs.of(name)[part], device) for name in MODALITIES)
            made = method.pictures(visible, infrared)
            for name, images in made.items():
                check_picture(f"{type(method).__name__}.pictures['{name}']", images, visible.shape)
                pictures.setdefault(name, []).append(_pixels(images))
            if {FAKE_INFRARED, FAKE_VISIBLE} & set(made):
                for name in set(made).intersection(MEASURED):
                    embeddings.setdefault(name, []).append(_embed(method, made[name]))
            bar.update(len(visible))
    if not pictures:
        return None
    return Generated(
        {name: np.concatenate(parts) for name, parts in pictures.items()},
        {name: np.concatenate(parts) for name, parts in embeddings.items()},
    )


def mix(
    method: MixesImages,
    images: NDArray[np.uint8],
    modality: Modality,
    alphas: Sequence[float],
    device: torch.device,
) -> NDArray[np.uint8]:
    """Ask a method for the mixes of two images; its networks are on `device` already.

    Args:
        method: A trained method, in evaluation mode.
        images: uint8 (2, H, W, 3), of one modality.
        modality: Which.
        alphas: Shares of the first image, in [0, 1].
        device: Where to compute.

    Returns:
        uint8 (2 + len(alphas), H, W, 3).

    Raises:
        UsageError: The variant mixes no images.
        PluginError: The images are not what they must be.
    """
    given = _tensor(images, device)
    with torch.inference_mode():
        strip = method.mixing_strip(given, modality, alphas)
    shape = (2 + len(alphas), *given.shape[1:])
    check_picture(f"{type(method).__name__}.mixing_strip", strip, shape)
    return _pixels(strip)


def _tensor(pixels: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    return to_float(torch.from_numpy(pixels).to(device))


def _pixels(images: torch.Tensor) -> NDArray[np.uint8]:
    scaled = images.float().clamp(0, 1).mul(255).round().byte()
    pixels: NDArray[np.uint8] = scaled.permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _embed(method: Method, images: torch.Tensor) -> NDArray[np.float32]:
    flat = method.extract(images, INFRARED).float().flatten(1)
    embedded: NDArray[np.float32] = torch.nn.functional.normalize(flat).cpu().numpy()
    return embedded
