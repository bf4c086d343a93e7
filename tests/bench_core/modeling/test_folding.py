from __future__ import annotations

import pytest
import torch
from torch import nn

from bench_core.methods import BackboneName, build_backbone
from bench_core.modeling.folding import fold_batch_norms


def with_statistics(network: nn.Module) -> nn.Module:
    """Give batch normalisations what a training leaves in them, and put them to evaluation."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_var, module.weight, module.running_mean, module.bias):
                assert tensor is not None
                tensor.data = 0.5 + torch.rand(tensor.shape, generator=generator)
    return network.eval()


def pair(normalization: nn.Module | None = None) -> list[nn.Module]:
    return [nn.Conv2d(3, 4, 3), normalization or nn.BatchNorm2d(4)]


class Doubled(nn.BatchNorm2d):
    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002  # torch's own name
        return 2 * super().forward(input)


class Unordered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.normalization = pair()


@pytest.mark.parametrize(("name", "number"), [("resnet50", 53), ("densenet121", 59), ("small", 13)])
@torch.inference_mode()
def test_a_folded_backbone_gives_the_same_features(name: BackboneName, number: int) -> None:
    torch.manual_seed(0)
    backbone = with_statistics(build_backbone(name))
    images = torch.rand(2, 3, 64, 32)
    expected = backbone(images)
    assert fold_batch_norms(backbone) == number
    assert (backbone(images) - expected).norm() <= 1e-5 * expected.norm()


@torch.inference_mode()
def test_a_bias_of_the_convolution_is_kept() -> None:
    network = with_statistics(nn.Sequential(*pair()))
    images = torch.rand(2, 3, 8, 8)
    expected = network(images)
    fold_batch_norms(network)
    torch.testing.assert_close(network(images), expected)


@torch.inference_mode()
def test_layers_that_are_shared_with_another_container_are_folded_once() -> None:
    layers = pair()
    network = with_statistics(nn.ModuleList([nn.Sequential(*layers), nn.Sequential(*layers)]))
    images = torch.rand(2, 3, 8, 8)
    expected = network[0](images)
    assert fold_batch_norms(network) == 1
    torch.testing.assert_close(network[0](images), expected)
    torch.testing.assert_close(network[1](images), expected)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(*pair()).train(),
        nn.Sequential(*pair(nn.BatchNorm2d(4, track_running_stats=False))).eval(),
        nn.Sequential(*pair(Doubled(4))).eval(),
        nn.Sequential(*pair(nn.InstanceNorm2d(4))).eval(),
        nn.Sequential(*reversed(pair(nn.BatchNorm2d(3)))).eval(),
        Unordered().eval(),
    ],
    ids=["training", "no statistics", "a subclass", "instance", "before it", "unknown order"],
)
def test_what_is_not_surely_the_same_is_left_alone(network: nn.Module) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert fold_batch_norms(network) == 0
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
