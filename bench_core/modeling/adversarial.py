"""Adversarial losses, and the range of images that GANs work in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch.nn import functional

AdversarialForm: TypeAlias = Literal["log", "least-squares"]
"""The original logarithmic form (Goodfellow et al. 2014) or that of LSGAN (Mao et al. 2017)."""


def adversarial_loss(
    scores: torch.Tensor | Sequence[torch.Tensor], *, real: bool, form: AdversarialForm
) -> torch.Tensor:
    """What it costs that a discriminator does not say `real`.

    A discriminator takes its loss on real inputs with `real=True` and on fake ones with
    `real=False`; a generator takes it on its own with `real=True`, which does not saturate.

    Args:
        scores: Logits of any shape, the batch first; several of them for several scales.
        real: What the discriminator should say.
        form: "log" is -log D or -log(1 - D), with D the sigmoid of the logit; "least-squares" is
            (D - 1)^2 or D^2, with D the logit itself.

    Returns:
        A scalar, float32 whatever the precision of the scores: the mean over batch and map, summed
        over scales.
    """
    if not isinstance(scores, torch.Tensor):
        return torch.stack([adversarial_loss(s, real=real, form=form) for s in scores]).sum()
    logits = scores.float()
    if form == "log":
        return functional.softplus(-logits if real else logits).mean()
    return (logits - float(real)).square().mean()


def discrimination_loss(
    scores: torch.Tensor | Sequence[torch.Tensor], num_real: int, form: AdversarialForm
) -> torch.Tensor:
    """What it costs a discriminator to tell real inputs from fake ones wrongly.

    Args:
        scores: Of a batch whose first entries are real, the others fake; see `adversarial_loss`.
        num_real: How many are real.
        form: See `adversarial_loss`.

    Returns:
        The loss on the real ones and that on the fake ones, each a mean, added.
    """
    scales = [scores] if isinstance(scores, torch.Tensor) else scores
    real, fake = [s[:num_real] for s in scales], [s[num_real:] for s in scales]
    caught = adversarial_loss(fake, real=False, form=form)
    return adversarial_loss(real, real=True, form=form) + caught


def to_signed(images: torch.Tensor) -> torch.Tensor:
    """Map images from [0, 1] to [-1, 1], where generators and discriminators work."""
    return images * 2 - 1


def from_signed(images: torch.Tensor) -> torch.Tensor:
    """Map images from [-1, 1] to [0, 1]."""
    return (images + 1) / 2
