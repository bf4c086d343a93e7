"""What DEEN compares at test time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.methods import Batch
from bench_deen.method import DEEN

Make = Callable[..., DEEN]


def settled(method: DEEN, batch: Batch) -> DEEN:
    """Give the batch normalisations statistics and all parts something to say, then evaluate."""
    with torch.no_grad():
        for name, value in method.networks.named_parameters():
            if name.endswith("out.1.weight"):
                value.fill_(0.5)
        for _ in range(3):
            method.losses(batch)
    method.networks.eval()
    return method


def unit_features(method: DEEN, images: torch.Tensor, modality: Modality) -> torch.Tensor:
    """Features (B, 6, D) by hand: three before the neck, and the same three behind it."""
    networks = method.networks
    pooled = networks["network"](networks["normalization"](images), modality)
    normalization = networks["neck"].normalization
    scale = normalization.weight / (normalization.running_var + normalization.eps).sqrt()
    behind = (pooled - normalization.running_mean) * scale
    return functional.normalize(torch.cat([pooled, behind], 1), dim=2)


@pytest.mark.parametrize("modality", [VISIBLE, INFRARED])
def test_a_view_is_the_sum_of_an_image_and_its_mirror_image_not_renormalised(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method, images = settled(make(), batch), batch.visible
    views = method.extract(images, modality)
    assert views.shape == (6, 6, 258)
    own, mirrored = (unit_features(method, each, modality) for each in (images, images.flip(3)))
    torch.testing.assert_close(views[..., :-2], own + mirrored)
    torch.testing.assert_close(views.norm(dim=2), torch.full((6, 6), 2.0))
    assert (views[..., :-2].norm(dim=2) - 2).abs().max() > 1e-4


def test_the_score_is_the_sum_of_six_inner_products(make: Make, batch: Batch) -> None:
    method = settled(make(), batch)
    query = method.extract(batch.infrared, INFRARED)
    gallery = method.extract(batch.visible, VISIBLE)
    similarity = torch.einsum(
        "qvd,gvd->qg", functional.normalize(query, dim=2), functional.normalize(gallery, dim=2)
    )
    sums = [
        unit_features(method, images, modality) + unit_features(method, images.flip(3), modality)
        for images, modality in ((batch.infrared, INFRARED), (batch.visible, VISIBLE))
    ]
    wanted = sum(sums[0][:, view] @ sums[1][:, view].T for view in range(6))
    torch.testing.assert_close(similarity * 4, wanted)
    assert DEEN.metric == "cosine"


@pytest.mark.parametrize(("use", "length"), [("none", 1.0), ("mean-normalized", 1.0), ("sum", 2.0)])
def test_the_mirror_image_can_be_left_out_or_averaged(
    use: str, length: float, make: Make, batch: Batch
) -> None:
    method = settled(make("full", f"flip_at_test={use}"), batch)
    views = method.extract(batch.visible, VISIBLE)
    torch.testing.assert_close(views.norm(dim=2), torch.full((6, 6), length))
    if use != "sum":
        torch.testing.assert_close(views[..., -2], torch.zeros(6, 6), atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("weights", "roots"),
    [
        (("pooled_weight=0.1", "neck_weight=0.9"), [0.1**0.5] * 3 + [0.9**0.5] * 3),
        (("pooled_weight=0",), [0.0] * 3 + [1.0] * 3),
        (("neck_weight=0",), [1.0] * 3 + [0.0] * 3),
    ],
)
def test_views_have_the_root_of_their_weights_and_none_where_it_is_zero(
    weights: tuple[str, ...], roots: list[float], make: Make, batch: Batch
) -> None:
    plain = settled(make(), batch).extract(batch.infrared, INFRARED)[..., :-2]
    views = settled(make("full", *weights), batch).extract(batch.infrared, INFRARED)[..., :-2]
    kept = [place for place, root in enumerate(roots) if root]
    scale = torch.tensor([roots[place] for place in kept])[:, None]
    torch.testing.assert_close(views, plain[:, kept] * scale)


@pytest.mark.parametrize(("variant", "views"), [("baseline", 2), ("mfa", 2), ("dee", 6)])
def test_without_expansion_there_is_one_feature_before_and_one_behind_the_neck(
    variant: str, views: int, make: Make, batch: Batch
) -> None:
    assert make(variant).extract(batch.visible, VISIBLE).shape == (6, views, 258)
