"""The generation module G (Sec. 3.1, Eqs. 1-8), and the mixing of Eq. 14."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from bench_core import Modality
from bench_core.methods import Losses, discrimination_loss, recompute, to_signed
from bench_jsia.architecture import MODALITIES, Architecture
from bench_jsia.config import JSIAConfig
from bench_jsia.encoding import MapEncoder
from bench_jsia.losses import absolute_error, generator_loss
from bench_jsia.pairs import Pair
from bench_jsia.variation import Variation, blend, later

CHUNK = 16
"""Most images that a decoder decodes at a time where activations are computed again."""


@dataclass(frozen=True)
class Translations:
    """What is made of a batch of pairs: images in [-1, 1], and what they were made of and hold.

    Attributes:
        real: The images X.
        maps: Their M^i (Eq. 2).
        styles: Their M^s (Eq. 1).
        reconstructed: Each image decoded from its own content and style (Eq. 4).
        translated: Paired images, by the modality that they look like: `visible` holds X_ir2rgb,
            with the content of the infrared image (Eq. 3).
        translated_maps: Their M^i.
        translated_styles: Their M^s; None where the configuration does not need them.
        cycled: The real images again, decoded from the paired ones (Eq. 6).
    """

    real: Pair
    maps: Pair
    styles: Pair
    reconstructed: Pair
    translated: Pair
    translated_maps: Pair
    translated_styles: Pair | None
    cycled: Pair


class Mix(NamedTuple):
    """Images of unseen identities in [-1, 1], visible ones first, and alpha of each (Eq. 14)."""

    images: torch.Tensor
    shares: torch.Tensor


class GenerationModule:
    """E^i, and for each modality E^s, D and Dis.

    Args:
        config: The method's configuration.
        parts: Its networks.
        content: E^i.
    """

    def __init__(self, config: JSIAConfig, parts: Architecture, content: MapEncoder) -> None:
        self._config, self._content = config, content
        self._style_encoders, self._decoders = parts.style_encoders, parts.decoders
        self._discriminators = parts.discriminators

    def prepared(self, images: torch.Tensor) -> torch.Tensor:
        """Bring real images in [0, 1] to the size and the range [-1, 1] of generated ones."""
        if self._config.generated_size == "half":
            images = functional.avg_pool2d(images, 2)
        return to_signed(images)

    def styles(self, images: Pair) -> Pair:
        """Encode the modality-specific features of images (Eq. 1)."""
        encoders = zip(self._style_encoders, images, strict=True)
        return Pair(*(self._run(encoder, part) for encoder, part in encoders))

    def decode(self, maps: Sequence[Pair], styles: Sequence[Pair]) -> list[Pair]:
        """Decode maps and styles to images, each decoder all of its own in one run.

        Args:
            maps: By the modality of the decoder, not by that of the image whose content they are.
            styles: As many, in the same order.
        """
        by_modality = [
            self._decode(decoder, torch.cat(contents), torch.cat(codes)).chunk(len(maps))
            for decoder, contents, codes in zip(
                self._decoders, zip(*maps, strict=True), zip(*styles, strict=True), strict=True
            )
        ]
        return [Pair(*images) for images in zip(*by_modality, strict=True)]

    def translate(self, real: Pair, maps: Pair) -> Translations:
        """Exchange styles within each person, and translate back (Eqs. 3, 4 and 6).

        Eq. 3 prints the decoders the wrong way round; an RGB image is decoded by D_rgb.

        Args:
            real: Images in [-1, 1].
            maps: Their M^i.
        """
        config, styles = self._config, self.styles(real)
        reconstructed, translated = self.decode([maps, maps.swapped()], [styles, styles])
        translated_maps = Pair.parted(self._content.of_generated(translated.joined()))
        again = config.cycle_style == "re-encoded"
        wanted = again or config.feature_reconstruction_weight > 0
        restyled = self.styles(translated) if wanted else None
        returning = restyled if again and restyled is not None else styles
        (cycled,) = self.decode([translated_maps.swapped()], [returning])
        return Translations(
            real=real,
            maps=maps,
            styles=styles,
            reconstructed=reconstructed,
            translated=translated,
            translated_maps=translated_maps,
            translated_styles=restyled,
            cycled=cycled,
        )

    def losses(self, made: Translations) -> Losses:
        """Return the parts of L_G by name (Eqs. 4, 5 and 7)."""
        scores = [
            discriminator(images)
            for discriminator, images in zip(self._discriminators, made.translated, strict=True)
        ]
        losses = {
            "reconstruction": absolute_error(made.reconstructed, made.real),
            "cycle": absolute_error(made.cycled, made.real),
            "adversarial": generator_loss(scores),
        }
        styles = made.translated_styles
        if self._config.feature_reconstruction_weight > 0 and styles is not None:
            losses["feature-reconstruction"] = self._feature_error(made, styles)
        return losses

    def discriminator_losses(self, made: Translations) -> Losses:
        """Return the loss of both discriminators by name (Eq. 7); it reaches nothing else.

        Each minimises (Dis(real) - 1)^2 + Dis(fake)^2.
        """
        losses = [
            discrimination_loss(
                discriminator(torch.cat([real, fake.detach()])), len(real), "least-squares"
            )
            for discriminator, real, fake in zip(
                self._discriminators, made.real, made.translated, strict=True
            )
        ]
        return {"discriminator": torch.stack(losses).sum()}

    def mix(
        self, variation: Variation, latents: torch.Tensor, made: Translations, offset: int
    ) -> Mix:
        """Mix each image with another of its modality: in V's latent space, and its style.

        Args:
            variation: V.
            latents: z of the real images, visible first.
            made: What holds their styles.
            offset: How many places later in the batch the other image is.
        """
        shares = torch.rand(len(latents), device=latents.device)
        styles = made.styles.joined()
        maps = variation.decode(blend(latents, later(latents, offset), shares), made.maps.visible)
        codes = blend(styles, later(styles, offset), shares)
        (images,) = self.decode([Pair.parted(maps)], [Pair.parted(codes)])
        return Mix(images.joined(), shares)

    def strip(
        self,
        variation: Variation,
        real: torch.Tensor,
        maps: torch.Tensor,
        modality: Modality,
        alphas: Sequence[float],
    ) -> torch.Tensor:
        """Mix two images of one modality with given shares (Fig. 7).

        Args:
            variation: V; its latents are the means.
            real: (2, 3, H, W) in [-1, 1].
            maps: Their M^i.
            modality: Theirs.
            alphas: Shares of the first.

        Returns:
            (len(alphas), 3, H, W) in [-1, 1].
        """
        place = MODALITIES.index(modality)
        shares = torch.tensor(alphas, dtype=real.dtype, device=real.device)
        latents, codes = (
            blend(values[:1], values[1:], shares)
            for values in (variation.encode(maps).mean, self._style_encoders[place](real))
        )
        return self._decode(self._decoders[place], variation.decode(latents, maps), codes)

    def _feature_error(self, made: Translations, styles: Pair) -> torch.Tensor:
        """Compare content and style of paired images with what they were made of."""
        contents, codes = made.maps.swapped(), made.styles
        if self._config.feature_targets == "fixed":
            contents, codes = contents.detached(), codes.detached()
        return absolute_error(made.translated_maps, contents) + absolute_error(styles, codes)

    def _run(self, network: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
        if self._config.recompute_activations:
            return recompute(network, *inputs)
        output: torch.Tensor = network(*inputs)
        return output

    def _decode(self, decoder: nn.Module, maps: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
        """Decode; a decoder treats every image for itself, so that chunks change nothing."""
        if not self._config.recompute_activations:
            return self._run(decoder, maps, styles)
        num_chunks = -(-len(maps) // CHUNK)
        chunks = zip(maps.chunk(num_chunks), styles.chunk(num_chunks), strict=True)
        return torch.cat([self._run(decoder, *chunk) for chunk in chunks])
