"""Methods of a fixed descriptor: what is described, what is learned, logged and resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench_core import TrainingError
from bench_core.methods import (
    Descriptor,
    DescriptorMethod,
    KissmeConfig,
    LabelledFeatures,
    LearnerConfig,
    LFDAConfig,
    MethodConfig,
    PretrainedWeights,
    TrainingData,
    XQDAConfig,
)
from bench_core.metric_learning.xqda import xqda
from bench_core.testing import random_data, training_run
from bench_core.training import descriptor_method
from bench_core.training.descriptor_method import described

SIZE = (16, 8)


class Means(Descriptor):
    """The means of squares of eight pixels, of each channel."""

    num_features = 6

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(images, 8).flatten(1)


class ByMeans(DescriptorMethod[MethodConfig]):
    """It has the learner that a test gives it."""

    given: LearnerConfig | None = None

    def build_descriptor(self) -> Descriptor:
        return Means()

    def learner(self) -> LearnerConfig | None:
        return self.given


class ByXQDA(ByMeans):
    given = XQDAConfig(dimensions=3)


def build(kind: type[ByMeans]) -> Any:
    torch.manual_seed(0)
    config = MethodConfig(image_height=SIZE[0], image_width=16)
    return kind(config, num_identities=5)


@pytest.fixture
def data() -> TrainingData:
    return random_data(SIZE, 5, 4)


def expected_features(data: TrainingData) -> LabelledFeatures:
    means = data.pixels.reshape(len(data.pixels), 2, 8, 8, 3).mean((2, 3)) / 255
    features = means.transpose(0, 2, 1).reshape(len(means), 6)
    visible, infrared = (features[data.rows[kind]] for kind in ("visible", "infrared"))
    return LabelledFeatures(visible, infrared, data.labels["visible"], data.labels["infrared"])


@pytest.mark.parametrize("batch_pixels", [1, 2**18])
def test_all_training_images_are_described_as_they_are(
    batch_pixels: int, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptor_method, "BATCH_PIXELS", batch_pixels)
    found, expected = described(Means(), data, torch.device("cpu")), expected_features(data)
    np.testing.assert_allclose(found.visible, expected.visible, atol=1e-6)
    np.testing.assert_allclose(found.infrared, expected.infrared, atol=1e-6)
    assert found.visible_labels is data.labels["visible"]
    assert found.infrared_labels is data.labels["infrared"]


def test_distances_across_modalities_are_those_of_the_learned_metric(
    data: TrainingData, tmp_path: Path
) -> None:
    method = build(ByXQDA)
    method.train(data, training_run(tmp_path))
    images = torch.rand(4, 3, *SIZE)
    embedded = [method.extract(images, kind) for kind in ("visible", "infrared")]
    assert embedded[0].shape == (4, 1, 5)
    squared = torch.cdist(*(each[:, 0].double() for each in embedded)).square().numpy()
    features = Means()(images).double().numpy()
    form = xqda(expected_features(data), dimensions=3)
    found = squared - 2 * method.networks["metric"].bound.item()
    np.testing.assert_allclose(found, form.distances(features, features), rtol=1e-3, atol=1e-2)


def test_without_a_learner_the_descriptor_is_the_feature(
    data: TrainingData, tmp_path: Path
) -> None:
    method = build(ByMeans)
    assert method.learns_nothing
    method.train(data, training_run(tmp_path))
    images = torch.rand(2, 3, *SIZE)
    assert torch.equal(method.extract(images, "infrared")[:, 0], Means()(images))
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["images"] == 40
    assert "dimensions" not in json.loads(line)


def test_the_log_says_what_was_learned(data: TrainingData, tmp_path: Path) -> None:
    method = build(ByXQDA)
    assert not method.learns_nothing
    method.train(data, training_run(tmp_path))
    (line,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert (line["stage"], line["images"], line["features"]) == ("metric", 40, 6)
    assert 1 <= line["dimensions"] <= 3
    assert line["describing_seconds"] + line["learning_seconds"] <= line["seconds"] + 0.01


class Interrupt(Exception):
    pass


def test_a_metric_that_was_learned_is_not_learned_again(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(epoch: object) -> None:
        raise Interrupt

    first, second = build(ByXQDA), build(ByXQDA)
    with pytest.raises(Interrupt):
        first.train(data, training_run(tmp_path, on_epoch=interrupt))
    monkeypatch.setattr(descriptor_method, "described", lambda *_: pytest.fail("described again"))
    second.train(data, training_run(tmp_path))
    state = second.networks.state_dict()
    for name, tensor in first.networks.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_what_cannot_be_learned_ends_the_training(data: TrainingData, tmp_path: Path) -> None:
    """Infrared channels are equal, and no pair of one person spans more than its images do."""

    class ByKissme(ByMeans):
        given = KissmeConfig()

    few = random_data(SIZE, 2, 1)
    with pytest.raises(TrainingError, match="keep fewer principal components"):
        build(ByKissme).train(few, training_run(tmp_path))


def test_there_are_no_weights_to_load() -> None:
    class ByLFDA(ByMeans):
        given = LFDAConfig(dimensions=2)

    method = build(ByLFDA)
    before = method.networks["metric"].factor.clone()
    method.load_pretrained(PretrainedWeights("imagenet"))
    assert torch.equal(before, method.networks["metric"].factor)
