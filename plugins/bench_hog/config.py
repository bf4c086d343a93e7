"""The configuration of HOG; the defaults are those of the paper's detector of pedestrians."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from bench_core.methods import KissmeConfig, LFDAConfig, MethodConfig

Gamma: TypeAlias = Literal["none", "sqrt"]
Learner: TypeAlias = Literal["none", "kissme", "lfda"]


class HOGConfig(MethodConfig):
    """Settings of HOG; cells of 8x8 pixels, 9 unsigned bins and blocks of 2x2 cells are fixed.

    Attributes:
        image_height: Height of images; 128 in the paper.
        image_width: Width of images; 64 in the paper.
        gamma: What is done to grey values before gradients are taken.
        block_sigma: Standard deviation, in pixels, of the Gaussian that weights a block; null for
            no weights.
        clipping: What entries of a block are cut at before it is normalised again (L2-Hys).
        epsilon: Added in squares to the length of a block, of grey values in [0, 1].
        learner: What learns the metric; none for Euclidean distances.
        kissme: KISSME.
        lfda: LFDA.
    """

    image_height: int = Field(default=128, ge=16)
    image_width: int = Field(default=64, ge=16)
    gamma: Gamma = "none"
    block_sigma: float | None = Field(default=8.0, gt=0)
    clipping: float = Field(default=0.2, gt=0)
    epsilon: float = Field(default=1e-3, gt=0)
    learner: Learner = "none"
    kissme: KissmeConfig = KissmeConfig(pca_dimensions=200)
    lfda: LFDAConfig = LFDAConfig(pca_dimensions=200, dimensions=100)
