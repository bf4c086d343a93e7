"""D2RL: networks, stages, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    CONSTANT_RATE,
    Batch,
    BNNeck,
    Losses,
    OptimizerPlan,
    ScheduleConfig,
    Stage,
    StagedMethod,
    Updates,
    batch_hard_triplet,
    embed,
    from_signed,
    identity_loss,
)
from bench_d2rl.config import D2RLConfig
from bench_d2rl.networks import (
    RED_GREEN_BLUE,
    MultispectralBackbone,
    MultispectralNormalization,
)
from bench_d2rl.translation import Translation, resized

TRANSLATOR, DISCRIMINATORS, FEATURES = "translator", "discriminators", "features"


class D2RL(StagedMethod[D2RLConfig]):
    """Dual-level discrepancy reduction: translate an image, then embed it with its translation.

    The image level T_I gives an image of either modality its counterpart in the other; both
    together are one multispectral image of four channels, which the feature level T_F embeds.
    """

    metric = "euclidean"

    def __init__(self, config: D2RLConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = MultispectralNormalization()
        self._backbone = MultispectralBackbone(config.build_backbone())
        num_features = self._backbone.num_features
        self._head: nn.Module = (
            BNNeck(num_features, num_identities)
            if config.neck == "batch-norm"
            else nn.Linear(num_features, num_identities)
        )
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "backbone": self._backbone,
                "head": self._head,
            }
        )
        if config.translates:
            self._translation = Translation(config)
            self.networks.update(dict(self._translation.translator))
            self.networks.update(dict(self._translation.discriminators))

    def stages(self) -> Sequence[Stage]:
        """Return the stage of T_I, that of T_F, and where there is one that of both."""
        return list(self._stages())

    def translation_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train T_I alone, then its discriminators. Who is who does not matter."""
        images = self._translation.translate(batch.visible, batch.infrared)
        losses = self._translation.translator_losses(images)
        weights = self.config.loss_weights
        logged = updates.minimize(losses, TRANSLATOR, weights=weights)
        judged = self._translation.discriminator_losses(images)
        return {**logged, **updates.minimize(judged, DISCRIMINATORS)}

    def feature_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train T_F alone; translations are constants."""
        with torch.no_grad():
            visible = self._multispectral(batch.visible, VISIBLE, noisy=True)
            infrared = self._multispectral(batch.infrared, INFRARED, noisy=True)
        losses = self._feature_losses(torch.cat([visible, infrared]), batch.labels)
        return updates.minimize(losses, FEATURES, weights=self.config.loss_weights)

    def joint_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train both levels on one graph, T_I on the losses of T_F too; then the discriminators."""
        images = self._translation.translate(batch.visible, batch.infrared)
        fake_infrared, fake_visible = (from_signed(images.fake[m]) for m in (VISIBLE, INFRARED))
        stacked = torch.cat(
            [
                self._stack(batch.visible, fake_infrared),
                self._stack(fake_visible, batch.infrared.mean(1, keepdim=True)),
            ]
        )
        logged = updates.minimize_together(
            (self._translation.translator_losses(images), [TRANSLATOR]),
            (self._feature_losses(stacked, batch.labels), [TRANSLATOR, FEATURES]),
            weights=self.config.loss_weights,
        )
        judged = self._translation.discriminator_losses(images)
        return {**logged, **updates.minimize(judged, DISCRIMINATORS)}

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Translate a batch and embed it with its translations: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        features = self._embed(self._multispectral(images, modality))
        neck = self._head.normalization if isinstance(self._head, BNNeck) else nn.Identity()
        return embed(features, self.config.embedding, neck)[:, None]

    @torch.no_grad()
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        """Translate images into the other modality.

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared.

        Returns:
            Real and fake images of the same shape and range, by name, in the order of a grid's
            columns; nothing where the variant translates none.
        """
        if not self.config.translates:
            return {}
        fake_infrared = self._multispectral(visible, VISIBLE)[:, RED_GREEN_BLUE:]
        return {
            "visible": visible,
            "fake infrared": fake_infrared.expand_as(visible),
            "infrared": infrared,
            "fake visible": self._multispectral(infrared, INFRARED)[:, :RED_GREEN_BLUE],
        }

    def _multispectral(
        self, images: torch.Tensor, modality: Modality, *, noisy: bool = False
    ) -> torch.Tensor:
        """Return images (B, 3, H, W) with their counterparts: (B, 4, H, W) in [0, 1]."""
        if self.config.translates:
            counterpart = self._translation.counterpart(images, modality, noisy=noisy)
        else:
            counterpart = images.mean(1, keepdim=True)
        if modality == VISIBLE:
            return self._stack(images, counterpart)
        return self._stack(
            counterpart.expand(-1, RED_GREEN_BLUE, -1, -1), images.mean(1, keepdim=True)
        )

    def _stack(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Return (B, 4, H, W) of (B, 3, ...) and (B, 1, ...); the translated one is resized."""
        size = self.config.image_size
        return torch.cat([resized(visible, size), resized(infrared, size)], 1)

    def _embed(self, images: torch.Tensor) -> torch.Tensor:
        """Return features (B, D) of multispectral images (B, 4, H, W) in [0, 1]."""
        features: torch.Tensor = self._backbone(self._normalization(images))
        return features

    def _feature_losses(self, images: torch.Tensor, labels: torch.Tensor) -> Losses:
        """Return the losses of T_F.

        Args:
            images: Multispectral (2M, 4, H, W), of visible images first.
            labels: int64 (M,), of either.
        """
        features, labels = self._embed(images), labels.repeat(2)
        classified = self._head(features)
        logits = classified[1] if isinstance(self._head, BNNeck) else classified
        return {
            "identity": identity_loss(logits, labels),
            "triplet": batch_hard_triplet(features, labels, self.config.margin),
        }

    def _stages(self) -> Iterator[Stage]:
        config = self.config
        translator = list(self._translation.translator.values()) if config.translates else []
        if translator:
            yield config.stage(
                "translation",
                self.translation_step,
                self._translation_plans(),
                epochs=config.translation_epochs,
                sampling=config.translation_sampling,
            )
        yield config.stage(
            "features",
            self.feature_step,
            self._feature_plan(),
            epochs=config.feature_epochs,
            frozen=translator,
        )
        last = self._feature_plan(config.schedule, continued=True)
        if config.joint:
            plans = {**self._translation_plans(continued=True), **last}
            yield config.stage("joint", self.joint_step, plans)
        else:
            yield config.stage("refinement", self.feature_step, last, frozen=translator)

    def _translation_plans(self, *, continued: bool = False) -> dict[str, OptimizerPlan]:
        networks = {
            TRANSLATOR: self._translation.translator,
            DISCRIMINATORS: self._translation.discriminators,
        }
        return {
            name: OptimizerPlan.of(self.config.translator_optimizer, network, continued=continued)
            for name, network in networks.items()
        }

    def _feature_plan(
        self, schedule: ScheduleConfig = CONSTANT_RATE, *, continued: bool = False
    ) -> dict[str, OptimizerPlan]:
        plan = OptimizerPlan.of(
            self.config.optimizer,
            self._backbone,
            self._head,
            schedule=schedule,
            continued=continued,
        )
        return {FEATURES: plan}
