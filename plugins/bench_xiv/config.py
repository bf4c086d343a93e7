"""The configuration of XIV; the defaults are the paper's values."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    OptimizerConfig,
    ReIDConfig,
    SamplingConfig,
    ScheduleConfig,
)

XSource: TypeAlias = Literal["learned", "mean", "gray", "v", "y", "none"]
ScoredBy: TypeAlias = Literal["both", "visible", "x"]

DENSENET_SIZE = 224
"""Height and width of images for DenseNet-121 ("Implementation details")."""


class XIVConfig(ReIDConfig):
    """Settings of XIV ("Experimental Settings" of the paper; open points are marked).

    Attributes:
        backbone: The feature learner f.
        image_height: Height of images; if it is not given, 224 with DenseNet-121, else 256.
        image_width: Width of images; if it is not given, 224 with DenseNet-121, else 128.
        x_source: Where X comes from: the learned generator (Eq. 1), a fixed channel (Table 5), or
            no X at all.
        cross_modality_gap: Whether the loss has the CMG term (Eqs. 3-6).
        cross_modality_weight: lambda of Eq. 11.
        cross_modality_margin: alpha_1 of Eqs. 5 and 6.
        intra_modality_margin: alpha_2 of Eq. 10.
        label_smoothing: Smoothing of the identity loss (Eq. 9 has none).
        scored_by: What an infrared and a visible image are ranked by: D(I, V) + D(I, X) as in
            Eq. 2, or either distance alone. Without X, D(I, V) is all there is. No other training.
        generator_weight_decay: Weight decay of the generator's ten numbers.
        sampling: P identities x K images; the paper gives their product, 48.
        optimizer: Adam, learning rate 0.00035, weight decay 0.0005.
        schedule: The rate falls when epochs 40 and 70 start; the warm-up is the strong baseline's.
        augmentation: The strong baseline's flip and crop (open in the paper).
    """

    x_source: XSource = "learned"
    cross_modality_gap: bool = True
    cross_modality_weight: float = Field(default=0.1, ge=0)
    cross_modality_margin: float = Field(default=0.5, ge=0)
    intra_modality_margin: float = Field(default=0.3, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    scored_by: Annotated[ScoredBy, AfterTraining()] = "both"
    generator_weight_decay: float = Field(default=5e-4, ge=0)
    sampling: SamplingConfig = SamplingConfig(identities=12, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(warmup_epochs=10, milestones=(40, 70), told="start")

    @model_validator(mode="after")
    def _size_is_the_papers_for_its_backbone(self) -> Self:
        if self.backbone == "densenet121":
            for name in {"image_height", "image_width"} - self.model_fields_set:
                object.__setattr__(self, name, DENSENET_SIZE)  # frozen, but not yet in use
        return self

    @model_validator(mode="after")
    def _x_is_there_to_score_by(self) -> Self:
        if self.x_source == "none" and self.scored_by == "x":
            raise ValueError("scored_by=x needs an X modality, and x_source=none has none")
        return self
