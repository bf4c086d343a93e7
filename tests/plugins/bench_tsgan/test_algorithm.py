"""Algorithm 1, written once more in plain PyTorch: every gradient and the networks after a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench_core.methods import Batch, Losses, Updates
from bench_core.testing import enter_stage
from bench_tsgan.method import TSGAN

Make = Callable[..., TSGAN]
Gradients = dict[str, torch.Tensor]

MEAN, STD = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
STAGE_3 = 6
"""Layers of the small backbone up to its third stage: three of the stem, one a stage."""


def looks_real(logits: torch.Tensor) -> torch.Tensor:
    """-E log D."""
    return (1 + (-logits).exp()).log().mean()


def looks_fake(logits: torch.Tensor) -> torch.Tensor:
    """-E log(1 - D)."""
    return (1 + logits.exp()).log().mean()


class Reference:
    """A copy of the networks, and the three phases of Algorithm 1 on it."""

    def __init__(self, method: TSGAN) -> None:
        self.networks = deepcopy(method.networks)

    def student(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return f_map,S, f_map,R, V and the logits of images in [0, 1]."""
        network = self.networks["student"]
        normalized = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        middle = network.backbone.body[:STAGE_3](normalized)
        maps = network.backbone.body[STAGE_3:](middle)
        feature = maps.mean((2, 3))
        centred = feature - feature.mean(0)
        neck = (
            centred / (centred.square().mean(0) + 1e-5).sqrt() * network.head.normalization.weight
        )
        return middle, maps, feature, neck @ network.head.classifier.weight.T

    def teacher(self, images: torch.Tensor) -> torch.Tensor:
        """Return f_map,T of images in [0, 1]."""
        network = self.networks["teacher"].eval()
        normalized = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        maps: torch.Tensor = network.backbone.body[:STAGE_3](normalized)
        return maps.detach()

    def take(self, loss: torch.Tensor, names: list[str]) -> Gradients:
        """Return the gradients of a loss by the parameters of some networks."""
        parameters = dict(self.learning(names))
        gradients = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
        return dict(zip(parameters, gradients, strict=True))

    def learning(self, names: list[str]) -> Iterator[tuple[str, nn.Parameter]]:
        for name in names:
            for key, value in self.networks[name].named_parameters():
                if value.requires_grad:
                    yield f"{name}.{key}", value


