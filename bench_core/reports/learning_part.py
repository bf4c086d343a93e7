"""The part of a report that shows how the training went, from its log alone."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, ValidationError

from bench_core.contracts.errors import DataError
from bench_core.figures.drawing import png_bytes
from bench_core.figures.learning_curve import Curve, LearningPanel, draw_learning_curves
from bench_core.reports.document import LeftOut, Part, Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LARGEST = 3.5e38
"""No float32 is larger."""
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Values = dict[Annotated[str, Field(max_length=100)], Number]
MOST_LOSSES = 40
"""Losses that are drawn; a picture of more would be no picture."""


class Epoch(BaseModel):
    """An epoch, as a line of a training's log has it.

    Attributes:
        stage: Its stage.
        epoch: Its number within the stage, from 1.
        losses: Mean of each loss over the epoch.
        learning_rates: By optimiser.
        validation_score: mAP on validation people, where it was validated.
        seconds: How long it took.
    """

    model_config = {"allow_inf_nan": False}

    stage: str
    epoch: int
    losses: Values
    learning_rates: Values = {}
    validation_score: Number | None = Field(default=None, alias="validation_mAP")
    seconds: Number


def learning_part(log: Path | None) -> Part | LeftOut:
    """Show the losses, the learning rates and the validation score of a training.

    Args:
        log: The log of the training; None where there is no training to show.

    Returns:
        The part, or why there is none.
    """
    if log is None:
        return LeftOut("learning curve", "the training's folder is not at hand")
    try:
        epochs = read_log(log)
    except DataError as error:
        return LeftOut("learning curve", str(error))
    panels = _panels(epochs)
    if not panels:
        return LeftOut("learning curve", f"{log} names no losses and no learning rates")
    stages = [(name, len(list(group))) for name, group in groupby(epochs, key=_stage)]
    starts = [1 + sum(length for _, length in stages[:number]) for number in range(len(stages))]
    figure = draw_learning_curves(panels, starts)
    picture = Picture(
        name="learning-curve",
        caption="Means over each epoch. " + _spans(stages, starts),
        png=png_bytes(figure),
    )
    seconds = sum(epoch.seconds for epoch in epochs)
    text = f"{len(epochs)} epochs in {seconds:,.0f} s, from {log}."
    return Part(heading="Training", text=(text,), pictures=(picture,))


def read_log(path: Path) -> list[Epoch]:
    """Read the log of a training, a line an epoch.

    Raises:
        DataError: The file cannot be read, is empty, or a line is no epoch.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no file")
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if not lines:
        raise DataError(f"{path} is empty")
    epochs = []
    for number, line in enumerate(lines, start=1):
        try:
            epochs.append(Epoch.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise DataError(f"{path}, line {number}, is no epoch: {first['msg']}") from error
    return epochs


def _stage(epoch: Epoch) -> str:
    return epoch.stage


def _panels(epochs: Sequence[Epoch]) -> list[LearningPanel]:
    losses = _curves(epochs, lambda epoch: epoch.losses)[:MOST_LOSSES]
    panels = [LearningPanel(title=curve.name, curves=(curve,)) for curve in losses]
    if rates := _curves(epochs, lambda epoch: epoch.learning_rates)[:MOST_LOSSES]:
        panels.append(LearningPanel(title="learning rate", curves=tuple(rates), logarithmic=True))
    scores = _curves(epochs, _validation)
    return panels + [LearningPanel(title=curve.name, curves=(curve,)) for curve in scores]


def _validation(epoch: Epoch) -> dict[str, float]:
    score = epoch.validation_score
    return {} if score is None else {"validation mAP (%)": 100 * score}


def _curves(
    epochs: Sequence[Epoch], values_of: Callable[[Epoch], Mapping[str, float]]
) -> list[Curve]:
    found: dict[str, list[tuple[int, float]]] = {}
    for number, epoch in enumerate(epochs, start=1):
        for name, value in values_of(epoch).items():
            found.setdefault(name, []).append((number, value))
    return [
        Curve(
            name=name,
            epochs=tuple(number for number, _ in points),
            values=tuple(value for _, value in points),
        )
        for name, points in found.items()
    ]


def _spans(stages: Sequence[tuple[str, int]], starts: Sequence[int]) -> str:
    spans = ", ".join(
        f"{name} {start} to {start + length - 1}"
        for (name, length), start in zip(stages, starts, strict=True)
    )
    return f"Epochs of each stage: {spans}."
