"""The configuration of distance based training; all but the scores themselves is a proposal."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bench_core.methods import AfterTraining, Embedding, OptimizerConfig, TwoStreamRecipe

Scores: TypeAlias = Literal["distance", "linear"]


class DistanceBasedConfig(TwoStreamRecipe):
    """Settings of distance based training; sizes, batches and schedule are those of AGW's code.

    Attributes:
        backbone: Split behind its stem.
        embedding: The feature that is scored in training, as it is, or another. No other training.
        scores: What the cross-entropy sees: negative squared distances from prototypes, or what a
            linear classifier says.
        temperature: tau, which the squared distances are divided by.
        cross_modal_triplet: Whether there is a triplet loss between the modalities.
        margin: Of that loss.
        optimizer: Adam, for backbone and prototypes alike.
        body_rate_scale: One rate for all.
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "neck"
    scores: Scores = "distance"
    temperature: float = Field(default=2.0, gt=0)
    cross_modal_triplet: bool = False
    margin: float = Field(default=0.3, ge=0)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    body_rate_scale: float = Field(default=1.0, gt=0)