def batch_hard(features: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Eq. 11 with the hardest positive and negative, mean over anchors."""
    distances = (features[:, None] - features[None]).square().sum(2).clamp(min=1e-12).sqrt()
    losses = []
    for row, label in zip(distances, labels, strict=True):
        losses.append((margin + row[labels == label].max() - row[labels != label].min()).clamp(0))
    return torch.stack(losses).mean()


def smooth(logits: torch.Tensor, labels: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Eqs. 9 and 10."""
    num = logits.shape[1]
    targets = torch.full_like(logits, epsilon / num)
    targets[torch.arange(len(labels)), labels] = 1 - (num - 1) / num * epsilon
    return -(targets * functional.log_softmax(logits, 1)).sum(1).mean()


def algorithm_1(reference: Reference, batch: Batch) -> dict[str, Gradients]:
    """Return the gradients of each phase; no phase has updated anything that a later one needs."""
    networks = reference.networks
    to_infrared, to_visible = (
        networks[f"generator_to_{modality}"] for modality in ("infrared", "visible")
    )
    judge, judge_visible = (
        networks[f"discriminator_{modality}"] for modality in ("infrared", "visible")
    )
    visible, infrared = 2 * batch.visible - 1, 2 * batch.infrared - 1
    # Line 1: X'_I = G_I(X_R), and L_G (Eqs. 1, 6 and 7) with the map as a constant.
    fake, fake_visible = to_infrared(visible), to_visible(infrared)
    shown = torch.cat([batch.visible, batch.infrared, (fake.detach() + 1) / 2])
    middle, maps, feature, logits = reference.student(shown)
    _, infrared_maps, fake_maps = maps.split(6)
    cycle = (to_visible(fake) - visible).abs().mean()
    cycle = cycle + (to_infrared(fake_visible) - infrared).abs().mean()
    adversarial = looks_real(judge(fake, fake_maps.detach()))
    adversarial = adversarial + looks_real(judge_visible(fake_visible))
    generators = reference.take(
        adversarial + 10 * cycle, ["generator_to_infrared", "generator_to_visible"]
    )
    # Line 3: L_ReID + L_TS (Eqs. 8 to 16); the images are constants.
    fake, fake_visible = fake.detach(), fake_visible.detach()
    deceived = torch.cat(
        [judge(fake, fake_maps), judge(fake, infrared_maps), judge(infrared, fake_maps)]
    )
    labels = batch.labels.repeat(3)
    taught = reference.teacher(torch.cat([batch.infrared, (fake + 1) / 2]))
    of_visible, of_infrared, of_fake = middle.split(6)
    loss = 3 * smooth(logits, labels, 0.1) + batch_hard(feature, labels, 0.3)
    loss = loss + 0.1 * looks_real(deceived)
    loss = loss + 0.006 * (taught[6:] - of_visible).square().mean()
    loss = loss + 0.003 * (taught[:6] - of_infrared).square().mean()
    loss = loss + 0.003 * (taught[6:] - of_fake).square().mean()
    student = reference.take(loss, ["student"])
    # Lines 5 and 6: L_D (Eqs. 2 to 5), with the maps as constants.
    infrared_maps, fake_maps = infrared_maps.detach(), fake_maps.detach()
    judged_fake = torch.cat(
        [judge(fake, fake_maps), judge(fake, infrared_maps), judge(infrared, fake_maps)]
    )
    loss = looks_real(judge(infrared, infrared_maps)) + looks_fake(judged_fake)
    loss = loss + looks_real(judge_visible(visible)) + looks_fake(judge_visible(fake_visible))
    discriminators = reference.take(loss, ["discriminator_infrared", "discriminator_visible"])
    return {"generators": generators, "student": student, "discriminators": discriminators}


class Noted(Updates):
    """Updates that keep the gradient of each parameter that they move."""

    def __init__(self, method: TSGAN, updates: Updates) -> None:
        self._method, self._updates = method, updates
        self.gradients: dict[str, Gradients] = {}

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        for value in self._method.networks.parameters():
            value.grad = None
        logged = self._updates.minimize(losses, *optimizers, **options)
        self.gradients[optimizers[0]] = {
            name: value.grad.clone()
            for name, value in self._method.networks.named_parameters()
            if value.grad is not None
        }
        return logged


def test_a_step_is_algorithm_1(make: Make, batch: Batch) -> None:
    """The gradients of all three phases, to single precision, network by network."""
    method = make()
    reference = Reference(method)
    noted = Noted(method, enter_stage(method, "joint"))
    method.joint_step(batch, noted)
    expected = algorithm_1(reference, batch)
    assert noted.gradients.keys() == expected.keys()
    for phase, gradients in expected.items():
        assert noted.gradients[phase].keys() == gradients.keys()
        for network in {name.partition(".")[0] for name in gradients}:
            names = [name for name in gradients if name.startswith(f"{network}.")]
            own, theirs = (
                torch.cat([part[name].flatten() for name in names])
                for part in (noted.gradients[phase], gradients)
            )
            assert (own - theirs).norm() < 1e-4 * theirs.norm(), network


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3])
def test_the_networks_after_a_step_are_those_of_adam(steps: int, make: Make, batch: Batch) -> None:
    """Adam of the base rates, with weight decay in the gradient for the student alone."""
    method = make("full", "optimizer.learning_rate=1e-3")
    reference = Reference(method)
    settings = {"generators": (2e-4, (0.5, 0.999), 0.0), "student": (1e-3, (0.9, 0.999), 5e-4)}
    settings["discriminators"] = settings["generators"]
    names = {
        "generators": ["generator_to_infrared", "generator_to_visible"],
        "student": ["student"],
        "discriminators": ["discriminator_infrared", "discriminator_visible"],
    }
    adams = {
        phase: torch.optim.Adam(
            [value for _, value in reference.learning(names[phase])],
            lr=rate, betas=betas, weight_decay=decay,
        )
        for phase, (rate, betas, decay) in settings.items()
    }  # fmt: skip
    updates = enter_stage(method, "joint")
    for _ in range(steps):
        method.joint_step(batch, updates)
        for phase, gradients in algorithm_1(reference, batch).items():
            for name, value in reference.learning(names[phase]):
                value.grad = gradients[name]
            adams[phase].step()
    started = make().networks.state_dict()
    moved, expected = method.networks.state_dict(), reference.networks.state_dict()
    for network in [name for phase in names.values() for name in phase]:
        # A bias before a normalisation has no gradient but rounding, of which Adam makes a step.
        weights = [key for key in started if key.startswith(network) and key.endswith("weight")]
        own, theirs = (
            torch.cat([(state[key] - started[key]).flatten() for key in weights])
            for state in (moved, expected)
        )
        assert (own - theirs).norm() < 0.02 * theirs.norm(), network
