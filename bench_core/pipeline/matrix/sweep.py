"""The done cells of a matrix over the values of one setting that it sweeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench_core.contracts.errors import BenchError, UsageError, unknown_name
from bench_core.figures.sweep import SettingValue, SweptLine, SweptPanel
from bench_core.pipeline.matrix.cells import Cell
from bench_core.pipeline.matrix.survey import CellStatus


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Scores over a setting, for `bench_core.figures.sweep.draw_sweep`.

    Attributes:
        key: The setting.
        values: Its values, in the order of the file.
        panels: One for each protocol, convention and re-ranking that has a result.
        num_missing: Cells without a result, which are not in it.
    """

    key: str
    values: tuple[SettingValue, ...]
    panels: tuple[SweptPanel, ...]
    num_missing: int


def swept_keys(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Return the keys of settings that not all cells have alike, in the order of the file."""
    each = [frozenset(cell.trained.assignments) for cell in cells]
    differing = frozenset[str]().union(*each) - each[0].intersection(*each)
    return tuple(
        dict.fromkeys(
            word.partition("=")[0]
            for cell in cells
            for word in cell.trained.assignments
            if word in differing
        )
    )


def sweep_of(cells: Sequence[CellStatus], key: str | None = None) -> Sweep:
    """Gather the scores over the values of a setting.

    Args:
        cells: All cells of a matrix.
        key: The setting, where the matrix sweeps over several.

    Raises:
        UsageError: The matrix sweeps over no setting, over several and none is named, or not over
            the one that is.
        BenchError: No cell is done.
    """
    every = [cell.planned.cell for cell in cells]
    key = _chosen(every, key)
    done = [cell for cell in cells if cell.record is not None]
    if not done:
        raise BenchError("no cell has a result yet; run the matrix first, without --plot")
    panels: dict[str, dict[str, dict[SettingValue | None, list[Mapping[str, float]]]]] = {}
    for cell in done:
        lines = panels.setdefault(_title(cell), {})
        values = lines.setdefault(_label(cell.planned.cell, every, key), {})
        scores = [] if cell.record is None else [cell.record[1].scores.mean.by_name()]
        values.setdefault(_settings(cell.planned.cell).get(key), []).extend(scores)
    return Sweep(
        key=key,
        values=_values(every, key),
        panels=tuple(
            SweptPanel(
                title=title,
                lines=tuple(SweptLine(label=label, scores=s) for label, s in lines.items()),
            )
            for title, lines in panels.items()
        ),
        num_missing=len(cells) - len(done),
    )


def _chosen(cells: Sequence[Cell], key: str | None) -> str:
    keys = [name for name in swept_keys(cells) if len(_values(cells, name)) > 1]
    if not keys:
        raise UsageError(
            "--plot shows scores over the values of a setting, and no setting of this matrix has "
            "several; give one a list under [set]"
        )
    if key is None and len(keys) > 1:
        raise UsageError(f"the matrix sweeps over {' and '.join(keys)}; name one with --over")
    if key is not None and key not in keys:
        raise UsageError(str(unknown_name("setting that is swept over", key, keys)))
    return key or keys[0]


def _settings(cell: Cell) -> dict[str, SettingValue]:
    pairs = (word.partition("=") for word in cell.trained.assignments)
    return {key: _value(text) for key, _, text in pairs}


def _value(text: str) -> SettingValue:
    """Return a value as the file has it; a list or table as its text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _values(cells: Iterable[Cell], key: str) -> tuple[SettingValue, ...]:
    found = (_settings(cell) for cell in cells)
    return tuple(dict.fromkeys(settings[key] for settings in found if key in settings))


def _title(cell: CellStatus) -> str:
    of = cell.planned.cell
    record = None if cell.record is None else cell.record[1]
    synthetic = "synthetic " if record is not None and record.dataset.synthetic else ""
    reranked = f", {of.reranked.words}" if of.reranked else ""
    return f"{synthetic}{of.protocol.id}, {of.convention} galleries{reranked}"


def _label(cell: Cell, every: Sequence[Cell], key: str) -> str:
    """Return what tells a line from others: the method, and what else not all cells have alike."""
    trained = cell.trained
    others = [name for name in swept_keys(every) if name != key]
    words = [word for word in trained.assignments if word.partition("=")[0] in others]
    words += [
        str(getattr(trained, name) or f"no {name}")
        for name in ("configuration", "weights")
        if len({str(getattr(one.trained, name)) for one in every}) > 1
    ]
    if len({one.trained.choice.preset.name for one in every}) > 1:
        words.append(f"preset {trained.choice.preset.name}")
    return ", ".join((trained.choice.name, *words))
