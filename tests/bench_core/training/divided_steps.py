"""Run by torchrun: steps of every method by several processes, and by one, side by side.

The first process writes, as JSON, how far the losses and gradients of each step are apart, and what
becomes of a whole training.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench_core.configuration import choose_method
from bench_core.methods import (
    Batch,
    MethodConfig,
    OptimizerConfig,
    SamplingConfig,
    Stage,
    TrainingRun,
    Updates,
)
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import WHOLE_BATCH, Sharing
from bench_core.pipeline.methods import build_method
from bench_core.plugins import load_registry
from bench_core.system.process_group import collected, is_first, joined, wait_for_all
from bench_core.testing import (
    MethodBuilder,
    StopTrainingError,
    describe_training,
    note_steps,
    random_data,
    training_run,
)
from bench_core.training.seeding import seed_global_generators
from bench_core.training.stage_runner import enter_stages

SMALL = ("backbone=small", "stem_relu=true", "weights=none", "image_height=64", "image_width=32")
BATCH = ("sampling.identities=4", "sampling.images=2")
GAN = ("generator_width=4", "generator_blocks=1", "discriminator_width=4")
FEATURES = ("feature_height=32", "feature_width=16", "hidden_features=8")
PIXELS = ("pixel_identities=2", "pixel_images=2")
STYLES = (
    "style_width=2",
    "latent_channels=3",
    "num_regions=2",
    "generation_sampling.identities=2",
    "generation_sampling.images=2",
)
TEACHER = ("teacher_sampling.identities=4", "teacher_sampling.images=2")
RATE = 0.01
CASES = {
    "xiv": ("xiv", ()),
    "xiv, gray": ("xiv:gray", ()),
    "aligngan": ("aligngan", (*FEATURES, *GAN, *PIXELS)),
    "aligngan, hard triplets": (
        "aligngan",
        (*FEATURES, *GAN, *PIXELS, "mining=hard", "recompute_activations=true"),
    ),
    "jsia": ("jsia", (*STYLES, "recompute_activations=false")),
    "jsia, recomputed": (
        "jsia",
        (*STYLES, "recompute_activations=true", "batch_statistics=separate"),
    ),
    "ts-gan": ("ts-gan", (*GAN, *TEACHER)),
    "ts-gan, guided": (
        "ts-gan",
        (*GAN, *TEACHER, "generation_epochs=1", "maps_guide_generator=true", "erasing=0.5"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What two processes and one do side by side.

    Attributes:
        steps: Cases whose steps are compared.
        parts: Of processes that run their shares in two parts each.
        shares: With statistics of each share, with one process in two parts.
        strangers: Methods that bring samplers, views, hooks, memory and closures, trained.
    """

    steps: tuple[str, ...]
    parts: tuple[str, ...]
    shares: tuple[str, ...]
    strangers: tuple[str, ...]


SELECTIONS = {
    "often": Compared(
        steps=("xiv", "aligngan", "jsia", "ts-gan"),
        parts=("ts-gan",),
        shares=("xiv",),
        strangers=("clusters",),
    ),
    "besides": Compared(
        steps=tuple(case for case in CASES if "," in case),
        parts=("xiv",),
        shares=("aligngan", "jsia, recomputed", "ts-gan"),
        strangers=("caj", "sam"),
    ),
}
STRANGER = (
    "backbone=small", "weights=none", "epochs=2", "image_height=32", "image_width=16",
    "sampling.identities=3", "sampling.images=2", "sampling.steps_per_epoch=2",
)  # fmt: skip


def main(output: Path, selection: Compared) -> None:
    torch.set_num_threads(1)
    compute_in_double_precision()
    # The first process alone is the one that several are compared with; the others wait for it.
    one = by_one(output.parent, selection) if os.environ["RANK"] == "0" else None
    with joined(torch.device("cpu")):
        several = by_several(output.parent, selection)
        if is_first():
            assert one is not None
            output.write_text(json.dumps(compared(one, several)))


def by_one(folder: Path, selection: Compared) -> dict[str, Any]:
    shares = Sharing(parts=2, statistics="share")
    return {
        "steps": {case: take_steps(*CASES[case]) for case in selection.steps},
        "parts": {case: take_steps(*CASES[case]) for case in selection.parts},
        "shares": {case: take_steps(*CASES[case], shares) for case in selection.shares},
        "training": train(folder / "one"),
        "strangers": {
            name: train_stranger(name, folder / f"{name}-one") for name in selection.strangers
        },
    }


def by_several(folder: Path, selection: Compared) -> dict[str, Any]:
    shares = Sharing(statistics="share")
    return {
        "steps": {case: take_steps(*CASES[case], Sharing()) for case in selection.steps},
        "parts": {case: take_steps(*CASES[case], Sharing(parts=2)) for case in selection.parts},
        "shares": {case: take_steps(*CASES[case], shares) for case in selection.shares},
        "training": train_together(train, folder),
        "strangers": {
            name: train_together(partial(train_stranger, name), folder / name)
            for name in selection.strangers
        },
    }


def compared(one: dict[str, Any], several: dict[str, Any]) -> dict[str, Any]:
    """Say how far what one process does is apart from what several do."""
    steps = {
        kind: {case: compare(one[kind][case], several[kind][case]) for case in one[kind]}
        for kind in ("steps", "parts", "shares")
    }
    return {
        **steps,
        "training": compare_trainings(one["training"], **several["training"]),
        "strangers": {
            name: compare_trainings(state, **several["strangers"][name])
            for name, state in one["strangers"].items()
        },
    }


def compare_trainings(
    one: dict[str, torch.Tensor], state: dict[str, torch.Tensor], **findings: bool
) -> dict[str, Any]:
    return {"distance": max(distance(one[name], state[name]) for name in one), **findings}


