"""The alternating steps of F, P and D (Sec. 3.4), each with the other two fixed."""

from __future__ import annotations

import torch

from bench_aligngan.batches import SignedBatch, pixels_first, signed
from bench_aligngan.config import AlignGANConfig
from bench_aligngan.discriminators import (
    InfraredJudges,
    Judge,
    Pairs,
    SeparateJudges,
    build_infrared_judge,
    build_visible_judge,
)
from bench_aligngan.features import FeatureModule
from bench_aligngan.pixels import PixelModule
from bench_core.methods import Batch, Losses, Updates

FEATURES, PIXELS, DISCRIMINATORS = "features", "pixels", "discriminators"
"""The optimisers of F, P and D."""


class FeatureSteps:
    """Steps of F, and of D where there is no P.

    Attributes:
        features: F.
        judges: D of infrared.

    Args:
        config: The weights of the losses.
        features: F.
        judges: D of infrared.
    """

    def __init__(
        self, config: AlignGANConfig, features: FeatureModule, judges: InfraredJudges
    ) -> None:
        self.features = features
        self.judges = judges
        self._weights = config.loss_weights

    def warm_up(self, batch: Batch, updates: Updates) -> Losses:
        """Train F on real infrared images by classification and triplet losses."""
        infrared = signed(batch).infrared
        losses = self.features.real_identity_losses(infrared, batch.labels)
        return updates.minimize(losses, FEATURES)

    def real_images(self, batch: Batch, updates: Updates) -> Losses:
        """Train F, and D_f where there is one, with real RGB images for fake infrared ones."""
        images = signed(batch)
        losses, pairs = self.align(images, images.visible, updates)
        if not self.judges.networks:
            return losses
        judged = {"discriminator": self.judges.discrimination(pairs)}
        return {**losses, **updates.minimize(judged, DISCRIMINATORS, weights=self._weights)}

    def align(
        self, batch: SignedBatch, fake: torch.Tensor, updates: Updates
    ) -> tuple[Losses, Pairs]:
        """Take F's step on Eq. 6.

        Args:
            batch: X_ir and the labels.
            fake: X'_ir (B, 3, H, W) in [-1, 1], a constant here.
            updates: Of the stage.

        Returns:
            The losses, and images with maps, these without their gradient.
        """
        embedded = self.features.embed_both(batch.infrared, fake.detach())
        maps, fake_maps = embedded.maps.chunk(2)
        pairs = Pairs(batch.infrared, maps, fake, fake_maps)
        losses = {**self.features.identity_losses(embedded, batch.labels)}
        if self._weights["feature-gan"]:
            losses["feature-gan"] = self.judges.fooling_features(pairs)
        logged = updates.minimize(losses, FEATURES, weights=self._weights)
        return logged, pairs._replace(maps=maps.detach(), fake_maps=fake_maps.detach())


class PixelSteps:
    """Steps with pixel alignment: those of P and D, and with F's the joint ones.

    Attributes:
        discriminators: The discriminator of RGB images, by name.
        warm_up_discriminators: Those of the warm-up by name, where there is one.

    Args:
        config: The weights of the losses, and the part of a batch that P and D learn from.
        pixels: P.
        feature_steps: The steps of F against D of infrared.
    """

    def __init__(
        self, config: AlignGANConfig, pixels: PixelModule, feature_steps: FeatureSteps
    ) -> None:
        self._config = config
        self._pixels = pixels
        self._feature_steps = feature_steps
        self._visible_judge = build_visible_judge(config)
        self._warm_up_judges = SeparateJudges(images=build_infrared_judge(config))
        self._warm_up_visible_judge = build_visible_judge(config)
        self.discriminators = {"discriminator_visible": self._visible_judge.network}
        self.warm_up_discriminators = {
            "warmup_discriminator_visible": self._warm_up_visible_judge.network,
            **{f"warmup_{name}": net for name, net in self._warm_up_judges.networks.items()},
        }

    def warm_up(self, batch: Batch, updates: Updates) -> Losses:
        """Train P and discriminators of images, as CycleGAN, with the warmed-up F beside them."""
        images = signed(batch)
        pairs = Pairs.without_maps(images.infrared, self._pixels.fake_infrared(images.visible))
        visible_judge = self._warm_up_visible_judge
        return self._alternate(images, pairs, self._warm_up_judges, visible_judge, updates)

    def joint(self, batch: Batch, updates: Updates) -> Losses:
        """Take a step of F, one of P and one of D.

        X_rgb is translated once, as F's step leaves G_p as it is. The pairs that P is to pass off
        and that D is to tell apart are of the maps that F's step computed.
        """
        part = self._config.pixel_sampling
        images = pixels_first(signed(batch), self._config.sampling.images, part)
        num_learned = part.identities * part.images
        fake = self._pixels.fake_infrared_of_all(images.visible, num_learned)
        losses, pairs = self._feature_steps.align(images, fake, updates)
        alternated = self._alternate(
            images.first(num_learned),
            pairs.first(num_learned),
            self._feature_steps.judges,
            self._visible_judge,
            updates,
        )
        return {**losses, **alternated}

    def _alternate(
        self,
        images: SignedBatch,
        pairs: Pairs,
        judges: InfraredJudges,
        visible_judge: Judge,
        updates: Updates,
    ) -> Losses:
        """Take P's step on Eq. 4, then D's on Eq. 7.

        Args:
            images: What P and D learn from.
            pairs: Its infrared images, real and fake, the fake ones with their gradient.
            judges: D of infrared.
            visible_judge: D of RGB images. The paper leaves out its losses "for simplification".
            updates: Of the stage.
        """
        features, fake_infrared = self._feature_steps.features, pairs.fake_images
        fake_visible = self._pixels.fake_visible(images.infrared)
        with features.lent_to_pixels():
            losses = {
                "pixel-gan": judges.fooling_images(pairs),
                "pixel-gan-visible": visible_judge.fooling(fake_visible),
                **self._pixels.reconstruction_losses(images, fake_infrared, fake_visible),
                **features.fake_identity_losses(images.infrared, fake_infrared, images.labels),
            }
            logged = updates.minimize(losses, PIXELS, weights=self._config.loss_weights)
        judged = {
            "discriminator": judges.discrimination(pairs),
            "discriminator-visible": visible_judge.discrimination(images.visible, fake_visible),
        }
        weights = self._config.loss_weights
        return {**logged, **updates.minimize(judged, DISCRIMINATORS, weights=weights)}
