"""MPANet: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Batch,
    Epoch,
    Erase,
    Flip,
    ImageNormalization,
    InOrder,
    Losses,
    ModalityClassifiers,
    OptimizerPlan,
    PadAndCrop,
    Stage,
    StagedMethod,
    Updates,
    View,
    embed,
    identity_loss,
)
from bench_mpanet.config import MPANetConfig
from bench_mpanet.losses import center_cluster_loss, separation_loss
from bench_mpanet.networks import PatternNeck, PatternNetwork
from bench_mpanet.sampler import ChunkSampler

LEARNER = "learner"
GREY_PADDING = 127 / 255
RATE = "averaging-rate"


class MPANet(StagedMethod[MPANetConfig]):
    """Modality alleviation, pattern alignment and mutual learning, in one stage.

    One network embeds both modalities: gates (MAM) behind its last two stages, six masks (PAM)
    whose means and that of the whole map are the feature. Behind the neck a shared classifier
    learns from all images, one for each modality from its own, and each of these from what a
    moving average of the other one says of the same features.
    """

    metric = "euclidean"

    def __init__(self, config: MPANetConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._learner = PatternNetwork(
            config.build_backbone(), config.patterns, alleviated=config.modality_alleviation
        )
        self._neck = PatternNeck(self._learner.num_features, num_identities)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "learner": self._learner,
                "neck": self._neck,
            }
        )
        self._classifiers: ModalityClassifiers | None = None
        if config.mutual_learning:
            self._classifiers = ModalityClassifiers(self._learner.num_features, num_identities)
            self.networks["classifiers"] = self._classifiers
        self._memory = {RATE: torch.tensor(config.averaging_rate_of(0))}

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end."""
        config = self.config
        plan = OptimizerPlan.of(config.optimizer, *self.networks.values(), schedule=config.schedule)
        mutual = config.mutual_learning
        return [
            config.stage(
                "joint",
                self.step,
                {LEARNER: plan},
                sampler=ChunkSampler,
                views={name: View(name, self.augmented()) for name in (VISIBLE, INFRARED)},
                begin=self.begin if mutual else None,
                memory=self._memory if mutual else {},
            )
        ]

    def augmented(self) -> InOrder:
        """Return how training images are augmented, alike in both modalities."""
        augmentation = self.config.augmentation
        return InOrder(
            Flip(augmentation.flip),
            PadAndCrop(augmentation.padding, GREY_PADDING),
            Erase(
                augmentation.erasing,
                area=(0.02, 0.33),
                aspect=(0.3, 3.3),
                aspect_drawn="log-uniform",
                values=augmentation.erasing_values,
                attempts=10,
            ),
        )

    def begin(self, epoch: Epoch) -> None:
        """Set the rate of the averages, which falls with the epochs."""
        rate = self.config.averaging_rate_of(epoch.number)
        self._memory[RATE] = torch.tensor(rate, device=epoch.device)

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Move the averages, and take one step on the weighted sum of all losses."""
        if self._classifiers is not None:
            self._classifiers.average(self._memory[RATE])
        losses = self.losses(batch)
        return updates.minimize(losses, LEARNER, weights=self.config.loss_weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses: identity and centre, and those of the parts that the variant has.

        All images pass through the network together, so that they share batch statistics.
        """
        labels = torch.cat([batch.labels, batch.labels])
        images = self._normalization(torch.cat([batch.visible, batch.infrared]))
        features, masks = self._learner(images)
        normalized, logits = self._neck(features)
        losses = {
            "identity": identity_loss(logits, labels),
            "center": center_cluster_loss(features, labels, self.config.center_margin),
        }
        if masks.shape[1] > 1:
            losses["separation"] = separation_loss(masks)
        if self._classifiers is not None:
            losses |= self._mutual_losses(self._classifiers, normalized, batch.labels)
        return losses

    @staticmethod
    def _mutual_losses(
        classifiers: ModalityClassifiers, normalized: torch.Tensor, labels: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the losses of each modality's classifier: of identity, and what teaches it."""
        visible, infrared = normalized.chunk(2)
        of_visible = classifiers.losses(visible, VISIBLE, labels)
        of_infrared = classifiers.losses(infrared, INFRARED, labels)
        return {
            "modality": of_visible[0] + of_infrared[0],
            # Two means over halves of the batch: the mean over all of it.
            "mutual": (of_visible[1] + of_infrared[1]) / 2,
        }

    def extract(
        self,
        images: torch.Tensor,
        modality: Modality,  # noqa: ARG002 - one network embeds both
    ) -> torch.Tensor:
        """Embed a batch.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, (P + 1) D).
        """
        features, _ = self._learner(self._normalization(images))
        return embed(features, self.config.embedding, self._neck.normalization)[:, None]
