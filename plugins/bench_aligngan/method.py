"""AlignGAN: its networks, its stages, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from bench_aligngan.config import AlignGANConfig
from bench_aligngan.discriminators import build_judges
from bench_aligngan.features import FeatureModule
from bench_aligngan.pixels import PixelModule
from bench_aligngan.steps import DISCRIMINATORS, FEATURES, PIXELS, FeatureSteps, PixelSteps
from bench_core import VISIBLE, Modality
from bench_core.methods import (
    CONSTANT_RATE,
    OptimizerPlan,
    ScheduleConfig,
    Stage,
    StagedMethod,
    Step,
    from_signed,
    to_signed,
)


class AlignGAN(StagedMethod[AlignGANConfig]):
    """AlignGAN: a pixel module P, a feature module F and a discriminator module D (Fig. 3).

    F is warmed up on infrared images, then P with discriminators of images; then each step is one
    of F, one of P and one of D in turn. RGB images are compared as fake infrared ones. Without
    pixel alignment, real RGB images stand in for fake infrared ones (Sec. 4.5).
    """

    metric = "cosine"

    def __init__(self, config: AlignGANConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._features = FeatureModule(config, num_identities)
        self._judges = build_judges(config, self._features.num_channels)
        self._feature_steps = FeatureSteps(config, self._features, self._judges)
        networks = {**self._features.networks, **self._judges.networks}
        self._pixels: PixelModule | None = None
        if config.pixel_alignment:
            self._pixels = PixelModule(config)
            self._pixel_steps = PixelSteps(config, self._pixels, self._feature_steps)
            networks |= self._pixels.networks | self._pixel_steps.discriminators
            if config.pixel_warmup_epochs:
                networks |= self._pixel_steps.warm_up_discriminators
        self.networks = nn.ModuleDict(networks)

    def stages(self) -> Sequence[Stage]:
        """Return both warm-ups and the joint training; without P there is no warm-up of it.

        F is warmed up in every row of Table 4, so that all train it for as many steps.
        """
        return [stage for stage in self._stages() if stage.epochs]

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Embed a batch: feature vectors of infrared images and of fake infrared ones (Sec. 3.4).

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D); where the configuration asks for it, the sum with the vectors of the images,
            translated already, in a mirror.
        """
        shown = to_signed(images)
        if self._pixels is not None and modality == VISIBLE:
            shown = self._pixels.fake_infrared(shown)
        vectors = self._features.vectors(shown)
        if self.config.flip_average:
            vectors = vectors + self._features.vectors(shown.flip(3))
        return vectors[:, None]

    @torch.no_grad()
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        """Translate images into the other modality and back (Fig. 5).

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared.

        Returns:
            Real and generated images of the same shape and range, by name, in the order of a
            grid's columns; nothing where the variant has no generators.
        """
        if self._pixels is None:
            return {}
        fake_infrared = self._pixels.fake_infrared(to_signed(visible))
        fake_visible = self._pixels.fake_visible(to_signed(infrared))
        return {
            "visible": visible,
            "fake infrared": from_signed(fake_infrared),
            "restored visible": from_signed(self._pixels.fake_visible(fake_infrared)),
            "infrared": infrared,
            "fake visible": from_signed(fake_visible),
            "restored infrared": from_signed(self._pixels.fake_infrared(fake_visible)),
        }

    def _stages(self) -> Iterator[Stage]:
        config, feature_steps = self.config, self._feature_steps
        yield config.stage(
            "feature-warm-up",
            feature_steps.warm_up,
            {FEATURES: self._feature_plan(CONSTANT_RATE)},
            epochs=config.encoder_warmup_epochs,
        )
        if self._pixels is None:
            yield self._joint_stage(feature_steps.real_images, self._judges.networks)
            return
        yield config.stage(
            "pixel-warm-up",
            self._pixel_steps.warm_up,
            self._gan_plans(self._pixel_steps.warm_up_discriminators, CONSTANT_RATE),
            epochs=config.pixel_warmup_epochs,
            sampling=config.pixel_sampling,
        )
        discriminators = self._judges.networks | self._pixel_steps.discriminators
        yield self._joint_stage(self._pixel_steps.joint, discriminators)

    def _joint_stage(self, step: Step, discriminators: Mapping[str, nn.Module]) -> Stage:
        config = self.config
        features = {FEATURES: self._feature_plan(config.schedule)}
        discriminating = self._gan_plans(discriminators, config.schedule)
        return config.stage("joint", step, features | discriminating)

    def _feature_plan(self, schedule: ScheduleConfig) -> OptimizerPlan:
        return OptimizerPlan(
            config=self.config.feature_optimizer,
            groups=self._features.groups(),
            schedule=schedule,
            continued=True,
        )

    def _gan_plans(
        self, discriminators: Mapping[str, nn.Module], schedule: ScheduleConfig
    ) -> dict[str, OptimizerPlan]:
        """Plan P and D, where there are any."""
        generators = {} if self._pixels is None else self._pixels.networks
        return {
            name: OptimizerPlan.of(
                self.config.gan_optimizer,
                *networks.values(),
                schedule=schedule,
                continued=name == PIXELS,  # the joint training has discriminators of its own
            )
            for name, networks in ((PIXELS, generators), (DISCRIMINATORS, discriminators))
            if networks
        }
