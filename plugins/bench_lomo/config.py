"""The configuration of LOMO; the defaults are those of the authors' code."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from bench_core.methods import CDFEConfig, MethodConfig, XQDAConfig

Retinex: TypeAlias = Literal["msr", "none"]
Learner: TypeAlias = Literal["none", "xqda", "cdfe"]


class LOMOConfig(MethodConfig):
    """Settings of LOMO; three scales, windows of 10x10 pixels and a step of 5 are fixed.

    Attributes:
        image_height: Height of images; 128 in the authors' code.
        image_width: Width of images; 48 in the authors' code.
        retinex: What is done to colours: the multi-scale Retinex of sigma 5 and 20, or nothing.
        texture_threshold: tau of SILTP, the share by which a neighbour must be darker or lighter.
        learner: What learns the metric; none for Euclidean distances.
        xqda: XQDA.
        cdfe: CDFE.
    """

    image_height: int = Field(default=128, ge=16)
    image_width: int = Field(default=48, ge=16)
    retinex: Retinex = "msr"
    texture_threshold: float = Field(default=0.3, gt=0, lt=1)
    learner: Learner = "none"
    xqda: XQDAConfig = XQDAConfig()
    cdfe: CDFEConfig = CDFEConfig(pca_dimensions=600, dimensions=100)
