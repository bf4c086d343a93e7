from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from bench_core import Modality, PluginError
from bench_core.configuration import choose_method
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Precision
from bench_core.features.fast import (
    TOLERANCE,
    choose_extractor,
    fast_copy,
    in_format,
    relative_difference,
)
from bench_core.methods import MethodConfig, Stage, StagedMethod, build_backbone
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry

SMALL = ("image_height=64", "image_width=32")
SAMPLES: list[tuple[Modality, torch.Tensor]] = [
    (modality, torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(number)))
    for number, modality in enumerate(MODALITIES)
]


class Plain(StagedMethod):
    """A small backbone alone."""

    metric = "euclidean"

    def __init__(self) -> None:
        super().__init__(MethodConfig(), num_identities=2)
        torch.manual_seed(0)
        self.networks = nn.ModuleDict({"backbone": build_backbone("small")}).eval()

    def stages(self) -> Sequence[Stage]:
        return []

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        features: torch.Tensor = self.networks["backbone"](images)
        return features[:, None]


class Twisted(nn.Sequential):
    """A sequence that does not call its layers in sequence."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        convolution, normalization = self
        maps: torch.Tensor = normalization(convolution(images) ** 2)
        return maps


class TwistedMethod(Plain):
    def __init__(self) -> None:
        super().__init__()
        layers = Twisted(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        layers[1].running_mean.fill_(0.5)
        self.networks = nn.ModuleDict({"layers": layers}).eval()

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        features: torch.Tensor = self.networks["layers"](images)
        return features.mean((2, 3))[:, None]


class Locked(Plain):
    """Holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class SelfWeighing(Plain):
    """Uses the weights of a layer by itself, in float32."""

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        (first, *_) = (m for m in self.networks.modules() if isinstance(m, nn.Conv2d))
        kernel = first.weight.flatten(1).double()
        with torch.autocast("cpu", enabled=False):
            return (images[:, :, :3, :3].flatten(1).float() @ first.weight.flatten(1).T)[
                :, None
            ] + kernel.sum()


class Broken(Plain):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return super().extract(images, modality) * self.value


