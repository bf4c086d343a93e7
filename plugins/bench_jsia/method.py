"""JSIA-ReID: its two stages, and what is compared at test time.

A batch of both modalities has the visible half first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from bench_core import Modality, UsageError
from bench_core.methods import (
    CONSTANT_RATE,
    Batch,
    Losses,
    OptimizerPlan,
    PretrainedWeights,
    ScheduleConfig,
    Stage,
    StagedMethod,
    Updates,
    from_signed,
)
from bench_jsia.architecture import SET_LEVEL_STAGE, build_architecture
from bench_jsia.config import JSIAConfig
from bench_jsia.encoding import MapEncoder
from bench_jsia.generation import GenerationModule, Translations
from bench_jsia.learner import Learner, Recognition
from bench_jsia.losses import modality_loss, unseen_identity_loss, variation_loss
from bench_jsia.pairs import Pair
from bench_jsia.variation import later

LEARNER, CONTENT = "learner", "content"
GENERATOR, DISCRIMINATOR = "generator", "discriminator"


class JSIA(StagedMethod[JSIAConfig]):
    """Joint set-level and instance-level alignment.

    The generation module makes, of two images of a person, a paired image of each in the other
    modality; the variation module makes images of unseen identities; the learner, whose first part
    is the generation module's modality-invariant encoder, aligns them. It alone runs at test time.
    """

    metric = "cosine"

    def __init__(self, config: JSIAConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        self._parts = parts = build_architecture(config, num_identities)
        self.networks = parts.by_name()
        set_level, instance_level = parts.backbone.split(SET_LEVEL_STAGE)
        self._set_level = self._content = self._map_encoder(set_level)
        if parts.content_encoder is not None:
            self._content = self._map_encoder(parts.content_encoder)
        self._learner = Learner(config, instance_level, parts.neck, parts.region_necks)
        self._generation = GenerationModule(config, parts, self._content)

    def load_pretrained(self, weights: PretrainedWeights) -> None:
        """Initialise the backbone, and E^i alike where it is no part of it.

        Raises:
            CheckpointError: The weights are not there or do not fit.
        """
        super().load_pretrained(weights)
        if self._content is not self._set_level:
            self._content.network.load_state_dict(self._set_level.network.state_dict())

    def stages(self) -> Sequence[Stage]:
        """Return the generation module's pretraining and the joint training (Sec. 4.2).

        There is nothing to pretrain where the features do not depend on generated images.
        """
        config = self.config
        joint = config.stage("joint", self.joint_step, self._plans(config.schedule, joint=True))
        if not config.generates:
            return [joint]
        generation = config.stage(
            "generation",
            self.generation_step,
            self._plans(CONSTANT_RATE, joint=False),
            epochs=config.generation_epochs,
            sampling=config.generation_sampling,
            frozen=[self._learner.networks],
        )
        return [generation, joint]

    def generation_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train the generation and the variation module on L_G + L_V (Eqs. 8 and 10)."""
        made = self._translate(torch.cat([batch.visible, batch.infrared]))
        losses = {**self._generation.losses(made), **self._variation_losses(made)}
        critics = self._generation.discriminator_losses(made)
        return self._update(losses, critics, updates, joint=False)

    def joint_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train everything on L (Eq. 16), and the discriminators.

        Real images pass E^sl and E^il once: for their identities, for what is translated where
        E^sl is E^i, and for what generated images are aligned with.
        """
        images = torch.cat([batch.visible, batch.infrared])
        maps = self._set_level.of_both(images)
        real = self._learner.recognize(maps, regions=self.config.local_regions != "none")
        losses: dict[str, torch.Tensor] = {**self._learner.identity_losses(real, batch.labels)}
        critics: dict[str, torch.Tensor] = {}
        critic = self._parts.modality_discriminator
        if critic is not None:
            losses["set-adversarial"] = modality_loss(critic(maps), deceive=True)
            critics["modality-discriminator"] = modality_loss(critic(maps.detach()), deceive=False)
        if self.config.generates:
            made = self._translate(self._drawn(images), self._drawn(maps))
            drawn = real.of(self._drawn)
            losses |= self._generation.losses(made)
            losses |= self._variation_losses(made, drawn)
            losses |= self._alignment_losses(made, drawn)
            critics |= self._generation.discriminator_losses(made)
        return self._update(losses, critics, updates, joint=True)

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed a batch by E^sl and E^il, whatever the modality: one view (Eq. 17).

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        return self._learner.embed(self._set_level.of_real(images))[:, None]

    @torch.no_grad()
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        """Generate a paired image of each image (Fig. 6); networks should be in evaluation mode.

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared; entry i of both shows one person.

        Returns:
            Real and paired images of the same shape and range, by name, in the order of a grid's
            columns: "fake infrared" has the content of "visible" and the style of "infrared".
            Nothing where the variant has no generation module.
        """
        if not self.config.generates:
            return {}
        made = self._translate(torch.cat([visible, infrared]))
        fakes = made.translated.map(self._shown)
        return {
            "visible": visible,
            "fake infrared": fakes.infrared,
            "infrared": infrared,
            "fake visible": fakes.visible,
        }

    @torch.no_grad()
    def mixing_strip(
        self, images: torch.Tensor, modality: Modality, alphas: Sequence[float]
    ) -> torch.Tensor:
        """Mix two images in the latent space (Fig. 7); networks should be in evaluation mode.

        Args:
            images: Two images of one modality, float tensor (2, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".
            alphas: Shares of the first image (Eq. 14), in [0, 1]; the latents are their means.

        Returns:
            (2 + len(alphas), 3, H, W) in [0, 1]: the first image, the mixes, the second image.

        Raises:
            UsageError: The variant has no variation module.
        """
        if self._parts.variation is None:
            raise UsageError(
                "this variant of jsia mixes no images: it has no variation module; use one that "
                "has unseen_identities, such as 'jsia'"
            )
        real = self._generation.prepared(images)
        maps = self._content.of_real(from_signed(real))
        mixed = self._generation.strip(self._parts.variation, real, maps, modality, alphas)
        return torch.cat([images[:1], self._shown(mixed), images[1:]])

    def _translate(self, images: torch.Tensor, maps: torch.Tensor | None = None) -> Translations:
        """Generate from real images in [0, 1]; `maps` are those of E^sl, where they are known."""
        real = self._generation.prepared(images)
        known = self._content is self._set_level and self.config.generated_size == "full"
        if maps is None or not known:
            maps = self._content.of_both(from_signed(real))
        return self._generation.translate(Pair.parted(real), Pair.parted(maps))

    def _variation_losses(self, made: Translations, real: Recognition | None = None) -> Losses:
        """Return L_V (Eq. 10) and, where predictions are given, L_ui (Eqs. 14, 15), by name.

        The maps are taken as they are: an encoder that learned from L_V would make maps alike.
        """
        variation = self._parts.variation
        if variation is None:
            return {}
        maps, offset = made.maps.joined().detach(), self.config.generation_sampling.images
        latents = variation.encode(maps)
        decoded = variation.decode(latents.sample, maps)
        weight = self.config.distribution_weight
        losses = {"variation": variation_loss(maps, decoded, latents, weight)}
        if real is not None:
            mix = self._generation.mix(variation, latents.sample, made, offset)
            mixed = self._learner.recognize_generated(self._aligned_maps(mix.images), regions=False)
            others = later(real.logits, offset)
            losses["unseen"] = unseen_identity_loss(mixed.logits, real.logits, others, mix.shares)
        return losses

    def _alignment_losses(self, made: Translations, real: Recognition) -> Losses:
        """Return L_il and L_lr of paired images (Eqs. 11 and 12) by name."""
        config = self.config
        if not config.instance_level and config.local_regions != "paired":
            return {}
        maps, own = made.translated_maps.joined(), self._content is self._set_level
        if not own or not config.end_to_end:
            maps = self._aligned_maps(made.translated.joined())
        if config.alignment_reference == "passed-again":
            shown = from_signed(made.real.joined())
            again = made.maps.joined() if own else self._set_level.of_both(shown)
            real = self._learner.recognize(again, regions=real.regions is not None)
        return self._learner.alignment_losses(real, maps)

    def _aligned_maps(self, generated: torch.Tensor) -> torch.Tensor:
        """Return E^sl of generated images, as alignment learns from it."""
        return self._set_level.of_generated(
            generated if self.config.end_to_end else generated.detach()
        )

    def _drawn(self, values: torch.Tensor) -> torch.Tensor:
        """Choose, of a joint batch of both modalities, what images are generated for."""
        whole, part = self.config.sampling, self.config.generation_sampling
        blocks = values.view(2, whole.identities, whole.images, *values.shape[1:])
        return blocks[:, : part.identities, : part.images].flatten(0, 2)

    def _shown(self, generated: torch.Tensor) -> torch.Tensor:
        """Return generated images in [0, 1], at the size of real ones."""
        return self._content.resized(from_signed(generated))

    def _update(self, losses: Losses, critics: Losses, updates: Updates, *, joint: bool) -> Losses:
        """Take the step of all but the discriminators, then theirs; return all losses.

        As in the authors' code, feature reconstruction teaches decoders and E^s alone.
        """
        names = tuple(name for name in self._members(joint=joint) if name != DISCRIMINATOR)
        apart = {name: losses[name] for name in ("feature-reconstruction",) if name in losses}
        rest = {name: loss for name, loss in losses.items() if name not in apart}
        parts = [(rest, names), (apart, (GENERATOR,))] if apart else [(rest, names)]
        weights = self.config.loss_weights
        logged = updates.minimize_together(*parts, weights=weights)
        if not critics:
            return logged
        return {**logged, **updates.minimize(critics, DISCRIMINATOR, weights=weights)}

    def _plans(self, schedule: ScheduleConfig, *, joint: bool) -> dict[str, OptimizerPlan]:
        config = self.config
        configs = {
            LEARNER: config.learner_optimizer,
            CONTENT: config.generator_optimizer,
            GENERATOR: config.generator_optimizer,
            DISCRIMINATOR: config.discriminator_optimizer,
        }
        return {
            name: OptimizerPlan.of(configs[name], *networks, schedule=schedule, continued=joint)
            for name, networks in self._members(joint=joint).items()
        }

    def _members(self, *, joint: bool) -> dict[str, list[nn.Module]]:
        """Return the networks of each optimiser of a stage; E^i may be a part of the learner."""
        parts = self._parts
        learner: list[nn.Module | None] = [parts.backbone, parts.neck, *parts.region_necks]
        content: nn.Module | None = parts.content_encoder
        if not joint:
            content = self._content.network if self.config.train_content_encoder else None
        critic = parts.modality_discriminator if joint else None
        members: dict[str, list[nn.Module | None]] = {
            LEARNER: learner if joint else [],
            CONTENT: [content],
            GENERATOR: [*parts.style_encoders, *parts.decoders, parts.variation],
            DISCRIMINATOR: [*parts.discriminators, critic],
        }
        present = {
            name: [network for network in networks if network is not None]
            for name, networks in members.items()
        }
        return {name: networks for name, networks in present.items() if networks}

    def _map_encoder(self, network: nn.Module) -> MapEncoder:
        return MapEncoder(network, self.networks["normalization"], self.config)
