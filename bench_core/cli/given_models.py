"""Options that name a model: a training's file or folder, or a released one with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Assignments, ConfigurationPath, Option
from bench_core.cli.training import choose
from bench_core.contracts.errors import UsageError

if TYPE_CHECKING:
    from bench_core.pipeline.opened_models import OpenedModel
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model; each option says what it means."""

    model: Annotated[Path | None, Option(
        "--model", type=click.Path(path_type=Path), metavar="FILE",
        help="model.safetensors of a training, or the folder of the training.",
    )]  # fmt: skip
    method: Annotated[str | None, Option(
        "--method", metavar="METHOD|FILE.toml",
        help="Instead of --model: a released model, which trains nothing, with its --weights.",
    )]  # fmt: skip
    weights: Annotated[str | None, Option(
        "--weights", metavar="FILE",
        help="With --method: its weights file.",
    )]  # fmt: skip
    configuration: ConfigurationPath
    assignments: Assignments


def check_model(options: ModelOptions) -> None:
    """Refuse what names no model, or two.

    Raises:
        UsageError: An option is missing, or belongs to the other way.
    """
    if options.model is None:
        if options.method is None or options.weights is None:
            raise UsageError(
                "give --model FILE of a training, or a released model by --method and --weights"
            )
        return
    others = ("method", "weights", "configuration", "assignments")
    names = {"configuration": "config", "assignments": "set"}
    for name in others:
        if getattr(options, name):
            option = names.get(name, name)
            raise UsageError(f"--{option} does not go with --model, which says all of its own")


def open_given_model(registry: Registry, options: ModelOptions) -> OpenedModel:
    """Open the model that options name.

    Raises:
        UsageError: The method is not installed, or is one that is trained.
        CheckpointError: A file is unreadable or does not fit.
    """
    from bench_core.pipeline.opened_models import open_released, open_trained

    if options.model is not None:
        return open_trained(registry, options.model)
    choice = choose(
        registry,
        str(options.method),
        None,
        options.assignments,
        configuration=options.configuration,
        weights=options.weights,
    )
    return open_released(choice, str(options.weights))
