"""The configuration of AGW; the defaults are the survey's method."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bench_core.methods import (
    AfterTraining,
    Embedding,
    FlipUse,
    InnerChannels,
    TwoStreamRecipe,
)

Pooling: TypeAlias = Literal["generalized-mean", "average"]
Triplet: TypeAlias = Literal["weighted-regularized", "batch-hard"]


class AGWConfig(TwoStreamRecipe):
    """Settings of AGW; recipe, sizes and sampling are the public code's.

    Attributes:
        backbone: Split behind its stem.
        embedding: The feature behind the neck at unit length is the one that is reported.
        flip: What becomes of an image's mirror image at test time: nothing, as in the code.
        attention: Whether there are non-local blocks: the A of AGW.
        attention_width: Channels of the blocks inside: half of the maps', or one, which the public
            code comes to.
        pooling: By the generalised mean, the G of AGW, or the average.
        gem_power: p of the generalised mean, fixed.
        triplet: The weighted regularised triplet loss, the W of AGW, or the batch-hard one.
        weight_floor: Of the weighted loss: added to the sums that its weights are divided by. With
            1e-6, as in the public code, negatives farther than about 18 have no weight.
        margin: Of the batch-hard triplet loss; the other has none.
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    flip: Annotated[FlipUse, AfterTraining()] = "none"
    attention: bool = True
    attention_width: InnerChannels = "half"
    pooling: Pooling = "generalized-mean"
    gem_power: float = Field(default=3.0, ge=1)
    triplet: Triplet = "weighted-regularized"
    weight_floor: float = Field(default=0.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
