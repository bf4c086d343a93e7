"""Like CAJ: AGW's network, a third view with exchanged channels, a squared triplet, clipping."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from bench_core.methods import (
    AugmentationConfig,
    Batch,
    ClippingConfig,
    Losses,
    OptimizerPlan,
    Rows,
    SampledImages,
    Stage,
    Updates,
    View,
    augment,
    identity_loss,
)
from strangers import agw


class Config(agw.Config):
    """Its configuration.

    Attributes:
        clipping: Of all gradients; squares of distances without bound grow fast.
    """

    epochs: int = 100
    clipping: ClippingConfig = ClippingConfig(norm=10.0)
    augmentation: AugmentationConfig = AugmentationConfig(erasing=0.5)


def exchange(images: torch.Tensor, generator: torch.Generator, *, also_gray: bool) -> torch.Tensor:
    """Copy one channel of each image to all three; where asked, some become gray or stay."""
    chosen = torch.randint(0, 3 + also_gray, (len(images),), generator=generator).tolist()
    grays = torch.rand(len(images), generator=generator) < 0.5
    weights = images.new_tensor([0.2989, 0.5870, 0.1140]).view(3, 1, 1)
    for image, channel, gray in zip(images, chosen, grays.tolist(), strict=True):
        if channel < 3:
            image.copy_(image[channel].clone().expand_as(image))
        elif gray:
            image.copy_((image * weights).sum(0).expand_as(image))
    return images


class WithReplacement:
    """P identities, each once in a batch; their images may come twice."""

    def __init__(self, images: SampledImages) -> None:
        self.images, self.steps_per_epoch = images, images.steps_per_epoch

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[Rows, Rows]]:
        labels, sampling = self.images.labels, self.images.sampling
        for _ in range(self.steps_per_epoch):
            people = generator.choice(
                np.unique(labels["visible"]), sampling.identities, replace=False
            )
            visible, infrared = (
                np.concatenate(
                    [
                        generator.choice(
                            np.flatnonzero(labels[modality] == person), sampling.images
                        )
                        for person in people
                    ]
                )
                for modality in ("visible", "infrared")
            )
            yield visible, infrared


class Method(agw.Method):
    def stages(self) -> list[Stage]:
        (stage,) = super().stages()
        (plan,) = stage.optimizers.values()
        plan = OptimizerPlan(
            config=plan.config,
            groups=plan.groups,
            schedule=plan.schedule,
            clipping=self.config.clipping,
        )
        views = {
            "exchanged": View("visible", self.exchanged),
            "infrared": View("infrared", self.mixed),
        }
        return [
            self.config.stage(
                "joint", self.step, {"all": plan}, sampler=WithReplacement, views=views
            )
        ]

    def exchanged(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images = augment(images, self.config.augmentation, generator)
        return exchange(images, generator, also_gray=False)

    def mixed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images = augment(images, self.config.augmentation, generator)
        return exchange(images, generator, also_gray=True)

    def step(self, batch: Batch, updates: Updates) -> Losses:
        visible = torch.cat([batch.visible, batch.views["exchanged"]])
        features = self.features(visible=visible, infrared=batch.infrared)
        labels = batch.labels.repeat(3)
        gaps = agw.gaps(features, labels)
        triplet = torch.log1p((gaps.sign() * gaps.square().clamp(max=88)).exp()).mean()
        identity = identity_loss(self.neck(features)[1], labels)
        return updates.minimize({"identity": identity, "triplet": triplet}, "all")
