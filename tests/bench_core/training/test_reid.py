"""What methods with a backbone share: their settings, and the feature that is compared."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import nn

from bench_core import UsageError
from bench_core.configuration import validate_config
from bench_core.methods import Embedding, ReIDConfig, embed
from bench_core.modeling.backbones import ResNet50, SmallResNet

FEATURES = torch.tensor([[3.0, 4.0], [0.0, 2.0]])


class Doubling(nn.Module):
    """A neck that shows that it was passed."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features * torch.tensor([2.0, -2.0])


@pytest.mark.parametrize(
    ("embedding", "expected"),
    [
        ("pooled", [[3, 4], [0, 2]]),
        ("pooled-normalized", [[0.6, 0.8], [0, 1]]),
        ("neck", [[6, -8], [0, -4]]),
        ("neck-normalized", [[0.6, -0.8], [0, -1]]),
    ],
)
def test_the_embedding_is_the_one_that_is_named(
    embedding: Embedding, expected: list[list[float]]
) -> None:
    torch.testing.assert_close(
        embed(FEATURES, embedding, Doubling()), torch.tensor(expected).float()
    )


def test_every_word_for_an_embedding_is_tested_above() -> None:
    (marks,) = test_the_embedding_is_the_one_that_is_named.pytestmark  # type: ignore[attr-defined]
    assert [embedding for embedding, _ in marks.args[1]] == list(get_args(Embedding))


@pytest.mark.parametrize("embedding", ["pooled", "pooled-normalized"])
def test_no_neck_is_run_for_a_pooled_feature(embedding: Embedding) -> None:
    class Unused(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            raise AssertionError("a feature that nobody wants")

    embed(FEATURES, embedding, Unused())


def test_the_defaults_are_those_of_a_paper() -> None:
    config = ReIDConfig()
    assert (config.backbone, config.weights, config.embedding) == ("resnet50", "imagenet", "pooled")
    assert (config.epochs, config.schedule.factor(119), config.sampling.images) == (120, 1, 4)
    assert (config.last_stride, config.stem_relu, config.image_size) == (1, True, (256, 128))


def test_the_backbone_is_built_with_its_options() -> None:
    with torch.device("meta"):
        plain = ReIDConfig().build_backbone()
        changed = ReIDConfig(last_stride=2, stem_relu=False).build_backbone()
    assert isinstance(plain, ResNet50)
    assert isinstance(plain.body.relu, nn.ReLU)
    assert isinstance(changed.body.relu, nn.Identity)
    assert (plain.body.layer4[0].conv2.stride, changed.body.layer4[0].conv2.stride) == (
        (1, 1),
        (2, 2),
    )
    assert isinstance(ReIDConfig(backbone="small").build_backbone(), SmallResNet)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backbone": "small", "last_stride": 2}, "an option of backbone=resnet50 alone"),
        ({"backbone": "small", "stem_relu": False}, "leave it at true"),
        ({"backbone": "densenet121", "image_width": 28}, "images of 256x28 are too small"),
    ],
)
def test_options_that_the_backbone_would_ignore_are_refused(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        validate_config(ReIDConfig, values)


def test_what_is_compared_trains_nothing_anew() -> None:
    assert set(ReIDConfig().after_training) == {"embedding", "extraction_batch"}
