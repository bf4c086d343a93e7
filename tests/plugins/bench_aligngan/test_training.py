"""Trainings of AlignGAN: losses fall, and an interruption anywhere changes nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from bench_aligngan.method import AlignGAN
from bench_core.methods import Batch, Losses, Stage, TrainingData, Updates
from bench_core.testing import StopTrainingError, build_updates, random_data, stage_of, training_run
from bench_core.training.run import CHECKPOINT_FILE

Make = Callable[..., AlignGAN]

SHORT = (
    "encoder_warmup_epochs=1",
    "pixel_warmup_epochs=1",
    "epochs=2",
    "pixel_identities=2",
    "pixel_images=1",
)
FAST = ("gan_optimizer.learning_rate=0.001", "classifier_dropout=0.0")
"""For a few steps of small GANs; F learns by the paper's optimiser."""
LAST = 3
"""Steps whose mean is what a loss has come to."""


@pytest.fixture
def smooth(batch: Batch) -> Batch:
    """The same batch without the noise that no generator could restore."""
    visible, infrared = (
        functional.interpolate(images[:, :, ::16, ::16], scale_factor=16, mode="bilinear")
        for images in (batch.visible, batch.infrared)
    )
    return Batch(visible, infrared, batch.labels)


def losses_of(
    stage: Stage, batch: Batch, num_steps: int, updates: Updates | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Train on one batch and return the losses of the first step, and the mean of the last ones."""
    updates = updates or build_updates(stage)
    torch.manual_seed(0)
    seen = [
        {name: loss.item() for name, loss in stage.step(batch, updates).items()}
        for _ in range(num_steps)
    ]
    return seen[0], {name: sum(step[name] for step in seen[-LAST:]) / LAST for name in seen[0]}


WARM_UP = {"feature-identity": 0.5, "feature-triplet": 0.7}
ALIGNED = {"feature-identity": 0.75, "feature-triplet": 0.75}
TRANSLATED = {"cycle": 0.97, "pixel-triplet": 0.8, "discriminator-visible": 0.6}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "stage", "falling"),
    [
        ("full", "feature-warm-up", WARM_UP),
        ("full", "pixel-warm-up", TRANSLATED),
        ("full", "joint", {**ALIGNED, **TRANSLATED}),
        ("baseline", "joint", ALIGNED),
        *(
            pytest.param(variant, "joint", falling, marks=pytest.mark.exhaustive)
            for variant, falling in (
                ("pixalign", {**ALIGNED, **TRANSLATED}),
                ("aligngan-minus", {**ALIGNED, **TRANSLATED}),
                ("featalign", ALIGNED),
            )
        ),
    ],
)
def test_the_losses_of_a_stage_fall_on_one_batch(
    variant: str,
    stage: str,
    falling: dict[str, float],
    make: Make,
    smooth: Batch,
) -> None:
    """Far enough that neither the number of threads nor the processor decides."""
    first, last = losses_of(stage_of(make(variant, *FAST), stage), smooth, 25)
    for name, share in falling.items():
        assert last[name] < share * first[name], (name, first[name], last[name])


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["full", "aligngan-minus"])
def test_discriminators_tell_real_from_fake_while_no_one_fools_them(
    variant: str, make: Make, smooth: Batch
) -> None:
    stage = stage_of(make(variant, *FAST), "joint")
    updates = build_updates(stage)

    class DiscriminatorsAlone(Updates):
        def minimize(self, losses: Losses, *names: str, **options: Any) -> Losses:
            if names == ("discriminators",):
                return updates.minimize(losses, *names, **options)
            return losses

    first, last = losses_of(stage, smooth, 30, DiscriminatorsAlone({}))
    for name in ("discriminator", "discriminator-visible"):
        assert last[name] < 0.9 * first[name]


class Interrupting(Updates):
    """Raises before a given update of a training."""

    def __init__(self, updates: Updates, countdown: list[int]) -> None:
        self._updates = updates
        self._countdown = countdown

    def minimize(self, losses: Losses, *optimizers: str, **options: Any) -> Losses:
        if not self._countdown[0]:
            raise StopTrainingError
        self._countdown[0] -= 1
        return self._updates.minimize(losses, *optimizers, **options)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Random pixels of five identities, two images of each in each modality."""
    return random_data((64, 32))


@pytest.fixture(scope="module")
def whole_state(
    make: Make, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, torch.Tensor]]:
    """Train a variant without an interruption, once, and return the networks' state."""

    @functools.cache
    def train(variant: str) -> dict[str, torch.Tensor]:
        method: AlignGAN = make(variant, *SHORT)
        method.train(data, training_run(tmp_path_factory.mktemp("whole")))
        state: dict[str, torch.Tensor] = method.networks.state_dict()
        return state

    return train


def interrupt(method: AlignGAN, num_updates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a method's training end after so many updates."""
    countdown, stages = [num_updates], method.stages()

    def interrupting(step: Any) -> Any:
        return lambda batch, updates: step(batch, Interrupting(updates, countdown))

    for stage in stages:
        object.__setattr__(stage, "step", interrupting(stage.step))
    monkeypatch.setattr(method, "stages", lambda: stages)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "num_updates"),
    [
        # Two steps of one update, two of two, four of three.
        *[("full", number) for number in (1, 3, 8, 17)],
        ("featalign", 6),
        *[
            pytest.param(variant, number, marks=pytest.mark.exhaustive)
            for variant, numbers in (
                ("full", (0, 2, 5, 6, 7, 13)),
                ("aligngan-minus", (3, 7)),
                ("featalign", (1, 9)),
            )
            for number in numbers
        ],
    ],
)
def test_a_training_interrupted_anywhere_goes_on_to_the_same_bits(
    variant: str,
    num_updates: int,
    make: Make,
    data: TrainingData,
    whole_state: Callable[[str], dict[str, torch.Tensor]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, resumed = make(variant, *SHORT), make(variant, *SHORT)
    interrupt(broken, num_updates, monkeypatch)
    with pytest.raises(StopTrainingError):
        broken.train(data, training_run(tmp_path / "broken"))
    if (tmp_path / "broken" / CHECKPOINT_FILE).exists():
        with torch.no_grad():
            for value in resumed.networks.parameters():
                value.add_(1)  # what it starts from must not matter
    resumed.train(data, training_run(tmp_path / "broken"))
    state = resumed.networks.state_dict()
    for name, value in whole_state(variant).items():
        assert torch.equal(value, state[name]), name
