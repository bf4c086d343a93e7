"""How fast every method extracts and trains on images that lie on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from bench_core.configuration import MethodChoice
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Precision
from bench_core.contracts.speed import ExtractionRate, TrainingRate
from bench_core.profiling.cost import inference_cost
from bench_core.profiling.modes import Mode, measured_modes
from bench_core.profiling.throughput import EXTRACTION_MODE, Workload, measure_workload
from bench_core.profiling.timing import in_sequence
from bench_core.profiling.training_steps import measure_training
from bench_core.training.method import Method, StagedMethod
from device_check.machine import has_compiler
from device_check.notes import Deadline, Notes, measured_in, read_lines
from device_check.peer import searching_kernels
from device_check.setting import Setting

EXTRACTION_SECONDS, TRAINING_SECONDS, COMPILED_SECONDS = 2.0, 4.0, 5.0
"""For one workload, for all stages of a method in a number format, and for a compiled workload."""
RESNET_50 = "jsia"
"""The method that extracts with ResNet-50 alone, at 256x128 with the preset "paper"."""
LEAST_SHARE, AIMED_AT = 0.4, 0.6
"""Of the matrix peak that ResNet-50 in bfloat16 has to reach, and what is aimed at."""


class _Built(NamedTuple):
    choice: MethodChoice
    method: Method
    modality: Modality
    macs: int


class _Work(NamedTuple):
    built: _Built
    workload: Workload

    def __str__(self) -> str:
        return f"{self.built.choice.name}: {self.workload}"


def time_extraction(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Time every method in every mode and format; what features are extracted with comes first."""
    built = [_build(setting, choice) for choice in setting.choices(setting.large_preset)]
    modes = measured_modes(setting.device, compiled=False)
    ordered: list[Mode] = sorted(modes, key=lambda mode: mode != EXTRACTION_MODE)
    works = [
        _Work(each, _workload(setting, each, mode, number_format))
        for mode in ordered
        for number_format in setting.formats()
        for each in built
    ]
    for work in notes.within(works, deadline):
        _time(setting, notes, work, setting.seconds(EXTRACTION_SECONDS))
    if deadline.left:
        _time_searched(setting, notes, built)
    _judge_share(setting, notes)


def time_compiled(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Time ResNet-50 through torch.compile, where that can be done."""
    if setting.device.type == "cpu" or not has_compiler():
        lacks = "there is no C compiler, or no Python.h"
        why = "a processor compiles for minutes" if has_compiler() else lacks
        notes.skipped("torch.compile", why)
        return
    compile_and_time(setting, notes, deadline)


def compile_and_time(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Time ResNet-50 through torch.compile in every number format."""
    built = _build(setting, setting.choice(RESNET_50, setting.large_preset))
    for number_format in notes.within(setting.formats(), deadline):
        torch.compiler.reset()
        work = _Work(built, _workload(setting, built, "compiled", number_format))
        _time(setting, notes, work, setting.seconds(COMPILED_SECONDS))
    _judge_share(setting, notes)


def time_training(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Time a step of each stage of every method in every number format."""
    works = [
        (choice, number_format)
        for number_format in setting.formats()
        for choice in setting.choices(setting.large_preset)
    ]
    for choice, number_format in notes.within(works, deadline, _training_name):
        try:
            _time_steps(setting, notes, choice, number_format)
        except Exception as error:  # noqa: BLE001  # named, and the next method goes on
            notes.refused(_training_name((choice, number_format)), error)


def _training_name(work: tuple[MethodChoice, Precision]) -> str:
    return f"training steps of {work[0].name} in {work[1]}"


def _build(setting: Setting, choice: MethodChoice) -> _Built:
    method = setting.build(choice)
    cost = inference_cost(method, choice.config.image_size, setting.device)
    return _Built(choice, method, cost.costlier, cost.macs[cost.costlier])


def _workload(setting: Setting, built: _Built, mode: Mode, number_format: Precision) -> Workload:
    return Workload(
        modality=built.modality,
        batch=setting.batch(built.choice),
        number_format=number_format,
        mode=mode,
    )


def _time(setting: Setting, notes: Notes, work: _Work, seconds: float) -> None:
    built, size = work.built, work.built.choice.config.image_size
    try:
        speed = measure_workload(
            built.method, size, setting.device, work.workload, in_sequence, seconds
        )
    except Exception as error:  # noqa: BLE001  # a compiler's error may be of any kind
        notes.refused(str(work), error)
        return
    flops = 2 * built.macs * speed.images_per_second
    document = {**speed.as_document(), "flops_per_second": round(flops)}
    notes.measured(str(work), "extraction", _rate(built.choice, document, ExtractionRate))


def _time_searched(setting: Setting, notes: Notes, built: Sequence[_Built]) -> None:
    """Time ResNet-50 where cuDNN tries its kernels first, which extraction does not ask of it."""
    (resnet,) = [each for each in built if each.choice.spec.id == RESNET_50]
    workload = _workload(setting, resnet, EXTRACTION_MODE, setting.formats()[0])
    size = resnet.choice.config.image_size
    with searching_kernels():
        speed = measure_workload(
            resnet.method, size, setting.device, workload, in_sequence,
            setting.seconds(EXTRACTION_SECONDS),
        )  # fmt: skip
    name = f"{RESNET_50}: {workload}, where cuDNN tries its kernels"
    notes.measured(name, "searched", {"images_per_second": speed.images_per_second})


def _time_steps(
    setting: Setting, notes: Notes, choice: MethodChoice, number_format: Precision
) -> None:
    method = setting.build(choice)
    if not isinstance(method, StagedMethod):
        notes.skipped(choice.name, "it has a training loop of its own")
        return
    stages = measure_training(
        method, choice.config.image_size, setting.device, number_format,
        setting.seconds(TRAINING_SECONDS),
    )  # fmt: skip
    for stage in stages:
        document = {**stage.as_document(), "stage": stage.name}
        name = f"{choice.name}: a step of {stage.name} in {number_format}"
        notes.measured(name, "training", _rate(choice, document, TrainingRate))


def _rate(
    choice: MethodChoice,
    document: dict[str, Any],
    kind: type[ExtractionRate] | type[TrainingRate],
) -> dict[str, Any]:
    """Return what a record of speeds has of a figure, as JSON values."""
    known = {name: value for name, value in document.items() if name in kind.model_fields}
    size = list(choice.config.image_size)
    about = {"method": choice.name, "preset": choice.preset.name, "image_size": size}
    return kind.model_validate(known | about).model_dump(mode="json")


def _judge_share(setting: Setting, notes: Notes) -> None:
    """Hold `RESNET_50` in the fastest format to its share of the matrix peak."""
    number_format = setting.formats()[0]
    peaks = measured_in(read_lines(notes.path.with_name("machine.jsonl")), "peaks")
    peak = next((each for each in peaks if each["dtype"] == number_format), None)
    rates = [
        rate
        for rate in measured_in(read_lines(notes.path), "extraction")
        if (rate["method"], rate["dtype"]) == (RESNET_50, number_format)
    ]
    name = f"share of the matrix peak of {RESNET_50} ({setting.large_preset}) in {number_format}"
    if peak is None or not rates:
        notes.cut(name, "its parts were not measured")
        return
    fastest = max(rates, key=lambda rate: float(rate["flops_per_second"]))
    share = fastest["flops_per_second"] / peak["flops_per_second"]
    detail = f"{fastest['mode']}, batch {fastest['batch']}; {AIMED_AT:g} is aimed at"
    notes.target(name, share, least=LEAST_SHARE, detail=detail)
