"""The feature level T_F of D2RL, the joint training, and what is compared at test time."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from bench_core.methods import Batch
from bench_core.testing import take_step, watch_step
from bench_d2rl.method import D2RL
from bench_d2rl.translation import resized

Make = Callable[..., D2RL]

FEATURES = {"backbone", "head"}
TRANSLATOR = {
    *(
        f"{part}_{modality}"
        for part in ("encoder", "decoder")
        for modality in ("visible", "infrared")
    ),
    *("shared_encoder", "shared_decoder"),
}
DISCRIMINATORS = {"discriminator_visible", "discriminator_infrared"}


@pytest.mark.parametrize(
    ("variant", "stage"),
    [
        ("full", "features"),
        ("separate", "refinement"),
        ("without-translation", "features"),
        ("without-translation", "refinement"),
    ],
)
def test_a_fixed_translator_is_left_as_it_is(
    variant: str, stage: str, make: Make, batch: Batch
) -> None:
    losses, (update,) = watch_step(make(variant), stage, batch)
    assert (update.optimizers, update.changed) == (("features",), FEATURES)
    assert losses.keys() == {"identity", "triplet"}


def test_jointly_the_translator_learns_from_both_levels(make: Make, batch: Batch) -> None:
    _, updates = watch_step(make(), "joint", batch)
    assert [(update.optimizers, update.changed) for update in updates] == [
        (("translator", "features"), TRANSLATOR | FEATURES),
        (("discriminators",), DISCRIMINATORS),
    ]


@pytest.mark.parametrize("weights", [("identity_weight=1",), ("triplet_weight=5",)])
def test_the_feature_level_learns_from_its_own_losses_alone(
    weights: tuple[str, ...], make: Make, batch: Batch
) -> None:
    """The backbone's gradient is the same, whatever weights the translator's losses have."""
    gradients = []
    for heavy in ((), ("cycle_weight=1000", "adversarial_weight=50")):
        method = make("full", *weights, *heavy)
        take_step(method, "joint", batch)
        gradients.append(method.networks["backbone"].body[0].weight.grad)
    assert gradients[0] is not None
    torch.testing.assert_close(gradients[0], gradients[1])


def test_the_translator_has_a_gradient_of_the_feature_losses(make: Make, batch: Batch) -> None:
    """Where nothing else is weighted."""
    others = ("reconstruction", "divergence", "cycle", "cycle_divergence", "adversarial")
    none = [f"{name}_weight=0" for name in others]
    method = make("full", *none)
    take_step(method, "joint", batch)
    for name in TRANSLATOR:
        gradients = [value.grad for value in method.networks[name].parameters()]
        assert any(each is not None and bool(each.any()) for each in gradients), name


def test_the_losses_of_the_feature_level(make: Make, batch: Batch) -> None:
    method = make("without-translation", "margin=0.7")
    losses, _ = watch_step(method, "features", batch)
    method = make("without-translation")
    method.networks.train()
    stacked = torch.cat(
        [method._multispectral(batch.visible, "visible"),
         method._multispectral(batch.infrared, "infrared")]
    )  # fmt: skip
    with torch.no_grad():
        features = method._embed(stacked)
        logits = method.networks["head"](features).tolist()
    labels, rows = batch.labels.tolist() * 2, features.tolist()
    identity = triplet = 0.0
    for row, scores, label in zip(rows, logits, labels, strict=True):
        identity += math.log(sum(map(math.exp, scores))) - scores[label]
        found = [(math.dist(row, other), name) for other, name in zip(rows, labels, strict=True)]
        positive = max(distance for distance, name in found if name == label)
        negative = min(distance for distance, name in found if name != label)
        triplet += max(0.7 + positive - negative, 0)
    assert losses["identity"].item() == pytest.approx(identity / 12, rel=1e-4)
    assert losses["triplet"].item() == pytest.approx(triplet / 12, rel=1e-3)


def test_an_image_is_stacked_with_its_translation_at_its_own_size(make: Make, batch: Batch) -> None:
    method = make()
    with torch.no_grad():
        made = method._translation.counterpart(batch.visible, "visible")
        visible = method._multispectral(batch.visible, "visible")
        infrared = method._multispectral(batch.infrared, "infrared")
        made_visible = method._translation.counterpart(batch.infrared, "infrared")
    assert (made.shape, made_visible.shape) == ((6, 1, 16, 16), (6, 3, 16, 16))
    assert visible.shape == infrared.shape == (6, 4, 32, 16)
    assert torch.equal(visible[:, :3], batch.visible)
    assert torch.equal(visible[:, 3:], resized(made, (32, 16)))
    assert torch.equal(infrared[:, :3], resized(made_visible, (32, 16)))
    torch.testing.assert_close(infrared[:, 3:], batch.infrared[:, :1])


def test_without_translation_the_grey_image_is_its_own_counterpart(
    make: Make, batch: Batch
) -> None:
    method = make("without-translation")
    assert method.networks.keys() == {"normalization", "backbone", "head"}
    visible = method._multispectral(batch.visible, "visible")
    torch.testing.assert_close(visible[:, 3], batch.visible.mean(1))
    infrared = method._multispectral(batch.infrared, "infrared")
    torch.testing.assert_close(infrared, batch.infrared[:, :1].expand(-1, 4, -1, -1))


def test_features_are_those_of_the_stacked_image_without_noise(make: Make, batch: Batch) -> None:
    method = make()
    method.networks.eval()
    with torch.no_grad():
        for images, modality in ((batch.visible, "visible"), (batch.infrared, "infrared")):
            features = method.extract(images, modality)  # type: ignore[arg-type]
            stacked = method._multispectral(images, modality)  # type: ignore[arg-type]
            normalized = method.networks["normalization"](stacked)
            assert torch.equal(features[:, 0], method.networks["backbone"](normalized))


def test_features_behind_the_neck_at_unit_length(make: Make, batch: Batch) -> None:
    method = make("without-translation", "neck=batch-norm", "embedding=neck-normalized")
    normalization = method.networks["head"].normalization
    with torch.no_grad():
        normalization.running_mean.uniform_(0, 1)
    method.networks.eval()
    with torch.no_grad():
        plain = method._embed(method._multispectral(batch.visible, "visible"))
        behind = normalization(plain)
        features = method.extract(batch.visible, "visible")[:, 0]
    torch.testing.assert_close(features, behind / behind.norm(dim=1, keepdim=True))


def test_the_neck_is_what_the_classifier_sees(make: Make, batch: Batch) -> None:
    """Logits of standardised features, without a bias; triplets are of the features before it."""
    method = make("without-translation", "neck=batch-norm")
    losses = take_step(method, "features", batch)
    method = make("without-translation", "neck=batch-norm")
    stacked = torch.cat(
        [
            method._multispectral(batch.visible, "visible"),
            method._multispectral(batch.infrared, "infrared"),
        ]
    )
    with torch.no_grad():
        features = method.networks.train() and method._embed(stacked)
        centred = features - features.mean(0)
        behind = centred / (centred.square().mean(0) + 1e-5).sqrt()
        logits = behind @ method.networks["head"].classifier.weight.T
        labels = batch.labels.repeat(2)
        expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert losses["identity"].item() == pytest.approx(expected, rel=1e-3)


def test_pictures_are_images_beside_their_translations(make: Make, batch: Batch) -> None:
    method = make()
    pictures = method.pictures(batch.visible, batch.infrared)
    assert list(pictures) == ["visible", "fake infrared", "infrared", "fake visible"]
    assert torch.equal(pictures["visible"], batch.visible)
    fake = pictures["fake infrared"]
    assert torch.equal(fake[:, :1].expand_as(fake), fake)
    with torch.no_grad():
        made = method._translation.counterpart(batch.infrared, "infrared")
    assert torch.equal(pictures["fake visible"], resized(made, (32, 16)))
    assert make("without-translation").pictures(batch.visible, batch.infrared) == {}
