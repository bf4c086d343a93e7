"""The configuration of XIV; the defaults are the paper's values."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from bench_core import (
    AugmentationConfig,
    BackboneName,
    MethodConfig,
    OptimizerConfig,
    SamplingConfig,
    ScheduleConfig,
    WeightsKind,
)

XSource: TypeAlias = Literal["learned", "mean", "gray", "v", "y", "none"]
Embedding: TypeAlias = Literal["pooled", "neck-normalized"]


class XIVConfig(MethodConfig):
    """Settings of XIV ("Experimental Settings" of the paper; open points are marked).

    Attributes:
        backbone: The feature learner f.
        last_stride: Stride of ResNet-50's last stage; 1 as in the cited strong baseline.
        stem_relu: Whether ResNet-50's stem has its ReLU (open in the paper).
        x_source: Where X comes from: the learned generator (Eq. 1), a fixed channel (Table 5), or
            no X at all.
        cross_modality_gap: Whether the loss has the CMG term (Eqs. 3-6).
        cross_modality_weight: lambda of Eq. 11.
        cross_modality_margin: alpha_1 of Eqs. 5 and 6.
        intra_modality_margin: alpha_2 of Eq. 10.
        label_smoothing: Smoothing of the identity loss (Eq. 9 has none).
        embedding: What distances are taken between (open in the paper): the pooled feature, or
            the feature behind the neck at unit length.
        generator_weight_decay: Weight decay of the generator's ten numbers.
        epochs: Number of epochs.
        sampling: P identities x K images; the paper gives their product, 48.
        optimizer: Adam, learning rate 0.00035, weight decay 0.0005.
        schedule: The rate falls when epochs 40 and 70 start; the warm-up is the strong baseline's.
        augmentation: The strong baseline's flip and crop (open in the paper).
    """

    weights: WeightsKind = "imagenet"
    backbone: BackboneName = "resnet50"
    last_stride: Literal[1, 2] = 1
    stem_relu: bool = True
    x_source: XSource = "learned"
    cross_modality_gap: bool = True
    cross_modality_weight: float = Field(default=0.1, ge=0)
    cross_modality_margin: float = Field(default=0.5, ge=0)
    intra_modality_margin: float = Field(default=0.3, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    embedding: Embedding = "pooled"
    generator_weight_decay: float = Field(default=5e-4, ge=0)
    epochs: int = Field(default=120, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=12, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3.5e-4, weight_decay=5e-4)
    schedule: ScheduleConfig = ScheduleConfig(warmup_epochs=10, milestones=(40, 70), told="start")
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10)
