"""The configuration of D-HSME; what the paper is not known to say is the harness' choice."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bench_core.methods import AfterTraining, Embedding, ScheduleConfig, TwoStreamRecipe


class DHSMEConfig(TwoStreamRecipe):
    """Settings of D-HSME; recipe, sizes and sampling are AGW's (open).

    Attributes:
        backbone: Split behind its stem.
        embedding: "pooled" is the embedding layer's output, which the second stage decorrelates;
            "neck" is behind the normalisation that follows, where the sphere softmax classifies.
        embedding_size: Outputs of the embedding layer (open). With decorrelation at most as many
            as the backbone has features.
        scale: s of the sphere softmax.
        divergence_weight: Of the divergence between the predictions of the modalities (open).
        triplet_weight: Of the cross-modality triplets (open).
        margin: Theirs, in units of 1 - cosine (open).
        epochs: Epochs of the first stage (open).
        decorrelation: Whether the second stage follows: the D of D-HSME.
        decorrelated_epochs: Its epochs (open).
        decorrelated_schedule: A tenth of the rates, a hundredth from its 11th epoch on (open).
    """

    backbone: Literal["resnet50", "small"] = "resnet50"
    embedding: Annotated[Embedding, AfterTraining()] = "pooled-normalized"
    embedding_size: int = Field(default=1024, ge=1)
    scale: float = Field(default=14.0, gt=0)
    divergence_weight: float = Field(default=1.0, ge=0)
    triplet_weight: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, ge=0)
    decorrelation: bool = True
    decorrelated_epochs: int = Field(default=20, ge=1)
    decorrelated_schedule: ScheduleConfig = ScheduleConfig(milestones=(1, 11), told="start")
