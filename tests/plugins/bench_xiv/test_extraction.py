"""What XIV compares at test time: views, their independence of each other, and their cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench_core import Modality
from bench_core.methods import Batch
from bench_xiv.config import XIVConfig
from bench_xiv.method import XIV

Choose = Callable[..., XIVConfig]
Make = Callable[..., XIV]

WITH_X = ["full", "baseline-x", "mean", "gray", "v", "y"]
VARIANTS = [*WITH_X, "baseline"]


def settled(method: XIV, batch: Batch) -> XIV:
    """Give the batch normalisations statistics, then evaluate."""
    for _ in range(3):
        method.losses(batch)
    method.networks.eval()
    return method


@pytest.mark.parametrize("modality", ["visible", "infrared"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_image_has_two_views_and_one_without_x(
    variant: str, modality: Modality, make: Make, batch: Batch
) -> None:
    features = make(variant).extract(batch.visible, modality)
    assert features.shape == (6, 2 if variant in WITH_X else 1, 256)
    assert features.dtype == torch.float32
    assert bool(features.isfinite().all())


@pytest.mark.parametrize("variant", WITH_X)
def test_the_views_of_a_visible_image_are_its_own_and_that_of_its_x(
    variant: str, make: Make, batch: Batch
) -> None:
    method = settled(make(variant), batch)
    views = method.extract(batch.visible, "visible")
    x_images = method.networks["x_source"](batch.visible)
    torch.testing.assert_close(views[:, 0], method.extract(batch.visible, "infrared")[:, 0])
    torch.testing.assert_close(views[:, 1], method.extract(x_images, "infrared")[:, 0])
    assert (views[:, 0] - views[:, 1]).abs().max() > 1e-3


@pytest.mark.parametrize("variant", WITH_X)
def test_the_views_of_an_infrared_image_are_equal(variant: str, make: Make, batch: Batch) -> None:
    """So that the sum over views is D(I, V) + D(I, X) of Eq. 2."""
    views = settled(make(variant), batch).extract(batch.infrared, "infrared")
    assert torch.equal(views[:, 0], views[:, 1])


@pytest.mark.parametrize(("scored_by", "view"), [("visible", 0), ("x", 1)])
@pytest.mark.parametrize("variant", WITH_X)
def test_one_distance_alone_is_one_of_the_two_views(
    variant: str, scored_by: str, view: int, make: Make, batch: Batch
) -> None:
    """D(I, V) is the distance of the first views, D(I, X) that of the second."""
    both = settled(make(variant), batch)
    alone = settled(make(variant, f"scored_by={scored_by}"), batch)
    for images, modality in ((batch.visible, "visible"), (batch.infrared, "infrared")):
        expected = both.extract(images, modality)[:, view : view + 1]  # type: ignore[arg-type]
        assert torch.equal(alone.extract(images, modality), expected)  # type: ignore[arg-type]


def test_embeddings_of_the_strong_baseline_are_behind_the_neck(make: Make, batch: Batch) -> None:
    method = settled(make("full", "embedding=neck-normalized"), batch)
    plain = settled(make(), batch).extract(batch.infrared, "infrared")[:, 0]
    normalization = method.networks["neck"].normalization
    with torch.no_grad():
        normalization.weight.uniform_(0.5, 2)
    scale = normalization.weight / (normalization.running_var + normalization.eps).sqrt()
    behind = (plain - normalization.running_mean) * scale
    expected = behind / behind.norm(dim=1, keepdim=True)
    torch.testing.assert_close(method.extract(batch.infrared, "infrared")[:, 0], expected)


@pytest.mark.parametrize("modality", ["visible", "infrared"])
@pytest.mark.parametrize("embedding", ["pooled", "neck-normalized"])
def test_a_feature_does_not_depend_on_the_rest_of_the_batch(
    embedding: str, modality: Modality, make: Make, batch: Batch
) -> None:
    method = settled(make("full", f"embedding={embedding}"), batch)
    together = method.extract(batch.visible, modality)
    alone = torch.cat([method.extract(image[None], modality) for image in batch.visible])
    turned = method.extract(batch.visible.flip(0), modality).flip(0)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(turned, together, rtol=1e-4, atol=1e-5)


def test_extraction_leaves_images_and_networks_alone(make: Make, batch: Batch) -> None:
    method = settled(make(), batch)
    state = {name: value.clone() for name, value in method.networks.state_dict().items()}
    visible = batch.visible.clone()
    first, second = (method.extract(batch.visible, "visible") for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(batch.visible, visible)
    for name, value in method.networks.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_embeddings_of_the_strong_baseline_have_unit_length(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method = settled(
        make("full", "weights=none", "stem_relu=true", preset="strong-baseline"), batch
    )
    lengths = method.extract(batch.visible, modality).norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones(6, 2))


def test_embeddings_of_the_paper_are_pooled_before_the_neck(make: Make, batch: Batch) -> None:
    method = settled(make(), batch)
    networks = method.networks
    pooled = networks["backbone"](networks["normalization"](batch.infrared))
    torch.testing.assert_close(method.extract(batch.infrared, "infrared")[:, 0], pooled)
    assert (pooled.norm(dim=1) - 1).abs().min() > 1e-3


def test_the_metric_is_euclidean() -> None:
    assert XIV.metric == "euclidean"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "modality", "passes", "generator"),
    [
        ("full", "visible", 2, 196_608),
        ("full", "infrared", 1, 0),
        ("baseline", "visible", 1, 0),
        ("mean", "visible", 2, 0),
    ],
)
def test_a_visible_image_passes_the_backbone_twice(
    variant: str, modality: Modality, passes: int, generator: int, config_of: Choose
) -> None:
    """4.053 G multiply-adds each pass: the paper's "2.7 G" fit last stride 2 (2.669 G)."""
    for stride, macs in ((1, 4_053_270_528), (2, 2_669_150_208)):
        with torch.device("meta"):
            config = config_of("paper", variant, f"last_stride={stride}")
            method = XIV(config, num_identities=2)
            image = torch.empty(1, 3, 256, 128)
        with FlopCounterMode(display=False) as counter:
            method.extract(image, modality)
        assert counter.get_total_flops() // 2 == passes * macs + generator


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scored_by", "macs"), [("visible", 2_832_900_000), ("x", 2_832_900_000 + 301_056)]
)
def test_one_distance_alone_costs_one_pass_of_densenet_121(
    scored_by: str, macs: int, config_of: Choose
) -> None:
    """2.833 G at 224x224, and the generator's 224 x 224 x 6 where X is needed."""
    with torch.device("meta"):
        method = XIV(config_of("paper", "densenet", f"scored_by={scored_by}"), num_identities=2)
        image = torch.empty(1, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        method.extract(image, "visible")
    assert counter.get_total_flops() // 2 == pytest.approx(macs, rel=1e-4)
