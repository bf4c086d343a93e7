"""A copy of a method that extracts the same features in less time, held to the method itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import nn

from bench_core.contracts.errors import PluginError
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Precision
from bench_core.modeling.folding import fold_batch_norms
from bench_core.system.devices import NumberFormat, arithmetic
from bench_core.training.method import Method

Embed: TypeAlias = Callable[[torch.Tensor, Modality], torch.Tensor]
"""Images (B, 3, H, W) float in [0, 1] and their modality -> embeddings (B, V, D)."""

TOLERANCE: Mapping[Precision, float] = {"float32": 1e-5, "tf32": 2e-3, "bfloat16": 1e-2}
"""Largest norm of the difference from eager float32, relative to the norm of its features."""
INDEPENDENCE = 1e-3
"""Largest such difference between features of an image in two batches: shapes choose kernels, which
add in another order, but never by so much."""


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

    The method itself is held to its contract first: features of an image depend on that image
    alone, not on its batch, its place there, or chance; and the images stay as they are.

    Args:
        method: In evaluation mode; it is left as it is.
        samples: Images (B, 3, H, W) of each modality and shape that will be extracted, on the
            device of the method.
        precision: Asked of the fast copy.

    Returns:
        The fast copy, where its features of the samples differ from those of the method in float32
        by no more than `TOLERANCE`; else the method itself in float32, with a note.

    Raises:
        PluginError: The method's features are not what they must be.
    """
    plain = in_format(method, "float32")
    expected = [plain(images, modality) for modality, images in samples]
    views, dimensions = expected[0].shape[1:]
    shape = (views, dimensions)
    for (modality, images), features in zip(samples, expected, strict=True):
        check_shape(method, features, shape)
        _check_independence(method, images, modality, features)
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
    """Return the method's `extract` in inference mode and a number format, what it returns checked.

    The function raises PluginError where that is not what `Method.extract` states.
    """

    def embed(images: torch.Tensor, modality: Modality) -> torch.Tensor:
        with torch.inference_mode(), arithmetic(images.device, number_format):
            embedded = method.extract(images, modality)
        _check_embedded(method, embedded, len(images))
        return embedded.float()

    return embed


def check_shape(method: Method, features: torch.Tensor, shape: tuple[int, int]) -> None:
    """Refuse features (B, V, D) whose V and D are not those of the other batches.

    Raises:
        PluginError: They differ.
    """
    found = tuple(features.shape[1:])
    if found != shape:
        raise PluginError(
            f"{type(method).__name__}.extract returned features of {found[0]} x {found[1]} (views "
            f"x dimensions) for one batch and {shape[0]} x {shape[1]} for another"
        )


def _check_embedded(method: Method, embedded: object, num_images: int) -> None:
    returned = f"{type(method).__name__}.extract returned"
    expected = "expected a tensor of floats (batch, views, dimensions)"
    if not isinstance(embedded, torch.Tensor):
        raise PluginError(f"{returned} a {type(embedded).__name__}; {expected}")
    if embedded.layout != torch.strided or embedded.is_meta:
        raise PluginError(f"{returned} a tensor without plain data; {expected}")
    if not embedded.is_floating_point():
        raise PluginError(f"{returned} a tensor of {embedded.dtype}; {expected}")
    if embedded.ndim != 3 or len(embedded) != num_images or 0 in embedded.shape:
        raise PluginError(
            f"{returned} shape {tuple(embedded.shape)} for {num_images} images; {expected}"
        )
    if embedded.requires_grad:
        raise PluginError(f"{returned} features that carry gradients; detach them")


def _check_independence(
    method: Method, images: torch.Tensor, modality: Modality, expected: torch.Tensor
) -> None:
    """Extract half of a batch again, in reverse: one look at size, order, company and chance."""
    embed, name = in_format(method, "float32"), type(method).__name__
    if not expected.isfinite().all():  # refused with the row where features are collected
        return
    half = (len(images) + 1) // 2
    given = images.flip(0)[:half]
    kept = given.clone()
    difference = relative_difference(embed(given, modality), expected.flip(0)[:half])
    if not torch.equal(given, kept):
        raise PluginError(f"{name}.extract changes the images that it is given; copy them first")
    if difference <= INDEPENDENCE:
        return
    by_chance = relative_difference(embed(images, modality), expected) > INDEPENDENCE
    cause = "chance" if by_chance else "the other images of their batch"
    raise PluginError(
        f"{name}.extract gives {modality} features that depend on {cause} (they differ by "
        f"{difference:.1e}): the features of an image must follow from that image alone"
    )


def relative_difference(features: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the norm of the difference of two tensors, relative to that of the second."""
    smallest = torch.finfo(torch.float32).tiny
    return float((features - expected).norm() / expected.norm().clamp_min(smallest))