def train_together(train: Callable[..., dict[str, torch.Tensor]], folder: Path) -> dict[str, Any]:
    """Train by several processes, at a stretch and interrupted; say what comes out."""
    several = train(folder / "several")
    with suppress(InterruptedError, StopTrainingError):
        train(folder / "resumed", end_at=3 if isinstance(train, partial) else 8)
    wait_for_all()  # else one would read a checkpoint that the first has yet to write
    resumed = train(folder / "resumed")
    (first, *others) = collected(several)
    return {
        "state": several,
        "resumed": all(torch.equal(several[name], resumed[name]) for name in several),
        "alike": all(torch.equal(other[name], first[name]) for other in others for name in first),
    }


def train_stranger(
    name: str, folder: Path, end_at: int | None = None, sharing: Sharing = WHOLE_BATCH
) -> dict[str, torch.Tensor]:
    """Train a stranger's method, or up to a step; return its state and its memory."""
    sys.path.insert(0, str(Path(__file__).with_name("stranger_methods")))
    from strangers import SPECS

    folder.mkdir(exist_ok=True, parents=True)
    (spec,) = [spec for spec in SPECS if spec.id == f"{name}-like"]
    method = MethodBuilder(spec, STRANGER).build()
    note_steps(method, end_at)
    run = training_run(folder, description=describe_training(threads=1), sharing=sharing)
    method.train(random_data((32, 16), 5, 4), run)
    state = {**method.networks.state_dict(), **getattr(method, "memory", {})}
    return {key: value.clone() for key, value in state.items()}


def train(folder: Path, end_at: int | None = None) -> dict[str, torch.Tensor]:
    """Train the method of one layer and dropout, or up to a step; return its state."""
    import conftest  # beside the script that torchrun runs

    folder.mkdir(exist_ok=True)
    seed_global_generators((7,))
    config = MethodConfig(image_height=16, image_width=16)
    method: Any = conftest.LinearMethod(config, num_identities=5)
    step = method.step

    def step_unless_ended(batch: Batch, updates: Updates) -> Any:
        if method.num_steps == end_at:
            raise InterruptedError
        doubled = replace(batch, visible=batch.visible.double(), infrared=batch.infrared.double())
        return step(doubled, updates)

    method.step = step_unless_ended
    run = TrainingRun(folder=folder, description=conftest.describe(), device=torch.device("cpu"))
    method.train(conftest.random_data(), run)
    return {name: value.clone() for name, value in method.networks.state_dict().items()}


def compute_in_double_precision() -> None:
    """Rounding alone would move a float32 gradient by 1e-3 where a maximum or a ReLU flips."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


def compare(one: Any, several: Any) -> dict[str, dict[str, float]]:
    """Say how far the losses, gradients and states of each stage are apart."""
    assert one.keys() == several.keys()
    return {
        stage: {
            what: max(distance(one[stage][what][key], several[stage][what][key])
                      for key in one[stage][what])
            for what in one[stage]
        }
        for stage in one
    }  # fmt: skip


def distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """The largest difference, as a share of the largest number where that is over 1."""
    return float((first - second).abs().max() / first.abs().max().clamp(min=1))


def take_steps(name: str, assignments: tuple[str, ...], sharing: Sharing | None = None) -> Any:
    """Take a step of each stage; returns losses, gradients and states of each by name."""
    registry = load_registry()
    spec, variant = registry.method(name)
    choice = choose_method(spec, variant, "paper", (*SMALL, *BATCH, *assignments))
    method: Any = build_method(choice, 6)
    stages = [with_plain_descent(stage) for stage in method.stages()]
    division = None if sharing is None else Division(method.networks, sharing)
    runners = enter_stages(method.networks, stages, precision="float32", seed=0, division=division)
    found = {}
    for runner in runners:
        runner.begin_epoch(0)
        gradients: dict[str, torch.Tensor] = {}
        with watched(method, runner.optimizers, gradients):
            losses = runner.step(noise(runner.stage.sampling), 0, 0)
        state = {key: value.double().clone() for key, value in method.networks.state_dict().items()}
        losses = {key: value.detach() for key, value in losses.items()}
        found[runner.stage.name] = {"losses": losses, "gradients": gradients, "state": state}
    return found


def with_plain_descent(stage: Stage) -> Stage:
    """Adam would make a step of a whole rate of what is zero but for rounding."""
    plain = OptimizerConfig(kind="sgd", learning_rate=RATE, momentum=0.0, weight_decay=0.0)
    plans = {name: replace(plan, config=plain) for name, plan in stage.optimizers.items()}
    return replace(stage, optimizers=plans)


@contextmanager
def watched(method: Any, optimizers: Any, gradients: dict[str, torch.Tensor]) -> Iterator[None]:
    """Note the gradients that each optimiser steps on."""
    names = {parameter: name for name, parameter in method.networks.named_parameters()}

    def note(optimizer: Any, *_: Any) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradients[names[parameter]] = parameter.grad.clone()

    handles = [optimizer.register_step_pre_hook(note) for optimizer in optimizers.values()]
    yield
    for handle in handles:
        handle.remove()


def noise(sampling: SamplingConfig) -> Batch:
    random = torch.Generator().manual_seed(3)
    labels = torch.tensor([4, 0, 2, 5, 1, 3])[: sampling.identities]
    labels = labels.repeat_interleave(sampling.images)
    visible, infrared = (
        torch.rand(len(labels), 3, 64, 32, generator=random).to(memory_format=torch.channels_last)
        for _ in range(2)
    )
    return Batch(visible=visible, infrared=infrared, labels=labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), SELECTIONS[sys.argv[2]])
