"""A copy of a method that extracts the same features in less time, held to the method itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

from bench_core.arithmetic import NumberFormat, arithmetic
from bench_core.contracts.errors import DataError
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Precision
from bench_core.modeling.folding import fold_batch_norms
from bench_core.training.method import Method

Embed: TypeAlias = Callable[[torch.Tensor, Modality], torch.Tensor]
"""Images (B, 3, H, W) float in [0, 1] and their modality -> embeddings (B, V, D)."""

TOLERANCE: Mapping[Precision, float] = {"float32": 1e-5, "bfloat16": 1e-2}
"""Largest norm of the difference from eager float32, relative to the norm of its features."""


@dataclass(frozen=True)
class Extractor:
    """How a method is asked for its embeddings.

    Attributes:
        embed: Images and modality -> embeddings, in inference mode.
        precision: Number format of convolutions and matrix products.
        shape: V and D of the embeddings.
        note: Why this is the method as it is and not its fast copy, on one line; else empty.
    """

    embed: Embed
    precision: Precision
    shape: tuple[int, int]
    note: str = ""


def choose_extractor(
    method: Method, samples: Sequence[tuple[Modality, torch.Tensor]], precision: Precision
) -> Extractor:
    """Return the fast copy of a method, if it gives the same features of some batches.

    Args:
        method: In evaluation mode; it is left as it is.
        samples: Images (B, 3, H, W) of each modality and shape that will be extracted, on the
            device of the method.
        precision: Asked of the fast copy.

    Returns:
        The fast copy, where its features of the samples differ from those of the method in float32
        by no more than `TOLERANCE`; else the method itself in float32, with a note.

    Raises:
        DataError: The method's features have not the shape that they must have.
    """
    plain = in_format(method, "float32")
    expected = [plain(images, modality) for modality, images in samples]
    views, dimensions = expected[0].shape[1:]
    shape = (views, dimensions)
    try:
        fast = in_format(fast_copy(method, precision), precision)
        differences = [
            relative_difference(fast(images, modality), features)
            for (modality, images), features in zip(samples, expected, strict=True)
        ]
    except (RuntimeError, TypeError) as error:  # it cannot be copied, cast or run
        note = f"the fast path failed: {' '.join(str(error).split())}"
        return Extractor(plain, "float32", shape, note)
    for (modality, images), difference in zip(samples, differences, strict=True):
        if not difference <= TOLERANCE[precision]:  # also where it is no number
            note = (
                f"features of {len(images)} {modality} images differ by {difference:.1e} between "
                f"the fast path in {precision} and eager float32, and may by "
                f"{TOLERANCE[precision]:.0e}"
            )
            return Extractor(plain, "float32", shape, note)
    return Extractor(fast, precision, shape)


def fast_copy(method: Method, number_format: NumberFormat, *, fold: bool = True) -> Method:
    """Copy a method for extraction alone.

    Weights are laid out channels last, batch normalisation is folded into convolutions, and
    weights that autocast would cast to bfloat16 again and again are cast once.

    Args:
        method: In evaluation mode; it is left as it is.
        number_format: In which the copy will be run.
        fold: Whether to fold batch normalisation.

    Raises:
        RuntimeError: Something that the method holds cannot be copied.
        TypeError: Likewise.
    """
    copied = copy.deepcopy(method)
    if fold:
        fold_batch_norms(copied.networks)
    copied.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if number_format == "bfloat16":
        for module in copied.networks.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.to(torch.bfloat16)
    return copied


def in_format(method: Method, number_format: NumberFormat) -> Embed:
    """Return the method's `extract` in inference mode and a number format, its shape checked."""

    def embed(images: torch.Tensor, modality: Modality) -> torch.Tensor:
        with torch.inference_mode(), arithmetic(images.device, number_format):
            embedded = method.extract(images, modality)
        if embedded.ndim != 3 or len(embedded) != len(images):
            raise DataError(
                f"{type(method).__name__}.extract returned shape {tuple(embedded.shape)} for "
                f"{len(images)} images; expected (batch, views, dimensions)"
            )
        return embedded.float()

    return embed


def relative_difference(features: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the norm of the difference of two tensors, relative to that of the second."""
    smallest = torch.finfo(torch.float32).tiny
    return float((features - expected).norm() / expected.norm().clamp_min(smallest))
