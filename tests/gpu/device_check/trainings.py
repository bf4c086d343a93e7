"""Every method trained on synthetic people through all of its stages, interrupted and resumed."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.dataset import TINY
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.pipeline.methods import build_method
from bench_core.synthetic import generate
from bench_core.system.devices import choose_precision
from bench_core.testing.building import describe_training
from bench_core.training.data import TrainingData, training_data
from bench_core.training.log import FinishedEpoch
from bench_core.training.method import StagedMethod
from bench_core.training.run import CHECKPOINT_FILE, LOG_FILE, TrainingRun
from bench_core.training.stages import Stage
from device_check.notes import Deadline, Notes
from device_check.peer import MOST_WAITING
from device_check.setting import PAPER, QUICK, Setting

PROTOCOL = "sysu-all-single"
PEOPLE = {"train_identities": 24, "test_identities": 4, "images_per_camera": 4.0}
LENGTHS = {QUICK: (3, 10), PAPER: (2, 5)}
"""Epochs of each stage and steps of an epoch, by preset; to be interrupted between."""
IDENTITY = "identity"
"""How the names of the losses end that have to fall; adversarial ones need not."""


class Interrupted(Exception):  # it is no error
    """Ends a training as a kill does, after an epoch that is safe on disk."""


def train_methods(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Train every method with each preset, interrupted in its last stage and resumed."""
    inputs = render_people(setting)
    works = [choice for preset in setting.presets for choice in setting.choices(preset)]
    for choice in notes.within(works, deadline, _name):
        try:
            train_method(setting, notes, deadline, inputs, choice)
        except Exception as error:  # noqa: BLE001  # named, and the next method goes on
            notes.refused(_name(choice), error)


def render_people(setting: Setting) -> RunInputs:
    """Render synthetic people and open them under a protocol."""
    root = setting.folder / "people"
    shutil.rmtree(root, ignore_errors=True)
    protocol = setting.registry.protocol(PROTOCOL)
    sizes: dict[str, Any] = {} if setting.small else PEOPLE
    generate(root, setting.registry.dataset(protocol.dataset), scale=TINY, **sizes)
    return open_inputs(setting.registry, protocol, root, setting.folder / "cache")


def train_method(
    setting: Setting, notes: Notes, deadline: Deadline, inputs: RunInputs, choice: MethodChoice
) -> None:
    """Train a method, interrupt it after the first epoch of its last stage, and resume it."""
    data = _data(inputs, choice)
    folder = setting.folder / "trainings" / f"{choice.spec.id}-{choice.preset.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name = _name(choice)
    if setting.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(setting.device)
    for place in range(2):
        method: Any = build_method(choice, data.num_identities, seed=0)
        if not isinstance(method, StagedMethod):
            notes.skipped(name, "it has a training loop of its own")
            return
        stages = [_shortened(setting, choice, stage) for stage in method.stages()]
        stop = stages[-1].name if place == 0 else None
        try:
            _run(setting, choice, folder, deadline, stop).execute(method.networks, stages, data)
        except Interrupted:
            if not deadline.left:
                notes.cut(f"the rest of {name}")
                break
            notes.check(f"{name}: checkpoint", (folder / CHECKPOINT_FILE).is_file(), "written")
    _judge(setting, notes, name, folder, stages, ended=bool(deadline.left))
    notes.measured(name, "trainings", _figures(setting, folder))
    if choice.preset.name == PAPER:
        waiting = _log(folder)[-1]["waiting_for_data"]
        notes.target(f"{name}: waiting for data", waiting, most=MOST_WAITING)


def _name(choice: MethodChoice) -> str:
    return f"training {choice.name} ({choice.preset.name})"


def _data(inputs: RunInputs, choice: MethodChoice) -> TrainingData:
    images = inputs.dataset.images
    rows = inputs.protocol.training_rows(images, inputs.protocol.training_split(0))
    store = inputs.images(choice.config.image_size, choice.config.resize_filter)
    return training_data(images, rows, store)


def _shortened(setting: Setting, choice: MethodChoice, stage: Stage) -> Stage:
    epochs, steps = (2, 1) if setting.small else LENGTHS[choice.preset.name]
    return replace(
        stage,
        epochs=epochs,
        sampling=stage.sampling.model_copy(update={"steps_per_epoch": steps}),
    )


def _run(
    setting: Setting, choice: MethodChoice, folder: Path, deadline: Deadline, stop: str | None
) -> TrainingRun:
    """Make a run that is interrupted after an epoch of a stage, or where no time is left."""

    def interrupt(epoch: FinishedEpoch) -> None:
        if (epoch.stage, epoch.epoch) == (stop, 1) or not deadline.left:
            raise Interrupted

    return TrainingRun(
        folder=folder,
        description=describe_training(
            method=choice.spec.id,
            precision=choose_precision("auto", setting.device, choice.preset.name),
        ),
        device=setting.device,
        on_epoch=interrupt,
    )


def _judge(
    setting: Setting, notes: Notes, name: str, folder: Path, stages: Sequence[Stage], *, ended: bool
) -> None:
    """Hold the log to what was to be trained, and its losses to being finite and falling."""
    epochs = _log(folder)
    values = [value for epoch in epochs for value in epoch["losses"].values()]
    notes.check(f"{name}: losses are finite", all(map(math.isfinite, values)), f"{len(values)}")
    seen = [(epoch["stage"], epoch["epoch"]) for epoch in epochs]
    planned = [(stage.name, epoch + 1) for stage in stages for epoch in range(stage.epochs)]
    if ended:
        notes.check(
            f"{name}: resumed where it was", seen == planned, f"{len(seen)} epochs, each once"
        )
    falls = {
        loss: last["losses"][loss] / max(value, 1e-12)
        for first, last in [_ends(epochs, epochs[-1]["stage"])]
        for loss, value in first["losses"].items()
        if loss.endswith(IDENTITY) and first is not last
    }
    for loss, ratio in falls.items():
        notes.target(f"{name}: {loss} of its last epoch to its first", ratio, most=1.0)


def _ends(epochs: Sequence[Any], stage: str) -> tuple[Any, Any]:
    own = [epoch for epoch in epochs if epoch["stage"] == stage]
    return own[0], own[-1]


def _figures(setting: Setting, folder: Path) -> dict[str, Any]:
    last = _log(folder)[-1]
    figures = {name: last[name] for name in ("stage", "images_per_second", "waiting_for_data")}
    if setting.device.type == "cuda":
        figures["peak_memory_bytes"] = torch.cuda.max_memory_allocated(setting.device)
    return figures


def _log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LOG_FILE).read_text().splitlines()]
