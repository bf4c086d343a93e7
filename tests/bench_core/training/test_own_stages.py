"""What a stage brings itself: hooks, memory, pseudo-labels, a sampler, views of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench_core import PluginError, TrainingError
from bench_core.methods import (
    AugmentationConfig,
    Batch,
    Epoch,
    SampledImages,
    SamplingConfig,
    Stage,
    TrainingData,
    Updates,
    View,
)
from bench_core.testing import random_data
from bench_core.training.stage_images import StageImages

Make = Callable[..., Any]
MODALITIES = ("visible", "infrared")
PLAIN = AugmentationConfig(flip=0, padding=0)
SIZE = (16, 16)


@pytest.fixture
def shuffled() -> TrainingData:
    """Five people with four images of each in each modality; rows that do not rise."""
    plain = random_data(SIZE, 5, 4)
    order = np.random.default_rng(1).permutation(20)
    return replace(
        plain,
        rows={m: plain.rows[m][order] for m in MODALITIES},
        labels={m: plain.labels[m][order] for m in MODALITIES},
        cameras={m: 10 * (1 + MODALITIES.index(m)) + order % 3 for m in MODALITIES},
    )


class Interrupt(Exception):
    pass


class Watched:
    """A method of one stage that notes all that it is given."""

    def __init__(self, make_method: Make, **parts: Any) -> None:
        self.method = make_method()
        (stage, _) = self.method.stages()
        sampling = SamplingConfig(identities=2, images=3, steps_per_epoch=2)
        self.stage: Stage = replace(
            stage, step=self.step, sampling=sampling, augmentation=PLAIN, **parts
        )
        self.method.stages = lambda: [self.stage]
        self.batches: list[Batch] = []
        self.stop: int | None = None

    def step(self, batch: Batch, updates: Updates) -> Any:
        if len(self.batches) == self.stop:
            raise Interrupt
        self.batches.append(batch)
        features = self.method.networks["layer"](batch.visible).flatten(1)
        return updates.minimize({"size": features.square().mean()}, "all")

    def train(self, data: TrainingData, run: Any) -> Watched:
        self.method.train(data, run)
        return self


def pixels_of(data: TrainingData, modality: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return the images of rows of a modality, not augmented."""
    chosen = data.pixels[data.rows[modality][rows.numpy()]]
    return torch.from_numpy(chosen.transpose(0, 3, 1, 2) / np.float32(255))


def test_a_batch_says_of_each_image_its_row_camera_and_label(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    watched = Watched(make_method).train(shuffled, make_run())
    assert len(watched.batches) == 4
    for batch in watched.batches:
        for modality, images in (("visible", batch.visible), ("infrared", batch.infrared)):
            rows = batch.rows[modality]
            torch.testing.assert_close(images, pixels_of(shuffled, modality, rows))
            assert batch.views[modality] is images
            assert batch.cameras[modality].tolist() == shuffled.cameras[modality][rows].tolist()
            assert torch.equal(batch.labels_of[modality], batch.labels)
            assert batch.labels.tolist() == shuffled.labels[modality][rows].tolist()


def test_hooks_see_all_images_unaugmented_in_evaluation_mode_and_without_gradients(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    seen: list[tuple[str, int]] = []
    method = make_method()

    def look(name: str, epoch: Epoch) -> None:
        seen.append((name, epoch.number))
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in method.networks.modules())
        parts = list(epoch.images(batch=8))
        assert [(part.modality, len(part.rows)) for part in parts] == [
            (modality, size) for modality in MODALITIES for size in (8, 8, 4)
        ]
        for part in parts:
            assert part.cameras.tolist() == shuffled.cameras[part.modality][part.rows].tolist()
            expected = pixels_of(shuffled, part.modality, part.rows)
            torch.testing.assert_close(part.images, expected)
        assert torch.cat([part.rows for part in parts]).tolist() == [*range(20), *range(20)]
        assert not {"labels", "identities"} & {*vars(epoch), *vars(parts[0])}

    Watched(
        lambda: method,
        begin=lambda epoch: look("begin", epoch),
        end=lambda epoch: look("end", epoch),
    ).train(shuffled, make_run())
    assert seen == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]


class Memorising(Watched):
    """Draws in its hooks and remembers; clusters are the last digits of what was drawn."""

    def __init__(self, make_method: Make) -> None:
        self.memory: dict[str, torch.Tensor] = {}
        super().__init__(
            make_method,
            begin=self.begin,
            end=self.end,
            memory=self.memory,
            labelled=False,
        )
        self.begun: list[int] = []

    def begin(self, epoch: Epoch) -> None:
        self.begun.append(epoch.number)
        self.memory["drawn"] = torch.from_numpy(epoch.generator.random(3 + epoch.number))
        self.memory["torch"] = torch.rand(1)
        labels = {m: epoch.generator.integers(-1, 3, epoch.counts[m]) for m in MODALITIES}
        self.memory |= {m: torch.from_numpy(labels[m]) for m in MODALITIES}
        epoch.assign(labels)

    def step(self, batch: Batch, updates: Updates) -> Any:
        logged = super().step(batch, updates)
        self.memory["steps"] = self.memory.get("steps", torch.zeros(())) + 1
        return logged

    def end(self, epoch: Epoch) -> None:
        self.memory["ended"] = torch.rand(1)


