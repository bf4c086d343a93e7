"""The image level T_I: two variational autoencoders with one space of codes, and who judges them.

M: images a modality, H and W: height and width at which images are translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import (
    Losses,
    MultiScaleDiscriminator,
    adversarial_loss,
    discrimination_loss,
    from_signed,
    reconstruction_loss,
    to_signed,
)
from bench_d2rl.config import D2RLConfig
from bench_d2rl.losses import code_divergence
from bench_d2rl.networks import RED_GREEN_BLUE, Decoder, Encoder, shared_part

MODALITIES = (VISIBLE, INFRARED)
CHANNELS: Mapping[Modality, int] = {VISIBLE: RED_GREEN_BLUE, INFRARED: 1}
OTHER: Mapping[Modality, Modality] = {VISIBLE: INFRARED, INFRARED: VISIBLE}

Images = Mapping[Modality, torch.Tensor]
"""By modality, images (M, 3, H, W) or (M, 1, H, W) in [-1, 1]; or codes (M, C, H / 4, W / 4)."""


class Translated(NamedTuple):
    """What T_I makes of a batch; each is by the modality that an image is of or was made of.

    Attributes:
        real: The images.
        codes: Their codes, without noise.
        reconstructed: Decoded in their own modality.
        fake: Decoded in the other modality: fake[VISIBLE] is infrared.
        fake_codes: Codes of the fakes, without noise.
        cycled: The fakes translated back: cycled[VISIBLE] is visible.
    """

    real: Images
    codes: Images
    reconstructed: Images
    fake: Images
    fake_codes: Images
    cycled: Images


class Translation:
    """T_I and its discriminators.

    Attributes:
        translator: Encoders and decoders, by the names that a checkpoint has.
        discriminators: Of both modalities, likewise.
    """

    def __init__(self, config: D2RLConfig) -> None:
        self._config = config
        width, blocks = config.translator_width, config.own_blocks
        self.translator = nn.ModuleDict()
        for modality in MODALITIES:
            channels = CHANNELS[modality]
            encoder = Encoder(channels, width=width, num_blocks=blocks)
            self.translator[f"encoder_{modality}"] = encoder
        for name in ("shared_encoder", "shared_decoder"):
            self.translator[name] = shared_part(width, config.shared_blocks)
        for modality in MODALITIES:
            channels = CHANNELS[modality]
            decoder = Decoder(channels, width=width, num_blocks=blocks)
            self.translator[f"decoder_{modality}"] = decoder
        self.discriminators = nn.ModuleDict(
            {
                f"discriminator_{modality}": MultiScaleDiscriminator(
                    width=config.discriminator_width, num_scales=config.discriminator_scales
                )
                for modality in MODALITIES
            }
        )

    def prepared(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return images (M, 3, ...) in [0, 1] as T_I sees them: resized, signed, infrared grey."""
        if modality == INFRARED:
            images = images.mean(1, keepdim=True)
        return to_signed(resized(images, self._config.translation_size))

    def encode(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return the codes (M, C, H / 4, W / 4) of prepared images, without noise."""
        own = self.translator[f"encoder_{modality}"](images)
        codes: torch.Tensor = self.translator["shared_encoder"](own)
        return codes

    def decode(self, codes: torch.Tensor, modality: Modality) -> torch.Tensor:
        """Return images of a modality in [-1, 1]."""
        shared = self.translator["shared_decoder"](codes)
        images: torch.Tensor = self.translator[f"decoder_{modality}"](shared)
        return images

    def counterpart(
        self, images: torch.Tensor, modality: Modality, *, noisy: bool = False
    ) -> torch.Tensor:
        """Translate images into the other modality.

        Args:
            images: Float tensor (M, 3, H', W') in [0, 1], of any size.
            modality: Theirs.
            noisy: Whether noise is added to codes, as in training.

        Returns:
            Float tensor (M, 1, H, W) of visible images, (M, 3, H, W) of infrared ones, in [0, 1].
        """
        codes = self.encode(self.prepared(images, modality), modality)
        return from_signed(self.decode(with_noise(codes) if noisy else codes, OTHER[modality]))

    def translate(self, visible: torch.Tensor, infrared: torch.Tensor) -> Translated:
        """Translate a batch there and back, with noise on every code.

        Args:
            visible: (M, 3, H', W') in [0, 1].
            infrared: The same for infrared.
        """
        given: Images = {VISIBLE: visible, INFRARED: infrared}
        real = {m: self.prepared(images, m) for m, images in given.items()}
        codes = {m: self.encode(images, m) for m, images in real.items()}
        noisy = {m: with_noise(each) for m, each in codes.items()}
        fake = {m: self.decode(each, OTHER[m]) for m, each in noisy.items()}
        fake_codes = {m: self.encode(images, OTHER[m]) for m, images in fake.items()}
        return Translated(
            real=real,
            codes=codes,
            reconstructed={m: self.decode(each, m) for m, each in noisy.items()},
            fake=fake,
            fake_codes=fake_codes,
            cycled={m: self.decode(with_noise(each), m) for m, each in fake_codes.items()},
        )

    def translator_losses(self, images: Translated) -> Losses:
        """Return the losses of T_I, each the sum over both modalities."""
        form = self._config.adversarial_form
        return {
            "reconstruction": _both(
                lambda m: reconstruction_loss(images.reconstructed[m], images.real[m])
            ),
            "divergence": _both(lambda m: code_divergence(images.codes[m])),
            "cycle": _both(lambda m: reconstruction_loss(images.cycled[m], images.real[m])),
            "cycle-divergence": _both(lambda m: code_divergence(images.fake_codes[m])),
            "adversarial": _both(
                lambda m: adversarial_loss(
                    self._judge(images.fake[m], OTHER[m]), real=True, form=form
                )
            ),
        }

    def discriminator_losses(self, images: Translated) -> Losses:
        """Return what it costs the discriminators to take fakes, as constants, for real images."""
        form = self._config.adversarial_form

        def loss(modality: Modality) -> torch.Tensor:
            real, fake = images.real[modality], images.fake[OTHER[modality]].detach()
            scores = self._judge(torch.cat([real, fake]), modality)
            return discrimination_loss(scores, len(real), form)

        return {"discriminator": _both(loss)}

    def _judge(self, images: torch.Tensor, modality: Modality) -> tuple[torch.Tensor, ...]:
        """Score images of a modality, infrared ones with three equal channels."""
        shown = images.expand(-1, RED_GREEN_BLUE, -1, -1)
        scores: tuple[torch.Tensor, ...] = self.discriminators[f"discriminator_{modality}"](shown)
        return scores


def _both(loss: Callable[[Modality], torch.Tensor]) -> torch.Tensor:
    """Return the sum of a loss over both modalities."""
    return loss(VISIBLE) + loss(INFRARED)


def with_noise(codes: torch.Tensor) -> torch.Tensor:
    """Draw from N(code, I)."""
    return codes + torch.randn_like(codes)


def resized(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize images (B, C, H', W') by bilinear interpolation, those of another size."""
    if tuple(images.shape[2:]) == size:
        return images
    return functional.interpolate(images, size, mode="bilinear", align_corners=False)
