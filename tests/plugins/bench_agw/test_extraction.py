"""What AGW compares at test time: stems, features, mirror images, and their cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench_agw.config import AGWConfig
from bench_agw.method import AGW
from bench_core import Modality
from bench_core.methods import Batch

Choose = Callable[..., AGWConfig]
Make = Callable[..., AGW]


def settled(method: AGW, batch: Batch) -> AGW:
    """Give the batch normalisations statistics and the stems different weights; evaluate."""
    with torch.no_grad():
        for value in method.networks["network"].backbone.two_stream.stems["infrared"].parameters():
            value.mul_(0.5)
        method.losses(batch)
    method.networks.eval()
    return method


def test_each_modality_passes_its_own_stem(make: Make, batch: Batch) -> None:
    method = settled(make(), batch)
    passed: list[str] = []
    for name, stem in method.networks["network"].backbone.two_stream.stems.items():
        stem.register_forward_hook(lambda *_, name=name: passed.append(name))
    seen = [method.extract(batch.visible, modality) for modality in ("visible", "infrared")]
    assert passed == ["visible", "infrared"]
    assert not torch.allclose(*seen)


@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_the_feature_is_behind_the_neck_at_unit_length(
    modality: Modality, make: Make, batch: Batch
) -> None:
    method = settled(make(), batch)
    pooled = settled(make("full", "embedding=pooled"), batch).extract(batch.visible, modality)
    behind = method.networks["network"].neck.normalization(pooled[:, 0])
    expected = functional.normalize(behind)
    torch.testing.assert_close(method.extract(batch.visible, modality)[:, 0], expected)


@pytest.mark.parametrize("use", ["sum", "mean-normalized"])
def test_the_mirror_image_is_added_where_asked_for(use: str, make: Make, batch: Batch) -> None:
    plain, flipped = settled(make(), batch), settled(make("full", f"flip={use}"), batch)
    images = batch.infrared
    total = plain.extract(images, "infrared") + plain.extract(images.flip(3), "infrared")
    expected = total if use == "sum" else functional.normalize(total, dim=2)
    torch.testing.assert_close(flipped.extract(images, "infrared"), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "width", "attention"),
    [
        # 4 convolutions of C x w and 2 products of w x w, at 36 x 18 and at 18 x 9 places.
        ("full", "half", 2 * 648 * 655_360 + 3 * 162 * 2_621_440),
        ("full", "one", 2 * 648 * 2_050 + 3 * 162 * 4_098),
        ("base", "half", 0),
    ],
)
def test_the_cost_of_an_image(variant: str, width: str, attention: int, config_of: Choose) -> None:
    """ResNet-50 has 4,053,270,528 multiply-adds at 256x128, and 81/64 of these at 288x144."""
    with torch.device("meta"):
        config = config_of("paper", variant, f"attention_width={width}")
        method = AGW(config, num_identities=2)
        image = torch.empty(1, 3, 288, 144)
    method.networks.eval()
    with FlopCounterMode(display=False) as counter:
        method.extract(image, "visible")
    assert counter.get_total_flops() // 2 == 4_053_270_528 * 81 // 64 + attention
