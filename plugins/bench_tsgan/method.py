"""TS-GAN: networks, stages, and what is compared at test time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from bench_core import Modality
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    Losses,
    OptimizerPlan,
    Stage,
    StagedMethod,
    Updates,
    augment,
    batch_hard_triplet,
    from_signed,
    identity_loss,
    to_signed,
)
from bench_tsgan.config import TSGANConfig
from bench_tsgan.generation import Generation, Translated
from bench_tsgan.losses import map_loss
from bench_tsgan.networks import Recognition, ReIDNetwork

TEACHER, STUDENT = "teacher", "student"
GENERATORS, DISCRIMINATORS = "generators", "discriminators"


class TSGAN(StagedMethod[TSGANConfig]):
    """Teacher-student GAN: a student learns from real and generated images and from a teacher.

    The teacher is pretrained on infrared images and fixed. Then generators, student and
    discriminators learn in turns (Algorithm 1). At test time the student's backbone runs alone.
    In Table III the teacher, or a network like it for visible images, is all there is.
    """

    metric = "euclidean"

    def __init__(self, config: TSGANConfig, *, num_identities: int) -> None:
        super().__init__(config, num_identities=num_identities)
        if config.learner != "student":
            self._teacher = self._scored = ReIDNetwork(config, num_identities=num_identities)
            self.networks = nn.ModuleDict({TEACHER: self._teacher})
            return
        self._student = self._scored = ReIDNetwork(config, num_identities=num_identities)
        self.networks = nn.ModuleDict({STUDENT: self._student})
        if config.has_teacher:
            self._teacher = ReIDNetwork(config, num_identities=num_identities)
            self.networks[TEACHER] = self._teacher
        if config.has_generators:
            channels = self._student.backbone.num_features
            self._generation = Generation(config, feature_channels=channels)
            self.networks.update(dict(self._generation.generators))
            self.networks.update(dict(self._generation.discriminators))

    def stages(self) -> Sequence[Stage]:
        """Return the teacher's pretraining, the GAN's where asked for, and the joint training.

        Of a network that learns from one modality, the first is all there is.
        """
        return list(self._stages())

    def teacher_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train the teacher on infrared images by identity and triplet losses (Sec. III-C)."""
        images = batch.visible if self.config.learner == "visible" else batch.infrared
        losses = self._recognition_losses(self._teacher(self._erase(images)), batch.labels)
        return updates.minimize(losses, TEACHER, weights=self.config.loss_weights)

    def student_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train the student on real images alone: the row "Backbone" of Table II."""
        images = torch.cat([batch.visible, batch.infrared])
        recognized = self._student(self._erase(images))
        losses = self._recognition_losses(recognized, batch.labels.repeat(2))
        return updates.minimize(losses, STUDENT, weights=self.config.loss_weights)

    def generation_step(self, batch: Batch, updates: Updates) -> Losses:
        """Train generators and discriminators; the student only lends its feature maps."""
        images = self._generation.translate(batch)
        with torch.set_grad_enabled(self.config.maps_guide_generator):
            maps = self._student.maps(torch.cat([batch.infrared, self._shown(images)]))
        infrared_maps, fake_maps = maps.chunk(2)
        return {
            **self._update_generators(images, fake_maps, updates),
            **self._update_discriminators(images, infrared_maps, fake_maps, updates),
        }

    def joint_step(self, batch: Batch, updates: Updates) -> Losses:
        """Take one step of Algorithm 1: generators, then student, then discriminators.

        The student sees X_R, X_I and X'_I once, before the first update: Eq. 1 needs the feature
        map of X'_I, and an update of the generators changes neither X'_I nor the student.
        """
        images = self._generation.translate(batch)
        shown = torch.cat([batch.visible, batch.infrared, self._shown(images)])
        recognized = self._student(self._erase(shown))
        _, infrared_maps, fake_maps = recognized.maps.chunk(3)
        return {
            **self._update_generators(images, fake_maps, updates),
            **self._update_student(batch, images, recognized, updates),
            **self._update_discriminators(images, infrared_maps, fake_maps, updates),
        }

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:  # noqa: ARG002
        """Embed a batch by the backbone that is scored, whatever the modality: one view.

        Args:
            images: Float tensor (B, 3, H, W) in [0, 1].
            modality: "visible" or "infrared".

        Returns:
            (B, 1, D).
        """
        return self._scored.embed(images, self.config.embedding)[:, None]

    @torch.no_grad()
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        """Translate images into the other modality (Fig. 5).

        Args:
            visible: Float tensor (B, 3, H, W) in [0, 1].
            infrared: The same for infrared.

        Returns:
            Real and fake images of the same shape and range, by name, in the order of a grid's
            columns; nothing where the variant has no generators.
        """
        if not self.config.has_generators:
            return {}
        return {
            "visible": visible,
            "fake infrared": from_signed(self._generation.to_infrared(to_signed(visible))),
            "infrared": infrared,
            "fake visible": from_signed(self._generation.to_visible(to_signed(infrared))),
        }

    def _update_generators(
        self, images: Translated, fake_maps: torch.Tensor, updates: Updates
    ) -> Losses:
        """Lines 1 and 2 of Algorithm 1, on L_G (Eq. 7)."""
        return updates.minimize(
            self._generation.generator_losses(images, fake_maps),
            GENERATORS,
            weights=self.config.loss_weights,
            # Maps that guide the generator share their graph with the student's loss.
            retain_graph=self.config.maps_guide_generator,
        )

    def _update_student(
        self, batch: Batch, images: Translated, recognized: Recognition, updates: Updates
    ) -> Losses:
        """Lines 3 and 4 of Algorithm 1, on L_ReID + L_TS (Eqs. 8 and 16)."""
        losses = {**self._recognition_losses(recognized, batch.labels.repeat(3))}
        if self._generation.is_joint:
            _, infrared_maps, fake_maps = recognized.maps.chunk(3)
            losses["gan"] = self._generation.deception_loss(images, infrared_maps, fake_maps)
        if self.config.has_teacher:
            fake = from_signed(images.fake_infrared.detach())
            losses |= self._teacher_student_losses(recognized.middle, batch.infrared, fake)
        return updates.minimize(losses, STUDENT, weights=self.config.loss_weights)

    def _update_discriminators(
        self,
        images: Translated,
        infrared_maps: torch.Tensor,
        fake_maps: torch.Tensor,
        updates: Updates,
    ) -> Losses:
        """Lines 5 to 7 of Algorithm 1, on L_D (Eq. 2); the maps are those of before."""
        loss = self._generation.discriminator_loss(images, infrared_maps, fake_maps)
        return updates.minimize({"discriminator": loss}, DISCRIMINATORS)

    def _recognition_losses(self, recognized: Recognition, labels: torch.Tensor) -> Losses:
        """Return the losses of Eqs. 9 to 11; triplets are drawn from all that was recognised."""
        config = self.config
        return {
            "identity": identity_loss(recognized.logits, labels, config.label_smoothing),
            "triplet": batch_hard_triplet(recognized.features, labels, config.margin),
        }

    def _teacher_student_losses(
        self, middle: torch.Tensor, infrared: torch.Tensor, fake: torch.Tensor
    ) -> Losses:
        """Return the losses of Eqs. 13 to 15, also one of weight 0, which is logged then.

        Args:
            middle: f_map,S of X_R, X_I and X'_I (3 M, C, h, w).
            infrared: X_I (M, 3, H, W) in [0, 1].
            fake: X'_I, likewise.
        """
        of_visible, of_infrared, of_fake = middle.chunk(3)
        with torch.no_grad():
            taught = self._teacher.middle(torch.cat([infrared, fake]))
        taught_infrared, taught_fake = taught.chunk(2)
        reduction = self.config.map_reduction
        return {
            "real-infrared": map_loss(taught_infrared, of_infrared, reduction),
            "fake-infrared": map_loss(taught_fake, of_fake, reduction),
            "cross-domain": map_loss(taught_fake, of_visible, reduction),
        }

    def _shown(self, images: Translated) -> torch.Tensor:
        """Return X'_I in [0, 1] as the student sees it: a constant unless its maps guide G_I."""
        fake = images.fake_infrared
        return from_signed(fake if self.config.maps_guide_generator else fake.detach())

    def _erase(self, images: torch.Tensor) -> torch.Tensor:
        """Erase rectangles of what a ReID network learns from; drawn from torch's generator."""
        if self.config.erasing == 0:
            return images
        erasing = AugmentationConfig(flip=0.0, padding=0, erasing=self.config.erasing)
        return augment(images, erasing, torch.default_generator)

    def _stages(self) -> Iterator[Stage]:
        config, gan = self.config, self._gan_plans()
        fixed = [self._teacher] if config.has_teacher else []
        alone = config.learner != "student"
        if config.has_teacher or alone:
            teacher = OptimizerPlan.of(
                config.optimizer, self._teacher, schedule=config.teacher_schedule
            )
            yield config.stage(
                "teacher",
                self.teacher_step,
                {TEACHER: teacher},
                epochs=config.teacher_epochs,
                sampling=config.teacher_sampling,
            )
        if alone:
            return
        if gan and config.generation_epochs:
            yield config.stage(
                "generation",
                self.generation_step,
                gan,
                epochs=config.generation_epochs,
                frozen=[self._student, *fixed],
            )
        student = OptimizerPlan.of(config.optimizer, self._student, schedule=config.schedule)
        step = self.joint_step if gan else self.student_step
        yield config.stage("joint", step, {STUDENT: student, **gan}, frozen=fixed)

    def _gan_plans(self) -> dict[str, OptimizerPlan]:
        if not self.config.has_generators:
            return {}
        networks = {
            GENERATORS: self._generation.generators,
            DISCRIMINATORS: self._generation.discriminators,
        }
        config, schedule = self.config.gan_optimizer, self.config.gan_schedule
        return {
            name: OptimizerPlan.of(config, network, schedule=schedule)
            for name, network in networks.items()
        }
