"""The RGB-IR generation module: two generators in a cycle, and who judges them (Sec. III-A)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from bench_core.methods import (
    Batch,
    JointDiscriminator,
    Losses,
    ResidualGenerator,
    adversarial_loss,
    discrimination_loss,
    reconstruction_loss,
    to_signed,
)
from bench_tsgan.config import TSGANConfig
from bench_tsgan.losses import Pairs, fake_pairs, join
from bench_tsgan.networks import PatchGAN


class Translated(NamedTuple):
    """A batch and its translations, each (M, 3, H, W) in [-1, 1].

    Attributes:
        visible: X_R.
        infrared: X_I.
        fake_infrared: X'_I = G_I(X_R).
        fake_visible: G_R(X_I).
        cycled_visible: G_R(G_I(X_R)).
        cycled_infrared: G_I(G_R(X_I)).
    """

    visible: torch.Tensor
    infrared: torch.Tensor
    fake_infrared: torch.Tensor
    fake_visible: torch.Tensor
    cycled_visible: torch.Tensor
    cycled_infrared: torch.Tensor

    def detach(self) -> Translated:
        """Return the images without the generators' graph."""
        return Translated(*(images.detach() for images in self))


class Generation:
    """G_I, G_R, D_I and D_R, and their losses.

    Attributes:
        generators: G_I and G_R, by the names that a checkpoint has.
        discriminators: D_I and D_R, likewise.
    """

    def __init__(self, config: TSGANConfig, *, feature_channels: int) -> None:
        self._config = config
        self.generators = nn.ModuleDict(
            {
                f"generator_to_{modality}": ResidualGenerator(
                    width=config.generator_width, num_blocks=config.generator_blocks
                )
                for modality in ("infrared", "visible")
            }
        )
        width = config.discriminator_width
        self.discriminators = nn.ModuleDict(
            {
                "discriminator_infrared": (
                    JointDiscriminator(feature_channels=feature_channels, width=width)
                    if self.is_joint
                    else PatchGAN(width=width)
                ),
                "discriminator_visible": PatchGAN(width=width),
            }
        )

    @property
    def is_joint(self) -> bool:
        """Whether D_I judges pairs of image and feature map."""
        return self._config.discriminator == "joint"

    def to_infrared(self, visible: torch.Tensor) -> torch.Tensor:
        """Run G_I on visible images (B, 3, H, W) in [-1, 1]."""
        infrared: torch.Tensor = self.generators["generator_to_infrared"](visible)
        return infrared

    def to_visible(self, infrared: torch.Tensor) -> torch.Tensor:
        """Run G_R on infrared images (B, 3, H, W) in [-1, 1]."""
        visible: torch.Tensor = self.generators["generator_to_visible"](infrared)
        return visible

    def translate(self, batch: Batch) -> Translated:
        """Translate a batch there and back, in three passes for four translations."""
        visible, infrared = to_signed(batch.visible), to_signed(batch.infrared)
        fake_infrared = self.to_infrared(visible)
        made_visible = self.to_visible(torch.cat([fake_infrared, infrared]))
        cycled_visible, fake_visible = made_visible.chunk(2)
        return Translated(
            visible=visible,
            infrared=infrared,
            fake_infrared=fake_infrared,
            fake_visible=fake_visible,
            cycled_visible=cycled_visible,
            cycled_infrared=self.to_infrared(fake_visible),
        )

    def generator_losses(self, images: Translated, fake_maps: torch.Tensor) -> Losses:
        """Return the parts of L_G (Eq. 7): the adversarial one (Eq. 1) and the cycle (Eq. 6).

        The adversarial loss of G_R, which the paper leaves out for brevity, is added to Eq. 1.
        Equation 1 lacks the sign: the generator minimises -E log D_I.

        Args:
            images: The batch, with the generators' graph.
            fake_maps: f_map,R of X'_I (M, D, h, w); a constant here unless they guide it.
        """
        config = self._config
        if not config.maps_guide_generator:
            fake_maps = fake_maps.detach()
        scores = (
            self._judge_infrared(Pairs(images.fake_infrared, fake_maps)),
            self.discriminators["discriminator_visible"](images.fake_visible),
        )
        return {
            "generator": adversarial_loss(scores, real=True, form=config.adversarial_form),
            "cycle": reconstruction_loss(images.cycled_visible, images.visible)
            + reconstruction_loss(images.cycled_infrared, images.infrared),
        }

    def deception_loss(
        self, images: Translated, infrared_maps: torch.Tensor, fake_maps: torch.Tensor
    ) -> torch.Tensor:
        """L_GAN of Eq. 12: the maps of M (Eq. 5) should pass for those of real pairs.

        Equation 12 lacks the sign: the student minimises -E log D_I. The images are constants.

        Args:
            images: The batch.
            infrared_maps: f_map,R of X_I (M, D, h, w), with the student's graph.
            fake_maps: f_map,R of X'_I, likewise.
        """
        fake, infrared = _pairs(images.detach(), infrared_maps, fake_maps)
        scores = self._judge_infrared(fake_pairs(fake, infrared))
        return adversarial_loss(scores, real=True, form=self._config.adversarial_form)

    def discriminator_loss(
        self, images: Translated, infrared_maps: torch.Tensor, fake_maps: torch.Tensor
    ) -> torch.Tensor:
        """L_D (Eqs. 2 to 5) of D_I, and the like of D_R, which the paper leaves out for brevity.

        Images and maps are constants. An ordinary D_I judges X_I and X'_I alone. Equations 3 and 4
        lack the sign, although L_D is minimised.

        Args:
            images: The batch.
            infrared_maps: f_map,R of X_I (M, D, h, w).
            fake_maps: f_map,R of X'_I.
        """
        images, form = images.detach(), self._config.adversarial_form
        fake, infrared = _pairs(images, infrared_maps.detach(), fake_maps.detach())
        judged = join([infrared, fake_pairs(fake, infrared) if self.is_joint else fake])
        visible = torch.cat([images.visible, images.fake_visible])
        scores = (
            self._judge_infrared(judged),
            self.discriminators["discriminator_visible"](visible),
        )
        num_real = len(infrared.images)
        return torch.stack([discrimination_loss(s, num_real, form) for s in scores]).sum()

    def _judge_infrared(self, pairs: Pairs) -> torch.Tensor:
        discriminator = self.discriminators["discriminator_infrared"]
        scores: torch.Tensor = (
            discriminator(*pairs) if self.is_joint else discriminator(pairs.images)
        )
        return scores


def _pairs(
    images: Translated, infrared_maps: torch.Tensor, fake_maps: torch.Tensor
) -> tuple[Pairs, Pairs]:
    """Pair X'_I and X_I with the maps that the student made of them."""
    return Pairs(images.fake_infrared, fake_maps), Pairs(images.infrared, infrared_maps)
