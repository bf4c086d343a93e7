"""What JSIA compares at test time, and the pictures that it makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_core import Modality, UsageError
from bench_core.methods import Batch, from_signed, to_signed
from bench_core.modeling.pretrained import parse_weights
from bench_jsia.method import JSIA

Make = Callable[..., JSIA]

VARIANTS = ["full", "baseline", "without-disentanglement"]


def settled(method: JSIA) -> JSIA:
    """Give the batch normalisations statistics, then evaluate."""
    random = torch.Generator().manual_seed(9)
    for module in method.networks.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.uniform_(-0.2, 0.2, generator=random)
    method.networks.eval()
    return method


@pytest.mark.parametrize("modality", ["visible", "infrared"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_has_one_view_the_same_for_either_modality(
    variant: str, modality: Modality, make: Make, batch: Batch
) -> None:
    method = settled(make(variant))
    features = method.extract(batch.visible, modality)
    assert features.shape == (6, 1, 256)
    assert torch.equal(features, method.extract(batch.visible, "visible"))


def test_eq_17_is_the_pooled_map_of_e_il_behind_e_sl(make: Make, batch: Batch) -> None:
    method = settled(make())
    networks = method.networks
    maps = networks["backbone"].body(networks["normalization"](batch.visible))
    expected = maps.mean((2, 3))
    assert torch.allclose(method.extract(batch.visible, "visible")[:, 0], expected, atol=1e-5)
    behind = settled(make("full", "embedding=neck"))
    expected = behind.networks["neck"].normalization(expected)
    assert torch.allclose(behind.extract(batch.visible, "visible")[:, 0], expected, atol=1e-4)


def test_distances_are_cosine() -> None:
    assert JSIA.metric == "cosine"


def test_grey_input_sees_no_hue(make: Make, batch: Batch) -> None:
    """Red and blue exchanged, so that the luma of the normalised image stays what it was."""
    method = settled(make("full", "content_input=grey"))
    red_share = 0.2989 / 0.229
    blue_share = 0.114 / 0.225
    changed = batch.visible.clone()
    changed[:, 0] += 0.1 / red_share
    changed[:, 2] -= 0.1 / blue_share
    same = method.extract(changed, "visible")
    assert torch.allclose(same, method.extract(batch.visible, "visible"), atol=1e-4)
    colour = settled(make())
    difference = colour.extract(changed, "visible") - colour.extract(batch.visible, "visible")
    assert difference.abs().max() > 1e-2


def test_extraction_runs_no_network_of_the_generation_module(make: Make, batch: Batch) -> None:
    method, seen = settled(make()), []
    for name, network in method.networks.items():
        if name not in ("backbone", "normalization"):
            network.register_forward_hook(lambda *_, name=name: seen.append(name))
    with FlopCounterMode(display=False) as counter:
        method.extract(batch.visible, "visible")
    assert seen == []
    assert counter.get_total_flops() > 0


def test_pictures_are_real_and_paired_images_in_the_order_of_a_grid(
    make: Make, batch: Batch
) -> None:
    method = settled(make())
    pictures = method.pictures(batch.visible, batch.infrared)
    assert list(pictures) == ["visible", "fake infrared", "infrared", "fake visible"]
    assert torch.equal(pictures["visible"], batch.visible)
    assert torch.equal(pictures["infrared"], batch.infrared)
    for images in pictures.values():
        assert images.shape == batch.visible.shape
        assert not images.requires_grad
        assert 0 <= images.min() <= images.max() <= 1
    networks = method.networks
    content = networks["backbone"].split(1)[0](networks["normalization"](batch.visible))
    style = networks["style_encoder_infrared"](to_signed(batch.infrared))
    expected = from_signed(networks["decoder_infrared"](content, style))
    assert torch.allclose(pictures["fake infrared"], expected, atol=1e-4)


def test_pictures_of_half_the_size_are_shown_at_full_size(make: Make) -> None:
    method = settled(make("full", "image_height=64", "image_width=64", "generated_size=half"))
    images = torch.rand(2, 3, 64, 64)
    for shown in method.pictures(images, images).values():
        assert shown.shape == images.shape
    strip = method.mixing_strip(images, "visible", [0.5])
    assert strip.shape == (3, 3, 64, 64)


def test_the_baseline_has_no_pictures(make: Make, batch: Batch) -> None:
    assert make("baseline").pictures(batch.visible, batch.infrared) == {}


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_a_mixing_strip_goes_from_one_image_to_the_other(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method = settled(make())
    images = getattr(batch, modality)[[0, 3]]
    strip = method.mixing_strip(images, modality, [1.0, 0.25, 0.0])
    assert strip.shape == (5, 3, 32, 32)
    assert torch.equal(strip[0], images[0])
    assert torch.equal(strip[-1], images[1])
    assert not strip.requires_grad
    assert 0 <= strip.min() <= strip.max() <= 1
    assert torch.equal(method.mixing_strip(images, modality, [1.0, 0.25, 0.0]), strip)  # no noise
    turned = method.mixing_strip(images.flip(0), modality, [1.0, 0.75, 0.0])
    assert torch.allclose(turned.flip(0), strip, atol=1e-5)
    networks = method.networks
    content = networks["backbone"].split(1)[0](networks["normalization"](images))
    latents = networks["variation"].encode(content).mean
    styles = networks[f"style_encoder_{modality}"](to_signed(images))
    maps = networks["variation"].decode(0.25 * latents[:1] + 0.75 * latents[1:], content)
    mixed = networks[f"decoder_{modality}"](maps, 0.25 * styles[:1] + 0.75 * styles[1:])
    assert torch.allclose(strip[2], from_signed(mixed)[0], atol=1e-4)


def test_without_a_variation_module_nothing_is_mixed(make: Make, batch: Batch) -> None:
    with pytest.raises(UsageError, match="no variation module; use one that has unseen_identities"):
        make("sl-il").mixing_strip(batch.visible[:2], "visible", [0.5])


def test_pretrained_weights_go_to_the_backbone_and_to_its_separate_copy(
    make: Make, tmp_path: Path
) -> None:
    source, method = make("baseline").networks["backbone"], make("il")
    with torch.no_grad():
        for value in source.parameters():
            value.add_(1)
    before = method.networks["decoder_visible"].state_dict()
    before = {name: value.clone() for name, value in before.items()}
    torch.save(source.body.state_dict(), tmp_path / "weights.pth")
    method.load_pretrained(parse_weights(str(tmp_path / "weights.pth")))
    for name, value in method.networks["backbone"].state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
    content = method.networks["content_encoder"].state_dict()
    for name, value in source.split(1)[0].state_dict().items():
        assert torch.equal(content[name], value), name
    for name, value in method.networks["decoder_visible"].state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_separate_content_encoder_starts_as_a_copy_of_its_own(make: Make) -> None:
    networks = make("il").networks
    pairs = zip(
        networks["backbone"].split(1)[0].parameters(),
        networks["content_encoder"].parameters(),
        strict=True,
    )
    for one, other in pairs:
        assert torch.equal(one, other)
        assert one is not other