class Flat(Plain):
    def extract(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        return super().extract(images, modality)[:, 0]


def all_state(method: StagedMethod) -> dict[str, Any]:
    return {
        name: (value.clone(), value.dtype, value.stride())
        for name, value in method.networks.state_dict().items()
    }


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["aligngan", "jsia", "ts-gan", "xiv"])
def test_the_fast_copy_of_every_method_gives_its_features(
    registry: Registry, name: str, precision: Precision
) -> None:
    method = build_method(choose_method(*registry.method(name), "quick", SMALL), 4)
    method.networks.eval()
    extractor = choose_extractor(method, SAMPLES, precision)
    assert (extractor.note, extractor.precision) == ("", precision)
    for modality, images in SAMPLES:
        expected = in_format(method, "float32")(images, modality)
        features = extractor.embed(images, modality)
        assert relative_difference(features, expected) <= TOLERANCE[precision]
        assert features.dtype == torch.float32
        assert tuple(features.shape[1:]) == extractor.shape


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_method_is_left_as_it_is(precision: Precision) -> None:
    method = Plain()
    before = all_state(method)
    extractor = choose_extractor(method, SAMPLES, precision)
    assert extractor.note == ""
    after = all_state(method)
    for name, (value, *layout) in before.items():
        assert torch.equal(after[name][0], value)
        assert [*after[name][1:]] == layout
    normalizations = [m for m in method.networks.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all("forward" not in vars(module) for module in normalizations)


def test_the_fast_copy_has_no_batch_normalisation_left() -> None:
    copied = fast_copy(Plain(), "float32")
    normalizations = [m for m in copied.networks.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all("forward" in vars(module) for module in normalizations)


def test_weights_are_cast_once_for_bfloat16() -> None:
    copied = fast_copy(Plain(), "bfloat16")
    convolutions = [m for m in copied.networks.modules() if isinstance(m, nn.Conv2d)]
    assert {module.weight.dtype for module in convolutions} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("method", "note"),
    [
        (TwistedMethod(), "features of 2 visible images differ by "),
        (Locked(), "the fast path failed: cannot pickle '_thread.lock' object"),
        (Broken(float("nan")), "features of 2 visible images differ by nan"),
    ],
    ids=["other features", "no copy", "no number"],
)
def test_a_method_is_used_as_it_is_where_its_copy_is_not_the_same(
    method: StagedMethod, note: str
) -> None:
    extractor = choose_extractor(method, SAMPLES, "float32")
    assert extractor.note.startswith(note)
    images = SAMPLES[0][1]
    expected = in_format(method, "float32")(images, "visible")
    torch.testing.assert_close(
        extractor.embed(images, "visible"), expected, rtol=0, atol=0, equal_nan=True
    )


def test_float32_is_used_where_bfloat16_fails() -> None:
    extractor = choose_extractor(SelfWeighing(), SAMPLES, "bfloat16")
    assert extractor.precision == "float32"
    assert extractor.note.startswith("the fast path failed: ")
    assert "\n" not in extractor.note


def test_features_that_are_all_zero_are_the_same() -> None:
    assert choose_extractor(Broken(0.0), SAMPLES, "float32").note == ""


def test_embeddings_of_another_shape_are_refused() -> None:
    with pytest.raises(PluginError, match=r"Flat.extract returned shape \(2, 256\) for 2 images"):
        choose_extractor(Flat(), SAMPLES, "float32")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_fast_copy_on_cuda_gives_the_features_of_a_cpu(precision: Precision) -> None:
    method = Plain()
    expected = in_format(method, "float32")(SAMPLES[0][1], "visible")
    method.networks.cuda()
    samples = [(modality, images.cuda()) for modality, images in SAMPLES]
    extractor = choose_extractor(method, samples, precision)
    assert extractor.note == ""
    features = extractor.embed(samples[0][1], "visible").cpu()
    assert relative_difference(features, expected) <= TOLERANCE[precision]


class Rough(Plain):
    """Breaks the contract of `extract` in one way."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def extract(self, images: torch.Tensor, modality: Modality) -> Any:
        features = super().extract(images, modality)
        ways = {
            "array": features.numpy,
            "list": lambda: [features],
            "whole numbers": features.long,
            "no data": lambda: features.to("meta"),
            "sparse": features.to_sparse,
            "gradient": lambda: torch.ones_like(features, requires_grad=True),
            "company": lambda: features - 0.1 * features.mean(0, keepdim=True),
            "place": lambda: features * (1 + 0.1 * torch.arange(len(features)))[:, None, None],
            "chance": lambda: features + 0.1 * torch.rand_like(features),
            "modality": lambda: features[..., : 200 if modality == "visible" else 100],
            "in place": lambda: super(Rough, self).extract(images.mul_(0.5), modality),
        }
        return ways[self.way]()


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("array", "Rough.extract returned a ndarray; expected a tensor of floats"),
        ("list", "Rough.extract returned a list; expected a tensor of floats"),
        ("whole numbers", "returned a tensor of torch.int64; expected a tensor of floats"),
        ("no data", "returned a tensor without plain data; expected a tensor of floats"),
        ("sparse", "returned a tensor without plain data; expected a tensor of floats"),
        ("gradient", "features that carry gradients; detach them"),
        ("company", "visible features that depend on the other images of their batch"),
        ("place", "visible features that depend on the other images of their batch"),
        ("chance", "visible features that depend on chance"),
        ("modality", "features of 1 x 100 .* for one batch and 1 x 200 for another"),
        ("in place", "Rough.extract changes the images that it is given"),
    ],
)
def test_a_method_that_breaks_its_contract_is_named(way: str, message: str) -> None:
    samples = [(modality, images.clone()) for modality, images in SAMPLES]
    with pytest.raises(PluginError, match=message):
        choose_extractor(Rough(way), samples, "float32")
