"""What TONE, HCML, BCTR and BDTR share: images, normalisation, networks, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench_core import UsageError
from bench_core.configuration import validate_config
from bench_core.methods import AlexNetPath, TwoPathNormalization, TwoPathRecipe


def recipe(**values: Any) -> TwoPathRecipe:
    return validate_config(TwoPathRecipe, values)


def test_images_of_256_become_crops_of_227() -> None:
    config = recipe()
    assert config.image_size == (256, 256)
    assert config.backbone_size == (227, 227)
    assert config.cropped(torch.rand(1, 3, 256, 256)).shape == (1, 3, 227, 227)
    assert config.shrunk(torch.rand(1, 3, 256, 256)).shape == (1, 3, 227, 227)
    assert (config.augmentation.flip, config.augmentation.padding) == (0, 0)


@pytest.mark.parametrize(("offset", "same"), [("each-axis", False), ("both-axes", True)])
def test_row_and_column_of_a_crop_are_drawn_as_configured(offset: str, same: bool) -> None:
    config = recipe(backbone="small", image_height=40, image_width=40, crop_offset=offset)
    torch.manual_seed(0)
    pixels = 100 * torch.arange(40)[:, None] + torch.arange(40)[None, :]
    first = config.cropped(pixels.float().expand(20, 3, 40, 40))[:, 0, 0, 0]
    assert bool((first // 100 == first % 100).all()) == same


def test_the_mean_is_that_of_the_channel_or_in_reverse_order() -> None:
    black = torch.zeros(1, 3, 1, 1)
    usual = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]
    slipped = [-0.406 / 0.229, -0.456 / 0.224, -0.485 / 0.225]
    for order, expected in (("of-channels", usual), ("reversed", slipped)):
        normalization = recipe(mean_order=order).build_normalization()
        assert isinstance(normalization, TwoPathNormalization)
        assert normalization(black).flatten().tolist() == pytest.approx(expected)


def test_the_networks_are_as_wide_as_configured() -> None:
    config = recipe(fc6_width=6, fc7_width=5, dropout=0.25)
    with torch.device("meta"):
        paths, top = config.build_paths(), config.build_top(3)
    assert isinstance(paths.paths["visible"], AlexNetPath)
    assert paths.paths["visible"].fc6.out_features == top.fc7.in_features == 6
    assert (top.fc7.out_features, top.classifier.out_features, top.dropout.p) == (5, 3, 0.25)


def test_one_optimiser_treats_all_layers_alike() -> None:
    layers = torch.nn.Linear(2, 2), torch.nn.Linear(2, 3)
    optimizer = recipe().plan(*layers).build()
    (group,) = optimizer.param_groups
    assert isinstance(optimizer, torch.optim.SGD)
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (1e-3, 0.9, 0)
    assert len(group["params"]) == 4


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_height": 29}, "crop_margin=29 leaves nothing of images of 29x256"),
        (
            {"image_width": 91},
            r"crops of 227x62 are too small for backbone=alexnet, which needs 63",
        ),
        ({"backbone": "densenet121"}, "backbone"),
        ({"last_stride": 2}, "an option of backbone=resnet50"),
        ({"dropout": 1}, "dropout"),
        ({"crop_margin": -1}, "crop_margin"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        recipe(**values)
