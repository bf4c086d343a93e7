"""How commands print what they return: reports as JSON, tables, scores.

A report is a frozen dataclass or what else has `as_document`; commands print from its attributes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bench_core.contracts.metrics import METRICS
from bench_core.leaderboard.cells import percent
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.scores import Scores

NAME_IN_JSON = "name_in_json"
"""Key of a field's metadata: what JSON calls the field where that is not its name."""


@runtime_checkable
class Document(Protocol):
    """A report that says itself what its JSON document is."""

    def as_document(self) -> Any:
        """Return the report as JSON values."""


def print_json(report: Any) -> None:
    """Print a report, or a list of them, as one JSON document on standard output."""
    echo(json.dumps(report, indent=1, default=_json_value))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], text: Collection[str] | None = None
) -> None:
    """Print a table of at most 80 columns.

    Args:
        columns: Headings.
        rows: As many cells as columns in each.
        text: Headings of columns of text, aligned to the left, others to the right; None for the
            first column alone.
    """
    from bench_core.system.text_layout import terminal_table

    echo(terminal_table(columns, rows, columns[:1] if text is None else text))


def print_scores(scores: Scores, first_trial: int = 1) -> None:
    """Print scores in percent: mean, standard deviation, 95 % interval, and every trial.

    Args:
        scores: The scores.
        first_trial: Number of their first trial, from 1.
    """
    interval = scores.interval.by_name()
    rows = {
        "mean": scores.mean.by_name(),
        "std": scores.std.by_name(),
        "95 % low": {metric: low for metric, (low, _) in interval.items()},
        "95 % high": {metric: high for metric, (_, high) in interval.items()},
    }
    for number, trial in enumerate(scores.trials, start=first_trial):
        rows[f"trial {number}"] = trial.as_metrics().by_name()
    cells = [
        [name, *(percent(values[metric]) for metric in METRICS)] for name, values in rows.items()
    ]
    print_table(["percent", *METRICS], cells)


def show_giga(count: int | None) -> str:
    """Return a count in billions, to where XIV's generator still shows; a dash for none."""
    return "\N{EN DASH}" if count is None else f"{count / 1e9:.4f}"


def _json_value(value: Any) -> Any:
    """Return what JSON knows for a report, or a part of one, that it does not know."""
    if isinstance(value, Document):
        return value.as_document()
    if is_dataclass(value):
        return {
            field.metadata.get(NAME_IN_JSON, field.name): getattr(value, field.name)
            for field in fields(value)
        }
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a report holds a {type(value).__name__}, which JSON cannot show")
