"""XIV: networks, the one training stage, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import VISIBLE, Modality, TrainingError
from bench_core.methods import (
    Batch,
    BNNeck,
    ImageNormalization,
    Losses,
    OptimizerPlan,
    ParameterGroup,
    Stage,
    StagedMethod,
    Updates,
    embed,
)
from bench_xiv.config import XIVConfig
from bench_xiv.generator import LearnedX, build_x_source
from bench_xiv.losses import cross_modality_gap, modality_respective_gap

LEARNER = "learner"


class XIV(StagedMethod[XIVConfig]):
    """X-Infrared-Visible learning: generator g, shared feature learner f, one joint stage.

    g sees images in [0, 1]; its output is normalised as any other image is. The distance of an
    infrared image I to a visible image V is D(f(I), f(V)) + D(f(I), f(g(V))) (Eq. 2): both images
    are embedded as two views, an infrared one as the same view twice. `scored_by` leaves one of
    the two distances out.
    """

    metric = "euclidean"

    def __init__(self, config: XIVConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._normalization = ImageNormalization()
        self._backbone = config.build_backbone()
        self._neck = BNNeck(self._backbone.num_features, num_identities)
        self._x_source = build_x_source(config.x_source)
        self.networks = nn.ModuleDict(
            {
                "normalization": self._normalization,
                "backbone": self._backbone,
                "neck": self._neck,
            }
        )
        if self._x_source is not None:
            self.networks["x_source"] = self._x_source

    def stages(self) -> Sequence[Stage]:
        """Return the one stage: everything is learned end to end (Eq. 11)."""
        config = self.config
        plan = OptimizerPlan(
            config=config.optimizer, groups=self._groups(), schedule=config.schedule
        )
        return [config.stage("joint", self.step, {LEARNER: plan}, check=self.check_generator)]

    def step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step on L = L_M + lambda L_C (Eq. 11)."""
        weights = {
            "identity": 1.0,
            "triplet": 1.0,
            "cross-modality": self.config.cross_modality_weight,
        }
        return updates.minimize(self.losses(batch), LEARNER, weights=weights)

    def losses(self, batch: Batch) -> Losses:
        """Return the losses: identity, triplet and, with CMG, cross-modality.

        All modalities pass through f together, so that they share batch statistics.
        """
        config, labels = self.config, batch.labels
        images = [batch.infrared, batch.visible]
        if self._x_source is not None:
            images.append(self._x_source(batch.visible))
        features = self._backbone(self._normalization(torch.cat(images)))
        _, logits = self._neck(features)
        by_modality = features.chunk(len(images))
        respective = [
            modality_respective_gap(
                modality_features,
                modality_logits,
                labels,
                margin=config.intra_modality_margin,
                smoothing=config.label_smoothing,
            )
            for modality_features, modality_logits in zip(
                by_modality, logits.chunk(len(images)), strict=True
            )
        ]
        losses = {
            "identity": torch.stack([identity for identity, _ in respective]).sum(),
            "triplet": torch.stack([triplet for _, triplet in respective]).sum(),
        }
        if config.cross_modality_gap:
            infrared, others = by_modality[0], by_modality[1:]
            gaps = [
                cross_modality_gap(infrared, other, labels, config.cross_modality_margin)
                for other in others
            ]
            losses["cross-modality"] = torch.stack(gaps).sum()
        return losses

    def check_generator(self, batch: Batch) -> None:
        """Refuse to go on with a generator whose ReLU is zero everywhere: it gets no gradient.

        Raises:
            TrainingError: The generator is dead.
        """
        if isinstance(self._x_source, LearnedX):
            with torch.no_grad():
                alive = bool(self._x_source.intensity(batch.visible).any())
            if not alive:
                raise TrainingError(
                    "XIV's generator is dead: its ReLU is zero for every pixel of a batch; lower "
                    "the learning rate or --set generator_weight_decay=0"
                )

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch: f(V) and f(g(V)) of visible images, f(I) twice of infrared ones (Eq. 2).

        Where one distance alone is scored by, there is one view: f(V) or f(g(V)), and f(I).

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 2, D); (B, 1, D) where one distance is scored by, or the variant has no X.
        """
        if self._x_source is None or self.config.scored_by == "visible":
            return self._embed(images)[:, None]
        seen_as_x = self._x_source(images) if modality == VISIBLE else images
        if self.config.scored_by == "x":
            return self._embed(seen_as_x)[:, None]
        embedded = self._embed(images)
        second = self._embed(seen_as_x) if modality == VISIBLE else embedded
        return torch.stack([embedded, second], dim=1)

    @torch.no_grad()
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        """Show X images between the two modalities (Fig. 4).

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared.

        Returns:
            Images of the same shape and range by name, X clipped to it; nothing where the variant
            has no X.
        """
        if self._x_source is None:
            return {}
        x_images = self._x_source(visible).clamp(0, 1)
        return {"visible": visible, "X": x_images, "infrared": infrared}

    def _embed(self, images: torch.Tensor) -> torch.Tensor:
        features = self._backbone(self._normalization(images))
        return embed(features, self.config.embedding, self._neck.normalization)

    def _groups(self) -> list[ParameterGroup]:
        groups = [ParameterGroup.of(self._backbone, self._neck)]
        if isinstance(self._x_source, LearnedX):
            decay = self.config.generator_weight_decay
            groups.append(ParameterGroup.of(self._x_source, weight_decay=decay))
        return groups
