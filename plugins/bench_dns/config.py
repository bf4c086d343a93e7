"""The configuration of DNS; the defaults are those of SYSU-MM01."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bench_core.methods import (
    AfterTraining,
    AugmentationConfig,
    CurveConfig,
    Embedding,
    Moment,
    OptimizerConfig,
    SamplingConfig,
    TwoStreamRecipe,
)

ERASED = (0.4914, 0.4822, 0.4465)
"""What erased rectangles are filled with."""
RateScale = Annotated[float, Field(gt=0)]


class LinearConfig(CurveConfig):
    """A learning rate that changes from step to step along straight lines.

    Attributes:
        rate_of: Whether a step has the rate of its own place in the epoch, or that of the step
            before and the first one that of the epoch's last, as the authors' code has it.
    """

    rate_of: Literal["the-step", "the-step-before"] = "the-step"

    def rate(self, moment: Moment) -> float:
        """Return the share of the base learning rate at a step.

        Examples:
            >>> late = LinearConfig(shape="polynomial", rate_of="the-step-before")
            >>> [late.rate(Moment(epoch=1, step=s, steps=4, epochs=4)) for s in range(4)]
            [0.5625, 0.75, 0.6875, 0.625]
        """
        if self.rate_of == "the-step-before":
            moment = replace(moment, step=(moment.step - 1) % moment.steps)
        return super().rate(moment)


class DNSConfig(TwoStreamRecipe):
    """Settings of DNS.

    Attributes:
        spatial_shift: Whether maps pass the heterogeneous space shift (HSS) behind stages 3 and 4.
        channel_shift: Whether losses see features behind the common space shift (CSS) as well.
        alignment: Whether distributions of features are aligned (DA).
        distillation: Whether the modalities' classifiers teach each other (DD).
        circle_weight: Of the circle loss, over the images of a batch.
        circle_margin: m of the circle loss.
        circle_scale: gamma of the circle loss.
        alignment_weight: Of the domain alignment.
        modality_weight: Of the identity losses of the modalities' own classifiers.
        averaging_rate: Share by which averaged classifiers move in a step.
        gem_power: p of the generalised mean.
        embedding: The feature behind the neck, at unit length.
        flip_use: Whether the mirror image's feature is added. No other training.
        sampling: P identities x K images.
        optimizer: Nesterov's SGD; its rate is the highest that neck and classifiers reach.
        body_rate_scale: Rate over that of neck and classifiers, of stems, HSS and CSS.
        layer3_rate_scale: Likewise, of the third stage.
        layer4_rate_scale: Likewise, of the fourth stage.
        schedule: Up from 1e-4 for 16 epochs, then down to nothing, from step to step.
        augmentation: Crop and flip, then torchvision's random erasing.
        infrared_hue: By how much of the circle the hue of infrared images is turned, either way,
            before they are erased; of images whose channels are equal that changes nothing.
        late_erasing: Probability of another erasing, behind the normalisation.
        channel_exchange: Probability that a visible image then becomes one of its channels, or its
            grey value, in all three.
        exchange_to_gray: Whether the grey value is one of these, all equally likely.
    """

    spatial_shift: bool = True
    channel_shift: bool = True
    alignment: bool = True
    distillation: bool = True
    circle_weight: float = Field(default=1.0, ge=0)
    circle_margin: float = Field(default=0.45, ge=0, le=1)
    circle_scale: float = Field(default=64.0, gt=0)
    alignment_weight: float = Field(default=0.2, ge=0)
    modality_weight: float = Field(default=0.25, ge=0)
    averaging_rate: float = Field(default=0.2, ge=0, le=1)
    gem_power: float = Field(default=3.0, gt=0)
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    flip_use: Annotated[Literal["none", "sum"], AfterTraining()] = "sum"
    epochs: int = Field(default=100, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=6, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(
        kind="sgd", learning_rate=0.2, weight_decay=5e-4, momentum=0.9, nesterov=True
    )
    body_rate_scale: RateScale = 0.1
    layer3_rate_scale: RateScale = 0.2
    layer4_rate_scale: RateScale = 0.25
    schedule: LinearConfig = LinearConfig(  # type: ignore[assignment]  # it has no milestones
        shape="polynomial", warmup_epochs=16, warmup_factor=1e-4
    )
    augmentation: AugmentationConfig = AugmentationConfig(
        flip=0.5, padding=10, erasing=0.5, erasing_values=ERASED
    )
    infrared_hue: float = Field(default=0.5, ge=0, le=0.5)
    late_erasing: float = Field(default=0.5, ge=0, le=1)
    channel_exchange: float = Field(default=2 / 3, ge=0, le=1)
    exchange_to_gray: bool = True

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Weight of each loss by its name in the log."""
        batch = 2 * self.sampling.identities * self.sampling.images
        return {
            "identity": 1.0,
            "circle": self.circle_weight / batch,
            "alignment": self.alignment_weight,
            "distillation": 1.0,
            "modality": self.modality_weight,
        }

    @model_validator(mode="after")
    def _channel_shift_can_learn(self) -> Self:
        if self.channel_shift and not (self.alignment or self.distillation):
            raise ValueError(
                "channel_shift learns by alignment and distillation alone; set one of them, or "
                "channel_shift=false"
            )
        return self
