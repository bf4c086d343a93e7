"""The feature alignment module: what is predicted from which part of an image (Sec. 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench_core.methods import identity_loss, prediction_divergence
from bench_jsia.learner import Recognition
from bench_jsia.losses import instance_alignment, triplet_loss
from bench_jsia.method import JSIA
from bench_jsia.pairs import Pair

Make = Callable[..., JSIA]


def close(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.allclose(first, second, atol=1e-5)


def maps_of(method: JSIA, number: int = 6) -> torch.Tensor:
    images = torch.rand(number, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    maps: torch.Tensor = method.networks["backbone"].split(1)[0](images)
    return maps.detach()


def recognition(number: int = 6, regions: int = 3) -> Recognition:
    random = torch.Generator().manual_seed(1)
    return Recognition(
        torch.randn(number, 4, generator=random),
        torch.randn(number, 5, generator=random),
        torch.randn(number, regions, 5, generator=random),
    )


def test_classifiers_see_the_pooled_maps_and_their_horizontal_stripes(make: Make) -> None:
    method = make("full", "image_height=64", "num_regions=2")
    method.networks.eval()
    maps = maps_of(method)
    seen = method._learner.recognize(maps, regions=True)
    refined = method.networks["backbone"].split(1)[1](maps)
    assert refined.shape[2:] == (4, 2)
    assert close(seen.features, refined.mean((2, 3)))
    assert close(seen.logits, method.networks["neck"](refined.mean((2, 3)))[1])
    assert seen.regions is not None
    assert seen.regions.shape == (6, 2, 5)
    for index, neck in enumerate(method.networks["region_necks"]):
        stripe = refined[:, :, 2 * index : 2 * index + 2].mean((2, 3))
        assert close(seen.regions[:, index], neck(stripe)[1])


def test_regions_are_recognised_only_where_wanted(make: Make) -> None:
    method = make()
    assert method._learner.recognize(maps_of(method), regions=False).regions is None


def test_generated_images_leave_the_running_statistics_alone(make: Make) -> None:
    method = make()
    maps = maps_of(method)
    before = {name: value.clone() for name, value in method.networks.state_dict().items()}
    generated = method._learner.recognize_generated(maps, regions=True)
    for name, value in method.networks.state_dict().items():
        assert torch.equal(value, before[name]), name
    # They are normalised by the statistics of their own batch all the same.
    plain = method._learner.recognize(maps, regions=True)
    assert torch.equal(generated.logits, plain.logits)
    changed = {
        name
        for name, value in method.networks.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert any(name.startswith("neck") for name in changed)


def test_generated_images_count_for_test_time_where_asked(make: Make) -> None:
    method = make("full", "running_statistics=all")
    neck = method.networks["neck"].normalization
    before = neck.running_mean.clone()
    method._learner.recognize_generated(maps_of(method), regions=True)
    assert not torch.equal(neck.running_mean, before)


@pytest.mark.parametrize(("statistics", "apart"), [("separate", True), ("shared", False)])
def test_modalities_share_the_statistics_of_their_batch_where_asked(
    statistics: str, apart: bool, make: Make
) -> None:
    """Then what is seen in visible images depends on the infrared ones beside them."""
    method = make("full", f"batch_statistics={statistics}")
    maps = maps_of(method)
    other = torch.cat([maps[:3], maps[3:].flip(2) + 1])
    seen = [method._learner.recognize(each, regions=True) for each in (maps, other)]
    for first, second in zip(*seen, strict=True):
        assert torch.equal(first[:3], second[:3]) == apart
        assert not torch.equal(first[3:], second[3:])


@pytest.mark.parametrize(("statistics", "apart"), [("separate", True), ("shared", False)])
def test_so_does_the_modality_invariant_encoder(statistics: str, apart: bool, make: Make) -> None:
    method = make("full", f"batch_statistics={statistics}")
    images = torch.rand(6, 3, 32, 32)
    other = torch.cat([images[:3], images[3:] / 2])
    for encode in (method._set_level.of_both, method._set_level.of_generated):
        first, second = (encode(each)[:3] for each in (images, other))
        assert torch.equal(first, second) == apart


def test_eq_13_is_taken_of_real_images_of_both_modalities(make: Make) -> None:
    real, labels = recognition(), torch.tensor([0, 1, 2])
    losses = make()._learner.identity_losses(real, labels)
    assert losses.keys() == {"identity", "triplet", "region-identity"}
    assert close(losses["identity"], identity_loss(real.logits, labels.repeat(2)))
    features = Pair(real.features[:3], real.features[3:])
    assert close(losses["triplet"], triplet_loss(features, labels, 0.3, "all"))
    assert real.regions is not None
    by_region = [identity_loss(real.regions[:, index], labels.repeat(2)) for index in range(3)]
    assert close(losses["region-identity"], torch.stack(by_region).mean())


def test_smoothing_margin_and_mining_are_those_of_the_configuration(make: Make) -> None:
    real, labels = recognition(), torch.tensor([0, 1, 2])
    settings = ("label_smoothing=0.2", "margin=1.5", "triplet_mining=cross-modality")
    losses = make("full", *settings)._learner.identity_losses(real, labels)
    assert close(losses["identity"], identity_loss(real.logits, labels.repeat(2), 0.2))
    features = Pair(real.features[:3], real.features[3:])
    assert close(losses["triplet"], triplet_loss(features, labels, 1.5, "cross-modality"))


def test_unpaired_regions_are_those_of_two_real_images(make: Make) -> None:
    real, labels = recognition(), torch.tensor([0, 1, 2])
    losses = make("unpaired-regions")._learner.identity_losses(real, labels)
    assert real.regions is not None
    expected = [
        prediction_divergence(real.regions[3:, index], real.regions[:3, index])
        for index in range(3)
    ]
    assert close(losses["region"], torch.stack(expected).mean())


@pytest.mark.parametrize(
    ("variant", "names"),
    [("full", {"instance", "region"}), ("sl-il", {"instance"}), ("unpaired-regions", {"instance"})],
)
def test_eqs_11_and_12_align_paired_images(variant: str, names: set[str], make: Make) -> None:
    method = make(variant)
    real = recognition(regions=2)
    if variant == "sl-il":
        real = real._replace(regions=None)
    maps = maps_of(method)
    losses = method._learner.alignment_losses(real, maps)
    assert losses.keys() == names
    paired = method._learner.recognize_generated(maps, regions=variant == "full")
    logits = [Pair.parted(each.logits) for each in (real, paired)]
    assert close(losses["instance"], instance_alignment(*logits, "one-way"))
    if real.regions is not None and paired.regions is not None:
        by_region = [
            instance_alignment(
                Pair.parted(real.regions[:, index]),
                Pair.parted(paired.regions[:, index]),
                "one-way",
            )
            for index in range(2)
        ]
        assert close(losses["region"], torch.stack(by_region).sum() / 2)  # 1 / n of Eq. 12
