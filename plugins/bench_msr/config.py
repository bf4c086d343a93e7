"""The configuration of MSR; what the paper is not known to say is the harness' choice."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    Embedding,
    OptimizerConfig,
    ReIDConfig,
    ScheduleConfig,
    XQDAConfig,
)

Constrained: TypeAlias = Literal["both", "specific", "shared"]
LearnedMetricName: TypeAlias = Literal["none", "xqda"]


class MSRConfig(ReIDConfig):
    """Settings of MSR; all but its parts is open.

    Attributes:
        backbone: Of each modality.
        embedding: Of the specific and the shared embedding, one behind the other: behind their
            necks or, "pooled", before them; "normalized" is the whole at unit length.
        embedding_size: Outputs of each embedding layer (open).
        specific: Whether each modality has a backbone and a head of its own; else one backbone
            with the shared head embeds both, which is the baseline.
        constraint_weight: Of the cross-modality Euclidean constraint (open).
        constrained: The embeddings that it is about (open).
        warm_start_epochs: Epochs of the baseline that the networks start from, if any (open); the
            baseline itself goes on from there.
        warm_start_schedule: Of their rates.
        epochs: Epochs of the training of all (open).
        metric: What is learned of the features afterwards: nothing, or XQDA (open).
        xqda: Its settings.
        optimizer: Adam (open).
        schedule: A tenth of the rate after 40 epochs (open).
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    embedding_size: int = Field(default=512, ge=1)
    specific: bool = True
    constraint_weight: float = Field(default=0.1, ge=0)
    constrained: Constrained = "both"
    warm_start_epochs: int = Field(default=0, ge=0)
    warm_start_schedule: ScheduleConfig = ScheduleConfig()
    epochs: int = Field(default=60, ge=1)
    metric: LearnedMetricName = "none"
    xqda: XQDAConfig = XQDAConfig()
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(milestones=(40,))

    @model_validator(mode="after")
    def _the_baseline_has_one_network(self) -> Self:
        if not self.specific and self.constraint_weight and self.constrained != "shared":
            raise ValueError(
                f"constrained={self.constrained} needs the networks of specific=true; use "
                "constrained=shared or constraint_weight=0"
            )
        return self

    @model_validator(mode="after")
    def _the_metric_has_its_features(self) -> Self:
        if self.metric != "none" and self.embedding != "neck-normalized":
            raise ValueError(
                f"metric={self.metric} is learned of embedding=neck-normalized, and fits no other; "
                "leave embedding as it is or set metric=none"
            )
        return self
