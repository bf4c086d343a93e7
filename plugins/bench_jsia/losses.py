"""The losses of JSIA-ReID, in the order of the paper's equations.

All are float32. Where the paper prints a norm over an image or a map, the mean over its elements is
taken, so that weights do not depend on the size of images. M: images, N: identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from bench_core.methods import (
    adversarial_loss,
    batch_hard_triplet,
    cross_batch_hard_triplet,
    prediction_divergence,
    reconstruction_loss,
)
from bench_jsia.pairs import Pair
from bench_jsia.variation import Latents

SMALLEST_NORM = 1e-6
"""Keeps the gradient of a norm finite at zero."""


def absolute_error(values: Pair, targets: Pair) -> torch.Tensor:
    """Mean absolute difference within each modality, added: Eqs. 4 and 5."""
    errors = map(reconstruction_loss, values, targets)
    return torch.stack(list(errors)).sum()


def generator_loss(scores: Sequence[Sequence[torch.Tensor]]) -> torch.Tensor:
    """L_gan of Eq. 7 as the generators minimise it, in LSGAN's form: sum of (Dis(fake) - 1)^2.

    Args:
        scores: For each modality, the score maps of the generated images by scale.
    """
    losses = [adversarial_loss(maps, real=True, form="least-squares") for maps in scores]
    return torch.stack(losses).sum()


def variation_loss(
    maps: torch.Tensor, decoded: torch.Tensor, latents: Latents, distribution_weight: float
) -> torch.Tensor:
    """L_v of Eq. 10: |M - D^v(z)|_1 + |mean|_2 + |deviation - 1|_2, norms of each image's.

    The sum is divided by the number of elements of M, which keeps the printed balance: with
    means of every term, the two penalties would cost more than any content of z saves.

    Args:
        maps: M, (B, C, h, w).
        decoded: D^v(z), of the same shape.
        latents: What E^v says of M.
        distribution_weight: Multiplies the two penalties; 1 as printed.
    """
    error = (maps.float() - decoded.float()).abs().mean()
    penalties = _norms(latents.mean) + _norms(latents.deviation - 1)
    return error + distribution_weight * penalties.mean() / maps[0].numel()


def instance_alignment(
    real: Pair, translated: Pair, divergence: Literal["one-way", "two-way"]
) -> torch.Tensor:
    """L_il of Eq. 11, or L_lr of Eq. 12 for the predictions of all regions.

    Each real image is paired with its own translation: X_ir with X_ir2rgb, X_rgb with X_rgb2ir.

    Args:
        real: Logits (M, N) of the real images.
        translated: Logits (M, N) of the generated images, by the modality that they look like:
            `visible` holds X_ir2rgb.
        divergence: "one-way" is KL(X_ir || X_ir2rgb) + KL(X_rgb2ir || X_rgb) as printed;
            "two-way" adds the other direction, and the real side is a fixed target.
    """
    if divergence == "one-way":
        return prediction_divergence(real.infrared, translated.visible) + prediction_divergence(
            translated.infrared, real.visible
        )
    pairs = zip(real.detached().swapped(), translated, strict=True)
    both = [
        prediction_divergence(fixed, moving) + prediction_divergence(moving, fixed)
        for fixed, moving in pairs
    ]
    return torch.stack(both).sum()


def triplet_loss(
    features: Pair, labels: torch.Tensor, margin: float, mining: Literal["all", "cross-modality"]
) -> torch.Tensor:
    """L_triplet of Eq. 13 over real images, batch-hard by Euclidean distance.

    The paper prints [m - D(a, p) + D(a, n)]_+, which would push positives away; this is
    [m + D(a, p) - D(a, n)]_+.

    Args:
        features: V, (M, D).
        labels: int64 (M,), of both modalities.
        margin: m.
        mining: Whether positives and negatives are those of all images, or of the other modality,
            averaged over both directions.
    """
    if mining == "all":
        return batch_hard_triplet(features.joined(), labels.repeat(2), margin)
    forth, back = (
        cross_batch_hard_triplet(anchors, labels, others, labels, margin)
        for anchors, others in zip(features, features.swapped(), strict=True)
    )
    return (forth + back) / 2


def unseen_identity_loss(
    mixed: torch.Tensor, first: torch.Tensor, second: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """L_ui of Eq. 15: KL(p_mix || alpha p_1 + (1 - alpha) p_2), with p_1 and p_2 fixed.

    Args:
        mixed: Logits (M, N) of the mixed images.
        first: Logits (M, N) of the first image of each mix.
        second: Logits (M, N) of the second.
        shares: alpha, (M,) in [0, 1].
    """
    alpha = shares.float()[:, None]
    probabilities = [logits.detach().float().softmax(1) for logits in (first, second)]
    target = alpha * probabilities[0] + (1 - alpha) * probabilities[1]
    # The logarithms of probabilities are logits of them.
    return prediction_divergence(mixed, target.clamp(min=torch.finfo(target.dtype).tiny).log())


def modality_loss(scores: torch.Tensor, *, deceive: bool) -> torch.Tensor:
    """The degraded set-level alignment of Table 3, index 7, after cmGAN: which modality is it.

    Args:
        scores: Logits of a batch of maps whose first half is visible, the second infrared.
        deceive: Whether this is the encoder's loss, which wants the wrong answer.
    """
    visible, infrared = scores.chunk(2)
    return adversarial_loss(visible, real=not deceive, form="log") + adversarial_loss(
        infrared, real=deceive, form="log"
    )


def _norms(values: torch.Tensor) -> torch.Tensor:
    """Euclidean norm of each entry of a batch."""
    return values.flatten(1).square().sum(1).clamp(min=SMALLEST_NORM**2).sqrt()