def test_a_stage_without_labels_draws_clusters_of_the_pseudo_labels(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    watched = Memorising(make_method)
    labels: list[dict[Any, Any]] = []
    begin = watched.begin

    def noted(epoch: Epoch) -> None:
        begin(epoch)
        labels.append({m: watched.memory[m].clone() for m in MODALITIES})

    watched.stage = replace(watched.stage, begin=noted)
    watched.train(shuffled, make_run())
    for number, batch in enumerate(watched.batches):
        assert len(batch.labels) == 0
        for modality in MODALITIES:
            given = labels[number // 2][modality][batch.rows[modality]]
            assert torch.equal(batch.labels_of[modality], given)
            assert (given >= 0).all()
            clusters = given.view(2, 3)
            assert (clusters == clusters[:, :1]).all()
            assert clusters[0, 0] != clusters[1, 0]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_memory_and_pseudo_labels_are_resumed_and_a_hook_is_not_called_again(
    stop: int, shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    whole = Memorising(make_method)
    whole.train(shuffled, make_run("whole"))
    broken, resumed = Memorising(make_method), Memorising(make_method)
    broken.stop = stop
    with pytest.raises(Interrupt):
        broken.train(shuffled, make_run("broken", checkpoint_seconds=0.0))
    resumed.train(shuffled, make_run("broken", checkpoint_seconds=0.0))

    # What the last checkpoint was written before is done again, a hook with the first step.
    assert (broken.begun, resumed.begun) == {1: ([0], [1]), 2: ([0, 1], [1]), 3: ([0, 1], [])}[stop]
    assert whole.memory.keys() == resumed.memory.keys()
    for name, value in whole.memory.items():
        assert torch.equal(value, resumed.memory[name]), name
    rows = [[batch.rows["infrared"].tolist() for batch in each.batches] for each in
            (whole, broken, resumed)]  # fmt: skip
    assert rows[0] == rows[1] + rows[2]
    state = resumed.method.networks.state_dict()
    for name, value in whole.method.networks.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize(
    ("labelled", "labels", "error", "message"),
    [
        (True, np.zeros(20, int), PluginError, "has labels and takes no pseudo-labels"),
        (False, np.zeros(19, int), PluginError, "an integer for each of 20 visible images"),
        (False, np.zeros(20), PluginError, "got float64 of shape"),
        (False, np.full(20, -1), TrainingError, "left every visible image without a cluster"),
    ],
)
def test_pseudo_labels_that_cannot_be_are_refused(
    labelled: bool,
    labels: Any,
    error: Any,
    message: str,
    shuffled: TrainingData,
    make_method: Make,
    make_run: Make,
) -> None:
    watched = Watched(
        make_method,
        labelled=labelled,
        begin=lambda epoch: epoch.assign(dict.fromkeys(MODALITIES, labels)),
    )
    with pytest.raises(error, match=message):
        watched.train(shuffled, make_run())


def test_a_stage_without_labels_and_without_pseudo_labels_is_refused(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    with pytest.raises(TrainingError, match=r"give them with epoch\.assign in its begin"):
        Watched(make_method, labelled=False).train(shuffled, make_run())


class Drawing:
    """Draws any images, of no identities."""

    steps_per_epoch = 2

    def __init__(self, images: SampledImages, size: int = 6, least: int = 0) -> None:
        self.images, self.size, self.least = images, size, least

    def epoch(self, generator: np.random.Generator) -> Iterator[Sequence[Any]]:
        for _ in range(2):
            yield generator.integers(self.least, 20, (2, self.size))


def test_an_own_sampler_draws_from_the_generator_of_its_epoch_and_knows_the_labels(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    seen: list[SampledImages] = []

    def sampler(images: SampledImages) -> Drawing:
        seen.append(images)
        return Drawing(images)

    watched, again = (
        Watched(make_method, sampler=sampler).train(shuffled, make_run(name)) for name in "ab"
    )
    rows = [[batch.rows["visible"].tolist() for batch in each.batches] for each in (watched, again)]
    assert rows[0] == rows[1]
    assert len({tuple(each) for each in rows[0]}) == 4
    assert len(seen) == 4  # made for each epoch
    assert seen[0].counts == dict.fromkeys(MODALITIES, 20)
    for modality in MODALITIES:
        assert seen[0].labels[modality] is shuffled.labels[modality]
        assert seen[0].cameras[modality] is shuffled.cameras[modality]
    for batch in watched.batches:
        for modality in MODALITIES:
            expected = shuffled.labels[modality][batch.rows[modality]]
            assert batch.labels_of[modality].tolist() == expected.tolist()
        assert len(batch.labels) == 0  # entries do not show the same people


def test_an_own_sampler_sees_no_labels_where_the_stage_has_none(shuffled: TrainingData) -> None:
    (stage, _) = [
        Stage(
            name="s", epochs=1, step=lambda *_: {}, optimizers={}, augmentation=PLAIN,
            sampling=SamplingConfig(identities=2, images=3), sampler=Drawing, labelled=False,
        )
    ] * 2  # fmt: skip
    images = StageImages(shuffled, stage)
    assert images.labels == {}
    (first, _) = images.begin().rows(np.random.default_rng(0))
    notes = images.notes(first)
    assert len(first.labels) == 0
    assert notes.labels_of == {}
    assert notes.rows["visible"].shape == (6,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 5}, "must yield 6 integers, as its sampling of 2 identities x 3 images says"),
        ({"least": -9}, "that is none of the 20 from 0 to 19"),
    ],
)
def test_rows_that_a_sampler_may_not_yield_are_refused(
    options: dict[str, int],
    message: str,
    shuffled: TrainingData,
    make_method: Make,
    make_run: Make,
) -> None:
    watched = Watched(make_method, sampler=lambda images: Drawing(images, **options))
    with pytest.raises(PluginError, match=message):
        watched.train(shuffled, make_run())


def darkened(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Darken each image by a factor of its own, in place."""
    return images.mul_(torch.rand(len(images), 1, 1, 1, generator=generator))


def test_a_view_augments_the_images_of_its_modality_by_draws_of_its_own(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    views = {
        "dark": View("visible", darkened),
        "dim": View("visible", darkened),
        "infrared": View("infrared", darkened),
    }
    watched = Watched(make_method, views=views).train(shuffled, make_run("a"))
    plain = Watched(make_method).train(shuffled, make_run("b"))
    factors = set()
    for batch, other in zip(watched.batches, plain.batches, strict=True):
        assert batch.views.keys() == {"visible", "infrared", "dark", "dim"}
        assert torch.equal(batch.visible, other.visible)
        assert batch.infrared is batch.views["infrared"]
        for name, view in views.items():
            modality = view.modality
            original = pixels_of(shuffled, modality, batch.rows[modality])
            ratio = batch.views[name].sum((1, 2, 3)) / original.sum((1, 2, 3))
            torch.testing.assert_close(batch.views[name], original * ratio[:, None, None, None])
            factors |= {round(each, 5) for each in ratio.tolist()}
    assert len(factors) == 4 * 3 * 6  # of each image, view and step


def test_views_resume_in_the_middle_of_an_epoch(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    views = {"visible": View("visible", darkened)}
    whole = Watched(make_method, views=views, sampler=Drawing).train(shuffled, make_run("whole"))
    broken, resumed = (Watched(make_method, views=views, sampler=Drawing) for _ in range(2))
    broken.stop = 3
    with pytest.raises(Interrupt):
        broken.train(shuffled, make_run("broken", checkpoint_seconds=0.0))
    resumed.train(shuffled, make_run("broken", checkpoint_seconds=0.0))
    (last,) = resumed.batches
    assert torch.equal(last.visible, whole.batches[3].visible)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda images, _: images[:2], "the view 'dark' of a stage returned"),
        (lambda images, _: images.byte(), "it must return floats of the shape"),
        (lambda *_: None, "returned None"),
    ],
)
def test_a_view_that_returns_other_images_is_refused(
    augment: Any, message: str, shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    watched = Watched(make_method, views={"dark": View("visible", augment)})
    with pytest.raises(PluginError, match=message):
        watched.train(shuffled, make_run())


def test_memory_holds_tensors_by_name_alone(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    memory: dict[str, Any] = {"number": 3}
    with pytest.raises(PluginError, match="the memory of a stage holds a int as 'number'"):
        Watched(make_method, memory=memory).train(shuffled, make_run())


def test_tensors_of_the_memory_may_share_their_storage(
    shuffled: TrainingData, make_method: Make, make_run: Make
) -> None:
    bank = torch.arange(6.0)
    memory = {"bank": bank, "same": bank, "part": bank[2:]}
    run = make_run()
    Watched(make_method, memory=memory).train(shuffled, run)
    memory.clear()
    Watched(make_method, memory=memory).train(shuffled, run)  # is over, and finds what it kept
    assert {name: value.tolist() for name, value in memory.items()} == {
        "bank": [0, 1, 2, 3, 4, 5],
        "same": [0, 1, 2, 3, 4, 5],
        "part": [2, 3, 4, 5],
    }
