"""DNS: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Batch,
    ColorJitter,
    CopyChannel,
    Erase,
    Flip,
    Grayscale,
    ImageNormalization,
    ImageStep,
    InOrder,
    Losses,
    ModalityClassifiers,
    Normalized,
    OneOf,
    OptimizerPlan,
    PadAndCrop,
    ParameterGroup,
    Sometimes,
    Stage,
    StagedMethod,
    Updates,
    View,
    embed,
    embed_with_flip,
    generalized_mean,
    identity_loss,
    sampler_of,
)
from bench_dns.config import DNSConfig
from bench_dns.losses import alignment_loss, circle_loss
from bench_dns.networks import ChannelShift, ShiftedTwoStream, ShiftNeck

LEARNER = "learner"


class DNS(StagedMethod[DNSConfig]):
    """Domain shifting: features and what shifts make of them, aligned and distilled.

    A two-stream network with HSS behind its last stages embeds both modalities. While it is
    trained, CSS makes a shifted feature of each. Distributions of both features are aligned
    between the modalities (DA), and a classifier of each modality is taught by what a moving
    average of the other one says of both (DD).
    """

    metric = "cosine"

    def __init__(self, config: DNSConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._learner = ShiftedTwoStream(config.build_backbone(), shifted=config.spatial_shift)
        size = self._learner.num_features
        self._neck = ShiftNeck(size, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "learner": self._learner,
                "neck": self._neck,
            }
        )
        self._shift: ChannelShift | None = None
        if config.channel_shift:
            self.networks["channel_shift"] = self._shift = ChannelShift(size)
        self._classifiers: ModalityClassifiers | None = None
        if config.distillation:
            self._classifiers = ModalityClassifiers(size, num_identities)
            self.networks["classifiers"] = self._classifiers

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end."""
        config = self.config
        plan = OptimizerPlan(
            config=config.optimizer, groups=self._groups(), schedule=config.schedule
        )
        return [
            config.stage(
                "joint",
                self.step,
                {LEARNER: plan},
                sampler=sampler_of(config.image_draws),
                views={name: View(name, self.augmented(name)) for name in (VISIBLE, INFRARED)},
            )
        ]

    def _groups(self) -> list[ParameterGroup]:
        """Return the parameters by their rates: of the body, both shared stages, and the head."""
        config, learner = self.config, self._learner
        body: list[nn.Module] = [learner.two_stream.stems, learner.shifts]
        head: list[nn.Module] = [self._neck]
        if self._shift is not None:
            body.append(self._shift)
        if self._classifiers is not None:
            head.append(self._classifiers)
        return [
            ParameterGroup.of(*body, learning_rate_scale=config.body_rate_scale),
            ParameterGroup.of(learner.layer3, learning_rate_scale=config.layer3_rate_scale),
            ParameterGroup.of(learner.layer4, learning_rate_scale=config.layer4_rate_scale),
            ParameterGroup.of(*head),
        ]

    def augmented(self, modality: Modality) -> InOrder:
        """Return how training images of a modality are augmented."""
        config, augmentation = self.config, self.config.augmentation
        early: list[ImageStep] = [PadAndCrop(augmentation.padding), Flip(augmentation.flip)]
        late: list[ImageStep] = [Erase(config.late_erasing, values=augmentation.erasing_values)]
        if modality == VISIBLE:
            gray = [Grayscale()] if config.exchange_to_gray else []
            channels = OneOf(CopyChannel(0), CopyChannel(1), CopyChannel(2), *gray)
            late.append(Sometimes(channels, config.channel_exchange))
        elif config.infrared_hue:
            early.append(ColorJitter(hue=config.infrared_hue))
        return InOrder(
            *early,
            Erase(
                augmentation.erasing,
                area=(0.02, 0.33),
                aspect=(0.3, 3.3),
                aspect_drawn="log-uniform",
                values=augmentation.erasing_values,
                attempts=10,
            ),
            Normalized(*late),
        )

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Move the averages, and take one step on the weighted sum of all losses."""
        if self._classifiers is not None:
            self._classifiers.average(self.config.averaging_rate)
        losses = self.losses(batch)
        return updates.minimize(losses, LEARNER, weights=self.config.loss_weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses: identity and circle, and those of the parts that the variant has."""
        config, labels = self.config, torch.cat([batch.labels, batch.labels])
        images = (self._normalization(each) for each in (batch.visible, batch.infrared))
        maps = self._learner.both(*images)
        pooled = generalized_mean(maps, config.gem_power)
        normalized, logits = self._neck(pooled)
        shifted = None if self._shift is None else self._shift(maps.mean((2, 3)))
        losses = {
            "identity": identity_loss(logits, labels),
            "circle": circle_loss(
                normalized, labels, margin=config.circle_margin, scale=config.circle_scale
            ),
        }
        if config.alignment:
            losses["alignment"] = alignment_loss(pooled, shifted)
        if self._classifiers is not None:
            seen = [normalized] if shifted is None else [normalized, shifted]
            losses |= self._distilled(self._classifiers, seen, batch.labels)
        return losses

    @staticmethod
    def _distilled(
        classifiers: ModalityClassifiers, seen: Sequence[torch.Tensor], labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the losses of the modalities' classifiers on features (2 M, D), each added up."""
        pairs = [
            classifiers.losses(part, modality, labels)
            for features in seen
            for modality, part in zip((VISIBLE, INFRARED), features.chunk(2), strict=True)
        ]
        return {
            "modality": torch.stack([identity for identity, _ in pairs]).sum(),
            # Two means over halves of the batch: the mean over all of it.
            "distillation": torch.stack([divergence for _, divergence in pairs]).sum() / 2,
        }

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch, with its mirror images where they are used.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """

        def embedded(seen: torch.Tensor) -> torch.Tensor:
            maps = self._learner(self._normalization(seen), modality)
            pooled = generalized_mean(maps, self.config.gem_power)
            return embed(pooled, self.config.embedding, self._neck.normalization)

        return embed_with_flip(embedded, images, self.config.flip_use)[:, None]
