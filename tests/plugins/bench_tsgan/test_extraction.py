"""What TS-GAN compares at test time, the pictures it makes, and where it starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench_core import Modality
from bench_core.methods import Batch, from_signed, to_signed
from bench_core.modeling.pretrained import parse_weights
from bench_tsgan.method import TSGAN

Make = Callable[..., TSGAN]

VARIANTS = ["full", "backbone", "od-single-ts", "od-all-ts"]
ALONE = ["infrared", "visible"]


def embed(method: TSGAN, images: torch.Tensor, modality: Modality = "visible") -> torch.Tensor:
    method.networks.eval()
    with torch.inference_mode():
        return method.extract(images, modality)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_is_embedded_as_v_by_the_students_backbone_alone(
    variant: str, make: Make, batch: Batch
) -> None:
    method = make(variant)
    features = embed(method, batch.visible)
    assert features.shape == (6, 1, 256)
    student = method.networks["student"]
    with torch.inference_mode():
        expected = student.backbone(student.normalization(batch.visible))
    assert torch.equal(features[:, 0], expected)


@pytest.mark.parametrize("variant", ALONE)
def test_of_one_modality_the_teacher_is_scored(variant: str, make: Make, batch: Batch) -> None:
    """Table III."""
    method = make(variant)
    assert list(method.networks) == ["teacher"]
    teacher = method.networks["teacher"]
    for images, modality in ((batch.visible, "visible"), (batch.infrared, "infrared")):
        features = embed(method, images, modality)  # type: ignore[arg-type]
        with torch.inference_mode():
            expected = teacher.backbone(teacher.normalization(images))
        assert torch.equal(features[:, 0], expected)


def test_no_other_network_runs(make: Make, batch: Batch) -> None:
    method, ran = make(), set[str]()
    for name, network in method.networks.items():
        for module in network.modules():
            module.register_forward_hook(lambda *_, name=name: ran.add(name))
    embed(method, batch.visible)
    assert ran == {"student"}


def test_both_modalities_are_embedded_alike(make: Make, batch: Batch) -> None:
    method = make()
    features = [embed(method, batch.infrared, name) for name in ("visible", "infrared")]
    assert torch.equal(*features)


@pytest.mark.parametrize("neck", ["batch-norm", "none"])
def test_features_at_unit_length_have_the_direction_of_v(
    neck: str, make: Make, batch: Batch
) -> None:
    plain, unit = (
        embed(make("backbone", f"neck={neck}", f"embedding={name}"), batch.visible)
        for name in ("pooled", "pooled-normalized")
    )
    torch.testing.assert_close(unit, plain / plain.norm(dim=2, keepdim=True))


def test_features_behind_the_neck_are_normalised_by_it_and_to_unit_length(
    make: Make, batch: Batch
) -> None:
    method = make("backbone", "embedding=neck-normalized")
    normalization = method.networks["student"].head.normalization
    with torch.no_grad():
        normalization.running_mean.uniform_(0, 1)
        normalization.weight.uniform_(0.5, 2)
    features = embed(method, batch.visible)
    plain = embed(make("backbone"), batch.visible)[:, 0]
    with torch.no_grad():
        behind = normalization.eval()(plain)
    torch.testing.assert_close(features[:, 0], behind / behind.norm(dim=1, keepdim=True))


def test_pictures_are_the_pairs_of_figure_5(make: Make, batch: Batch) -> None:
    method = make()
    pictures = method.pictures(batch.visible, batch.infrared)
    assert list(pictures) == ["visible", "fake infrared", "infrared", "fake visible"]
    assert torch.equal(pictures["visible"], batch.visible)
    assert torch.equal(pictures["infrared"], batch.infrared)
    for modality, images in (("infrared", batch.visible), ("visible", batch.infrared)):
        with torch.no_grad():
            expected = from_signed(method.networks[f"generator_to_{modality}"](to_signed(images)))
        made = pictures[f"fake {modality}"]
        assert torch.equal(made, expected)
        assert 0 <= made.min() <= made.max() <= 1
        assert not made.requires_grad


def test_a_variant_without_generators_has_no_pictures(make: Make, batch: Batch) -> None:
    assert make("backbone").pictures(batch.visible, batch.infrared) == {}


def test_pretrained_weights_go_to_the_backbones_of_student_and_teacher(
    make: Make, tmp_path: Path
) -> None:
    source, method = make("backbone").networks["student"].backbone, make()
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    before = {name: value.clone() for name, value in method.networks.state_dict().items()}
    method.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    for name in ("student", "teacher"):
        for key, value in method.networks[name].backbone.state_dict().items():
            assert torch.equal(value, source.state_dict()[key]), key
    for key, value in method.networks.state_dict().items():
        assert ".backbone." in key or torch.equal(value, before[key]), key
