"""The discriminator module D (Sec. 3.3): who judges, and what it costs to be judged wrongly.

B: batch, D: feature channels, H and W, h and w: sizes of images and of feature maps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn

from bench_aligngan.config import AlignGANConfig
from bench_aligngan.networks import (
    build_feature_discriminator,
    build_image_discriminator,
    build_joint_discriminator,
)
from bench_core.methods import AdversarialForm, adversarial_loss, discrimination_loss


class Pairs(NamedTuple):
    """Infrared images, real and fake, with their feature maps; entry i of all shows one identity.

    Attributes:
        images: X_ir (B, 3, H, W) in [-1, 1].
        maps: M_ir (B, D, h, w).
        fake_images: X'_ir (B, 3, H, W) in [-1, 1].
        fake_maps: M'_ir (B, D, h, w).
    """

    images: torch.Tensor
    maps: torch.Tensor
    fake_images: torch.Tensor
    fake_maps: torch.Tensor

    @classmethod
    def without_maps(cls, images: torch.Tensor, fake_images: torch.Tensor) -> Pairs:
        """Return pairs for judges that look at images alone."""
        none = images.new_empty(0)
        return cls(images, none, fake_images, none)

    def first(self, number: int) -> Pairs:
        """Return the first entries."""
        return Pairs(*(part[:number] for part in self))

    def detach(self) -> Pairs:
        """Return the same pairs, through which no gradient goes."""
        return Pairs(*(part.detach() for part in self))


class Judge:
    """A discriminator of one kind of thing: of infrared images, RGB images or feature maps.

    Args:
        network: Scores things (B, ...).
        form: Of the losses.
    """

    def __init__(self, network: nn.Module, form: AdversarialForm) -> None:
        self.network = network
        self._form = form

    def fooling(self, fake: torch.Tensor) -> torch.Tensor:
        """Return what it costs whoever made things that they are not taken for real."""
        return adversarial_loss(self.network(fake), real=True, form=self._form)

    def discrimination(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's loss; no gradient goes beyond it."""
        scores = self.network(torch.cat([real.detach(), fake.detach()]))
        return discrimination_loss(scores, len(real), self._form)


class InfraredJudges(ABC):
    """Who judges infrared images and feature maps.

    Attributes:
        networks: The discriminators by name.
    """

    networks: dict[str, nn.Module]

    @abstractmethod
    def fooling_images(self, pairs: Pairs) -> torch.Tensor:
        """Return L_gan^pix: what it costs P that its images are not taken for real."""

    @abstractmethod
    def fooling_features(self, pairs: Pairs) -> torch.Tensor:
        """Return L_gan^feat: what it costs F that its maps of fakes are not taken for real."""

    @abstractmethod
    def discrimination(self, pairs: Pairs) -> torch.Tensor:
        """Return L^D (Eq. 7); no gradient goes beyond the discriminators."""


class JointJudge(InfraredJudges):
    """D_j, a discriminator of image-feature pairs.

    The signs are those of losses to be minimised: Eqs. 8-10 print the logarithms without the minus
    that their "min" needs. P and F take the form that does not saturate.

    Args:
        config: The discriminator, the losses' form and their pairs.
        channels: D.
        num_images: Images of an identity, in a row.
    """

    def __init__(self, config: AlignGANConfig, channels: int, num_images: int) -> None:
        self._network = build_joint_discriminator(config, channels)
        self.networks = {"discriminator_joint": self._network}
        self._form = config.adversarial_form
        self._one_fake = config.fooling_pairs == "one-fake"
        self._num_images = num_images

    def fooling_images(self, pairs: Pairs) -> torch.Tensor:
        """Eq. 9: the mean over (X', M) and (X', M'). The gradient goes through images alone."""
        maps = [pairs.maps] if self._one_fake else [pairs.maps, pairs.fake_maps]
        return self._fooling([pairs.fake_images] * len(maps), [each.detach() for each in maps])

    def fooling_features(self, pairs: Pairs) -> torch.Tensor:
        """Eq. 10: the mean over (X, M') and (X', M'). The gradient goes through maps alone."""
        images = [pairs.images] if self._one_fake else [pairs.images, pairs.fake_images]
        return self._fooling([each.detach() for each in images], [pairs.fake_maps] * len(images))

    def discrimination(self, pairs: Pairs) -> torch.Tensor:
        """Eqs. 7 and 8: (X, M) is real.

        Fake are (X', M), (X, M'), (X', M') and (X, M) of two identities, where a map comes with an
        image of the identity after it in the batch.
        """
        images, maps, fake_images, fake_maps = pairs.detach()
        others = images.roll(-self._num_images, 0)
        scores = self._score(
            [images, fake_images, images, fake_images, others],
            [maps, maps, fake_maps, fake_maps, maps],
        )
        return discrimination_loss(scores, len(images), self._form)

    def _fooling(self, images: list[torch.Tensor], maps: list[torch.Tensor]) -> torch.Tensor:
        return adversarial_loss(self._score(images, maps), real=True, form=self._form)

    def _score(self, images: list[torch.Tensor], maps: list[torch.Tensor]) -> torch.Tensor:
        scores: torch.Tensor = self._network(torch.cat(images), torch.cat(maps))
        return scores


class SeparateJudges(InfraredJudges):
    """D_p of images and D_f of feature maps, each on its own (Fig. 2b), or one of them, or none.

    Args:
        images: D_p, where someone fakes images.
        features: D_f, where someone fakes feature maps.
    """

    def __init__(self, *, images: Judge | None = None, features: Judge | None = None) -> None:
        self._judges = {
            name: judge
            for name, judge in {"infrared": images, "features": features}.items()
            if judge is not None
        }
        self.networks = {
            f"discriminator_{name}": judge.network for name, judge in self._judges.items()
        }

    def fooling_images(self, pairs: Pairs) -> torch.Tensor:
        """P's loss against D_p, as CycleGAN has it."""
        return self._judges["infrared"].fooling(pairs.fake_images)

    def fooling_features(self, pairs: Pairs) -> torch.Tensor:
        """F's loss against D_f (Sec. 3.2)."""
        return self._judges["features"].fooling(pairs.fake_maps)

    def discrimination(self, pairs: Pairs) -> torch.Tensor:
        """The sum of the losses of D_p and D_f."""
        judged = {
            "infrared": (pairs.images, pairs.fake_images),
            "features": (pairs.maps, pairs.fake_maps),
        }
        losses = [judge.discrimination(*judged[name]) for name, judge in self._judges.items()]
        return torch.stack(losses).sum()


def build_infrared_judge(config: AlignGANConfig) -> Judge:
    """Build a discriminator of infrared images, without a look at features."""
    return Judge(build_image_discriminator(config), config.adversarial_form)


def build_visible_judge(config: AlignGANConfig) -> Judge:
    """Build the discriminator of RGB images that G_p' is to fool."""
    return Judge(build_image_discriminator(config), config.visible_adversarial_form)


def build_judges(config: AlignGANConfig, channels: int) -> InfraredJudges:
    """Build who judges infrared in the joint training.

    Args:
        config: Which discriminators, and who is there to fool them.
        channels: Of the feature maps.
    """
    if config.discriminators == "joint":
        return JointJudge(config, channels, config.pixel_sampling.images)
    images = build_infrared_judge(config) if config.pixel_alignment else None
    features = None
    if config.feature_gan_weight:
        network = build_feature_discriminator(config, channels)
        features = Judge(network, config.adversarial_form)
    return SeparateJudges(images=images, features=features)
