"""Steps of `official-code` against the authors' losses, written out once more by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch.nn.functional import avg_pool2d, cross_entropy, interpolate

from bench_core.methods import Batch
from bench_core.testing import record_step
from bench_jsia.method import JSIA

Losses = Mapping[str, torch.Tensor]
Make = Callable[..., JSIA]

SIZE, DRAWN = 64, 4
"""Height and width of images, and images of each modality that others are generated of."""
LUMA = torch.tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)


class Authors(NamedTuple):
    """What the authors' code minimises: by the generators, by them but for E^i, by Dis."""

    generators: torch.Tensor
    features: torch.Tensor
    discriminators: torch.Tensor


def absolute(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return (first - second).abs().mean()


def square(scores: tuple[torch.Tensor, ...], target: float) -> torch.Tensor:
    return torch.stack([((scale - target) ** 2).mean() for scale in scores]).sum()


def both_ways(moving: torch.Tensor, fixed: torch.Tensor) -> torch.Tensor:
    p, q = moving.softmax(1), fixed.detach().softmax(1)
    return ((q * (q / p).log()).sum(1) + (p * (p / q).log()).sum(1)).mean()


def hardest(anchors: torch.Tensor, others: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    distances = torch.cdist(anchors, others)
    same = labels[:, None] == labels
    positive = torch.where(same, distances, -torch.inf).max(1).values
    negative = torch.where(same, torch.inf, distances).min(1).values
    return (0.3 + positive - negative).clamp(min=0).mean()


class Code:
    """The authors' passes, each of one modality by itself.

    Args:
        method: Whose networks they go through; all are in training mode.
    """

    def __init__(self, method: JSIA) -> None:
        self.networks = method.networks
        self.set_level, self.instance_level = method.networks["backbone"].split(1)

    def content(self, images: torch.Tensor) -> torch.Tensor:
        mean, std = (
            torch.tensor(values).view(1, 3, 1, 1)
            for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        large = interpolate(images, (SIZE, SIZE), mode="bilinear", align_corners=False)
        normalized = ((large + 1) / 2 - mean) / std
        grey = (normalized * LUMA).sum(1, keepdim=True).repeat(1, 3, 1, 1)
        maps: torch.Tensor = self.set_level(grey)
        return maps

    def recognize(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.instance_level(self.content(images)).mean((2, 3))
        return features, self.networks["neck"](features)[1]

    def generation(self, rgb: torch.Tensor, ir: torch.Tensor) -> tuple[Authors, Any]:
        """Return the losses of the generation module, and fake infrared and RGB images."""
        parts = [
            self.networks[f"{name}_{modality}"]
            for name in ("style_encoder", "decoder", "discriminator")
            for modality in ("visible", "infrared")
        ]
        style_rgb, style_ir, decode_rgb, decode_ir, dis_rgb, dis_ir = parts
        rgb_content, ir_content = self.content(rgb), self.content(ir)
        rgb_style, ir_style = style_rgb(rgb), style_ir(ir)
        fake_rgb, fake_ir = decode_rgb(ir_content, rgb_style), decode_ir(rgb_content, ir_style)
        content_of_fake_rgb, content_of_fake_ir = self.content(fake_rgb), self.content(fake_ir)
        restored = absolute(decode_rgb(rgb_content, rgb_style), rgb)
        restored = restored + absolute(decode_ir(ir_content, ir_style), ir)
        cycled = absolute(decode_rgb(content_of_fake_ir, rgb_style), rgb)
        cycled = cycled + absolute(decode_ir(content_of_fake_rgb, ir_style), ir)
        game = square(dis_rgb(fake_rgb), 1) + square(dis_ir(fake_ir), 1)
        features = absolute(content_of_fake_rgb, ir_content)
        features = features + absolute(content_of_fake_ir, rgb_content)
        features = features + absolute(style_rgb(fake_rgb), rgb_style)
        features = features + absolute(style_ir(fake_ir), ir_style)
        judged = square(dis_rgb(rgb), 1) + square(dis_rgb(fake_rgb.detach()), 0)
        judged = judged + square(dis_ir(ir), 1) + square(dis_ir(fake_ir.detach()), 0)
        losses = Authors(game + 10 * (restored + cycled), features, judged)
        return losses, (fake_ir.detach(), fake_rgb.detach())

    def joint(self, batch: Batch) -> Authors:
        labels = batch.labels
        features, logits = self.recognize(batch.visible * 2 - 1)
        ir_features, ir_logits = self.recognize(batch.infrared * 2 - 1)
        classes = [cross_entropy(each, labels, label_smoothing=0.1) for each in (logits, ir_logits)]
        triplets = hardest(features, ir_features, labels) + hardest(ir_features, features, labels)
        rgb, ir = drawn(batch)
        made, (fake_ir, fake_rgb) = self.generation(rgb, ir)
        pixels = [
            both_ways(self.recognize(fake)[1], self.recognize(real)[1])
            for fake, real in ((fake_ir, rgb), (fake_rgb, ir))
        ]
        learner = torch.stack(classes).sum() / 2 + triplets / 2 + 0.01 * torch.stack(pixels).sum()
        return made._replace(generators=made.generators + learner)


def drawn(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first images of both modalities at half the size, in [-1, 1]."""
    rgb, ir = (avg_pool2d(x[:DRAWN], 2) * 2 - 1 for x in (batch.visible, batch.infrared))
    return rgb, ir


@pytest.fixture
def method(make: Make) -> JSIA:
    """The authors' JSIA on a small backbone."""
    return make("full", f"image_height={SIZE}", f"image_width={SIZE}", preset="official-code")


@pytest.fixture
def large(batch: Batch) -> Batch:
    """The batch at the size of that method; its first four images are those of two identities."""
    visible, infrared = (interpolate(x, (SIZE, SIZE)) for x in (batch.visible, batch.infrared))
    return Batch(visible, infrared, batch.labels)


def test_a_joint_step_minimises_what_the_authors_code_does(method: JSIA, large: Batch) -> None:
    _, calls = record_step(method, "joint", large)
    expected = Code(method).joint(large)
    assert [names for _, names in calls] == [
        ("learner", "generator"), ("generator",), ("discriminator",),
    ]  # fmt: skip
    for (total, _), loss in zip(calls, expected, strict=True):
        assert total.item() == pytest.approx(loss.item(), rel=1e-4)


def test_a_generation_step_minimises_what_the_authors_code_does(method: JSIA, large: Batch) -> None:
    small = Batch(large.visible[:DRAWN], large.infrared[:DRAWN], large.labels[:DRAWN])
    _, calls = record_step(method, "generation", small)
    expected, _ = Code(method).generation(*drawn(large))
    assert [names for _, names in calls] == [("generator",), ("generator",), ("discriminator",)]
    for (total, _), loss in zip(calls, expected, strict=True):
        assert total.item() == pytest.approx(loss.item(), rel=1e-4)


@pytest.mark.parametrize(("targets", "equal"), [("moving", True), ("fixed", False)])
def test_the_authors_styles_learn_as_targets_too(
    targets: str, equal: bool, make: Make, large: Batch
) -> None:
    size = (f"image_height={SIZE}", f"image_width={SIZE}")
    method = make("full", *size, f"feature_targets={targets}", preset="official-code")
    losses, _ = record_step(method, "joint", large)
    expected, _ = Code(method).generation(*drawn(large))
    values = list(method.networks["style_encoder_visible"].parameters())
    gradients = [
        torch.cat([each.flatten() for each in torch.autograd.grad(loss, values)])
        for loss in (losses["feature-reconstruction"], expected.features)
    ]
    assert losses["feature-reconstruction"].item() == pytest.approx(
        expected.features.item(), rel=1e-4
    )
    assert torch.allclose(*gradients, rtol=1e-2, atol=1e-5) == equal
