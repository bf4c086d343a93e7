"""The conformance suite finds what it is for: each broken method fails the check that names it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench_core import PluginError, loading
from bench_core.methods import Batch, Updates
from bench_core.testing import method_checks
from bench_hog import bench_register_methods as registered_descriptors
from bench_hog.method import HOG
from bench_xiv import bench_register_methods
from bench_xiv.method import XIV

SMALL = (
    "epochs=2",
    "image_height=32",
    "image_width=16",
    "sampling.identities=3",
    "sampling.images=2",
    "sampling.steps_per_epoch=1",
)
calls = itertools.count()


class FlatFeatures(XIV):
    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return images.flatten(1)


class BatchDependent(XIV):
    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return (images - images.mean(0)).flatten(1)[:, None]


class Vandal(XIV):
    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return images.mul_(0.5).flatten(1)[:, None].clone()


class Lazy(XIV):
    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        return self.losses(batch)

    def train(self, data: object, run: object) -> None:
        return


class Moody(XIV):
    def step(self, batch: Batch, updates: Updates) -> Mapping[str, torch.Tensor]:
        losses = self.losses(batch)
        weights = dict.fromkeys(losses, 1.0 + next(calls))
        return updates.minimize(losses, "learner", weights=weights)


class Glaring(XIV):
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"X": visible + 1}


class Overpainting(XIV):
    def pictures(self, visible: torch.Tensor, infrared: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"X": visible.mul_(0.5)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "check", "message"),
    [
        (FlatFeatures, "features-have-the-contracted-shape", "2 dimensions, not 3"),
        (BatchDependent, "features-are-independent-of-the-batch", "depend on the batch"),
        (Vandal, "images-are-left-unchanged", "changes the images"),
        (Lazy, "training-changes-the-networks", "leaves every network as it was"),
        (Moody, "the-same-seed-gives-the-same-bits", "two trainings of one seed differ"),
        (Moody, "a-resumed-training-is-the-same", "resumed and an uninterrupted"),
        (Glaring, "pictures-are-images", r"pictures\['X'\] has values from 1"),
        (Overpainting, "pictures-are-images", "pictures changes the images"),
    ],
)
def test_a_broken_method_fails_its_check(
    kind: type[XIV], check: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = bench_register_methods()
    monkeypatch.setattr("bench_core.loading.load_object", lambda _reference: kind)
    broken = replace(spec, method="bench_xiv:Method")
    (found,) = [
        item
        for item in method_checks(broken, broken.variants[0], SMALL)
        if item.name.endswith(check)
    ]
    with pytest.raises(PluginError, match=message):
        found.run()


class Unseen(HOG):
    """What it describes images by is not computed by torch."""

    def extract(self, images: torch.Tensor, modality: object) -> torch.Tensor:
        return torch.from_numpy(np.square(images.flatten(1).numpy()))[:, None]


class Overweight(HOG):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.networks["unused"] = torch.nn.Linear(2, 3)


class Denying(HOG):
    learns_nothing = True  # type: ignore[assignment]


class Neglecting(HOG):
    def train(self, data: object, run: object) -> None:
        return


@pytest.mark.parametrize(
    ("kind", "check", "message"),
    [
        (Unseen, "the-cost-can-be-counted", "neither multiply-adds nor uncounted operators"),
        (Overweight, "the-cost-can-be-counted", "reads 432 parameters of self.networks, which has"),
        (Denying, "training-changes-the-networks", "says learns_nothing, and its train changes"),
        (Neglecting, "training-changes-the-networks", "leaves every network as it was"),
    ],
)
def test_a_broken_descriptor_fails_its_check(
    kind: type[HOG], check: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = registered_descriptors()
    small = ("image_height=32", "image_width=16", "kissme.pca_dimensions=4")
    load = loading.load_object
    monkeypatch.setattr(
        loading, "load_object", lambda name: kind if name == spec.method else load(name)
    )
    (found,) = [
        item for item in method_checks(spec, spec.variants[1], small) if item.name.endswith(check)
    ]
    with pytest.raises(PluginError, match=message):
        found.run()
