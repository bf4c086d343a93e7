"""The settings of methods with a vision transformer, and how one is optimised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import nn

from bench_core.configuration import AfterTraining, FrozenModel, MethodConfig, WeightsKind
from bench_core.data.augmentation import AugmentationConfig
from bench_core.modeling.necks import Embedding
from bench_core.modeling.vision_transformer import VisionTransformer, VisionTransformerConfig
from bench_core.training.recipes import OptimizerConfig, ParameterGroup
from bench_core.training.samplers import SamplingConfig
from bench_core.training.schedules import Moment
from bench_core.training.stages import OptimizerPlan

BODY, HEAD = "body", "head"
TRANSFORMER_OPTIMIZERS = (BODY, HEAD)
"""The optimisers of a transformer: of its patch projection and blocks, and of all else."""


class WarmCosineConfig(FrozenModel):
    """Learning rates of the epochs 1, 2, ... E of a training, of all its stages together.

    The rate rises linearly from `first_rate` at 0, which is no epoch, to its base at W, and follows
    half a cosine from the base at 0 to `last_rate` at E: behind the warm-up it is on its way
    already. First and last rate are the same for every base.

    Attributes:
        warmup_epochs: W; the first epoch on the cosine.
        first_rate: Where the warm-up begins.
        last_rate: The rate of the last epoch.
    """

    warmup_epochs: int = Field(default=3, ge=0)
    first_rate: float = Field(default=3e-6, ge=0)
    last_rate: float = Field(default=3e-6, ge=0)

    def learning_rate(self, epoch: int, epochs: int, base: float) -> float:
        """Return the learning rate of an epoch.

        Args:
            epoch: Number of the epoch, from 1.
            epochs: E.
            base: The rate that the warm-up leads to.

        Examples:
            >>> curve = WarmCosineConfig(warmup_epochs=2, first_rate=0.0, last_rate=0.1)
            >>> [round(curve.learning_rate(epoch, 4, 1.0), 3) for epoch in (1, 2, 3, 4)]
            [0.5, 0.55, 0.232, 0.1]
        """
        if epoch < self.warmup_epochs:
            return self.first_rate + (base - self.first_rate) * epoch / self.warmup_epochs
        left = (1 + math.cos(math.pi * min(epoch / epochs, 1.0))) / 2
        return self.last_rate + (base - self.last_rate) * left


@dataclass(frozen=True, kw_only=True)
class StageOfCurve:
    """The part of a `WarmCosineConfig` that a stage has, as its `Schedule`.

    Attributes:
        curve: The whole of it.
        base: The rate that the warm-up leads to.
        epochs: Epochs of the whole training.
        before: Epochs of the stages before this one.
    """

    curve: WarmCosineConfig
    base: float
    epochs: int
    before: int = 0

    def rate(self, moment: Moment) -> float:
        """Return the share of the base learning rate at a step: that of its epoch."""
        epoch = self.before + moment.epoch + 1
        return self.curve.learning_rate(epoch, self.epochs, self.base) / self.base


class TransformerReIDConfig(MethodConfig):
    """The settings of a method with a vision transformer.

    Attributes:
        transformer: The network that embeds images.
        embedding: What distances are taken between: the feature of the transformer ("pooled"), or
            that behind the neck; as it is, or at unit length. No other training.
        epochs: Number of epochs, of all stages together.
        sampling: Their batches: P identities x K images.
        optimizer: AdamW; its rate is that of all but patch projection and blocks.
        body_rate_scale: Rate of patch projection and blocks over that of the rest.
        schedule: Of the learning rates.
        augmentation: Of all training images.
    """

    weights: WeightsKind = "imagenet"
    transformer: VisionTransformerConfig = VisionTransformerConfig()
    embedding: Annotated[Embedding, AfterTraining()] = "neck-normalized"
    epochs: int = Field(default=24, ge=1)
    sampling: SamplingConfig = SamplingConfig(identities=8, images=4)
    optimizer: OptimizerConfig = OptimizerConfig(
        kind="adamw", learning_rate=3e-4, weight_decay=1e-4
    )
    body_rate_scale: float = Field(default=0.5, gt=0)
    schedule: WarmCosineConfig = WarmCosineConfig()
    augmentation: AugmentationConfig = AugmentationConfig(flip=0.5, padding=10)

    @model_validator(mode="after")
    def _images_hold_patches(self) -> Self:
        if not all(self.transformer.grid(self.image_size)):
            height, width = self.image_size
            raise ValueError(
                f"images of {height}x{width} hold no patch of {self.transformer.patch_size} "
                "pixels; set image_height and image_width to at least transformer.patch_size"
            )
        return self

    def build_transformer(self) -> VisionTransformer:
        """Build the transformer with random weights."""
        return VisionTransformer(self.image_size, self.transformer)

    def plans(
        self, transformer: VisionTransformer, *others: nn.Module, before: int = 0
    ) -> dict[str, OptimizerPlan]:
        """Plan the optimisers of a stage, by the names of `TRANSFORMER_OPTIMIZERS`.

        Each has its own, for first and last rates are the same whatever the base is.

        Args:
            transformer: The transformer.
            others: What else learns, at the full rate.
            before: Epochs of earlier stages, whose optimisers go on.
        """
        body = nn.ModuleList([transformer.patch_embed, transformer.blocks])
        tables = [transformer.cls_token, transformer.pos_embed]
        rest = nn.ModuleList([transformer.norm, *others])
        return {
            BODY: self._plan(list(body.parameters()), self.body_rate_scale, before),
            HEAD: self._plan([*tables, *rest.parameters()], 1.0, before),
        }

    def _plan(self, parameters: Sequence[nn.Parameter], scale: float, before: int) -> OptimizerPlan:
        base = self.optimizer.learning_rate * scale
        group = ParameterGroup(parameters=parameters, learning_rate_scale=scale)
        curve = StageOfCurve(curve=self.schedule, base=base, epochs=self.epochs, before=before)
        return OptimizerPlan(
            config=self.optimizer, groups=[group], schedule=curve, continued=before > 0
        )
