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

    A single trial is its own mean and has no deviation: it stands alone with its interval.

    Args:
        scores: The scores.
        first_trial: Number of their first trial, from 1.
    """
    interval = scores.interval.by_name()
    bounds = {
        "95 % low": {metric: low for metric, (low, _) in interval.items()},
        "95 % high": {metric: high for metric, (_, high) in interval.items()},
    }
    trials = {
        f"trial {number}": trial.as_metrics().by_name()
        for number, trial in enumerate(scores.trials, start=first_trial)
    }
    means = {"mean": scores.mean.by_name(), "std": scores.std.by_name()}
    rows = {**means, **bounds, **trials} if len(trials) > 1 else {**trials, **bounds}
    cells = [
        [name, *(percent(values[metric]) for metric in METRICS)] for name, values in rows.items()
    ]
    print_table(["percent", *METRICS], cells)


def print_paragraph(text: str) -> None:
    """Print sentences on lines of at most 80 columns, but for longer words, which are paths."""
    from bench_core.system.text_layout import terminal_paragraph

    for line in terminal_paragraph(text, hanging="  ", broken_words=False):
        echo(line)


def show_search(scores: Scores) -> str:
    """Return how many queries were searched among how many gallery images, and how often."""
    sizes = sorted(set(scores.gallery))
    gallery = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    trials = len(scores.trials)
    return (
        f"{scores.valid_queries} of {scores.queries} queries have a match, gallery of {gallery} "
        f"images, {trials} trial{'s' if trials > 1 else ''}"
    )


def show_shape(shape: Sequence[int]) -> str:
    """Return how many features there are, and how long they are.

    Args:
        shape: (N, V, D): images, views, dimensions; a single view is not mentioned.

    Examples:
        >>> show_shape((10578, 1, 2048))
        '10,578 images x 2048 dimensions'
        >>> show_shape((10578, 6, 512))
        '10,578 images x 6 views x 512 dimensions'
    """
    images, views, dimensions = shape
    seen = "" if views == 1 else f"{views} views x "
    return f"{images:,} images x {seen}{dimensions} dimensions"


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
