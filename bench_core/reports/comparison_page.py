"""Builds the report on two results: what differs, where, and on which queries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench_core.contracts.metrics import METRICS
from bench_core.figures.differences import DifferenceRow, draw_differences, draw_query_scores
from bench_core.figures.drawing import png_bytes
from bench_core.figures.image_grids import draw_image_grid
from bench_core.leaderboard.cells import percent
from bench_core.reports.document import LeftOut, Part, Picture, Table
from bench_core.reports.folder import Page
from bench_core.reports.query_images import open_queries, query_pixels
from bench_core.results.comparison import (
    IN_WORDS,
    compare_by_camera,
    difference_document,
    most_changed,
    show_p_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench_core.contracts.result import ResultRecord
    from bench_core.evaluation.uncertainty import Difference
    from bench_core.pipeline.inputs import RunInputs
    from bench_core.plugins import Registry
    from bench_core.results.comparison import CameraComparison, ChangedQuery, Comparison

NUM_LISTED = 10
"""Queries that gained, and that lost, in the tables."""
NUM_SHOWN = 8
"""Of them, those whose images are shown."""
MARKS = (
    "Second minus first, with the 95 % interval by bootstrap over people. A filled mark: told "
    "apart by the paired test (p below 0.05); a hollow one: not. Tests are one by one, without "
    "correction for looking at several."
)


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions:
    """How the report on two results is made.

    Attributes:
        registry: The plugins.
        root: Root folder of the dataset; None for synthetic people, or for no images.
        cache: Folder for what can be made again.
    """

    registry: Registry
    root: Path | None
    cache: Path


def build_comparison(comparison: Comparison, options: ComparisonOptions) -> Page:
    """Build the report on two results.

    Args:
        comparison: What they are, and what differs.
        options: Where images are.

    Raises:
        DataError: The dataset is not what the results are of.
    """
    record, (first, second) = comparison.records[0], comparison.names
    synthetic, protocol = record.dataset.synthetic, record.protocol
    inputs = open_queries(options.registry, record, options.root, options.cache)
    left_out = [LeftOut("images of queries", inputs)] if isinstance(inputs, str) else []
    images = None if isinstance(inputs, str) else inputs
    kind = " (synthetic)" if synthetic else ""
    return Page(
        title=f"{second} against {first} on {record.dataset.title or record.dataset.id}{kind}: "
        f"{protocol.id}, {protocol.convention} galleries",
        synthetic=synthetic,
        parts=(
            _verdict_part(comparison),
            _camera_part(comparison, compare_by_camera(comparison)),
            _query_part(comparison, images),
            _origin_part(comparison),
        ),
        left_out=tuple(left_out),
        facts=comparison.as_document(),
    )


def _verdict_part(comparison: Comparison) -> Part:
    means = tuple(record.scores.mean.by_name() for record in comparison.records)
    table = Table(
        columns=("percent", *comparison.names, "difference", "95 % interval", "p"),
        rows=tuple(
            _row(metric, metric, (means[0], means[1]), difference)
            for metric, difference in comparison.differences.items()
        ),
    )
    counts = (
        f"The same {comparison.num_queries:,} queries of {comparison.num_identities:,} people. "
        "Intervals and p-values are over people."
    )
    rows = [_bar(metric, difference) for metric, difference in comparison.differences.items()]
    picture = Picture(name="differences", caption=MARKS, png=png_bytes(draw_differences(rows)))
    return Part(
        heading="What differs",
        text=(comparison.sentence, counts),
        tables=(table,),
        pictures=(picture,),
    )


def _camera_part(comparison: Comparison, cameras: list[CameraComparison]) -> Part:
    columns = ("queries of", *comparison.names, "difference", "95 % interval", "p")
    tables = [
        Table(
            title=f"{metric} (%)",
            columns=columns,
            rows=tuple(
                _row(
                    f"camera {one.camera} ({one.num_queries:,})",
                    metric,
                    one.means,
                    one.differences[metric],
                )
                for one in cameras
            ),
        )
        for metric in IN_WORDS
    ]
    bars = [
        _bar(f"camera {one.camera}, {metric}", one.differences[metric])
        for metric in IN_WORDS
        for one in cameras
    ]
    text = (
        "The queries of each camera by themselves, in the whole gallery that they may meet; in "
        "brackets their number."
    )
    document = {
        str(one.camera): {
            "queries": one.num_queries,
            "first": one.means[0],
            "second": one.means[1],
            "difference": {
                metric: difference_document(difference)
                for metric, difference in one.differences.items()
            },
        }
        for one in cameras
    }
    picture = Picture(
        name="differences-by-camera", caption=MARKS, png=png_bytes(draw_differences(bars))
    )
    return Part(
        heading="By camera of the queries",
        text=(text,),
        tables=tuple(tables),
        pictures=(picture,),
        data={"by_query_camera": document},
    )


def _query_part(comparison: Comparison, images: RunInputs | None) -> Part:
    changed = {
        name: most_changed(comparison, NUM_LISTED, gained=name == "gained")
        for name in ("gained", "lost")
    }
    pictures = [_scatter(comparison)]
    if images is not None:
        pictures += [_images(name, found, images) for name, found in changed.items() if found]
    text = (
        "Average precision of each query, mean over the trials that share it. In the tables the "
        "queries that gained and that lost the most, each of another person; an image has its "
        "number among those of its person and camera, from 0."
    )
    return Part(
        heading="Query by query",
        text=(text,),
        tables=tuple(
            _changed_table(name, found, comparison.names)
            for name, found in changed.items()
            if found
        ),
        pictures=tuple(pictures),
        data={name: [asdict(one) for one in found] for name, found in changed.items()},
    )


def _scatter(comparison: Comparison) -> Picture:
    column, valid = METRICS.index("mAP"), comparison.tables[0].valid
    first, second = (table.scores[valid, column] for table in comparison.tables)
    gained, lost = (100 * share.mean() for share in (second > first, second < first))
    better, worse = comparison.names[::-1]
    return Picture(
        name="queries",
        caption=f"A point a query; above the line {better} is better, below it {worse}. "
        f"{gained:.1f} % of the queries gained, {lost:.1f} % lost, {100 - gained - lost:.1f} % "
        f"stayed; the median change is {100 * np.median(second - first):+.2f} points.",
        png=png_bytes(draw_query_scores(first, second, comparison.names)),
    )


def _changed_table(name: str, found: list[ChangedQuery], names: tuple[str, str]) -> Table:
    return Table(
        title=f"{name.capitalize()} the most: average precision (%)",
        columns=("person, camera, image", *names, "difference"),
        rows=tuple(
            (
                f"{one.identity}, {one.camera}, {one.index}",
                f"{100 * one.first:.1f}",
                f"{100 * one.second:.1f}",
                f"{100 * (one.second - one.first):+.1f}",
            )
            for one in found
        ),
    )


def _images(name: str, found: list[ChangedQuery], inputs: RunInputs) -> Picture:
    shown = found[:NUM_SHOWN]
    pixels = query_pixels(inputs, [(one.identity, one.camera, one.index) for one in shown])
    titles = [f"{100 * one.first:.0f} to {100 * one.second:.0f} %" for one in shown]
    return Picture(
        name=name,
        caption=f"The first {len(shown)} queries that {name} the most; above each its average "
        "precision by the first and by the second result.",
        png=png_bytes(draw_image_grid({name: pixels}, titles)),
    )


def _origin_part(comparison: Comparison) -> Part:
    sides = zip(("First", "Second"), comparison.names, comparison.paths, comparison.records,
                strict=True)  # fmt: skip
    return Part(
        heading="Where it comes from",
        tables=tuple(
            Table(title=f"{place}: {name}", rows=tuple(_origin(path, record)), text=True)
            for place, name, path, record in sides
        ),
    )


def _origin(path: Path, record: ResultRecord) -> Iterator[tuple[str, str]]:
    """Yield where a result came from, by name; what nobody knows is left out."""
    values: dict[str, object] = {
        "result": path,
        "created": record.provenance.created.isoformat(timespec="seconds"),
        "preset": record.method.preset,
        "seed": record.method.seed,
        "selection": record.provenance.selection,
        "model": record.origin.kind.replace("-", " "),
    }
    for name, value in values.items():
        if value is not None:
            yield name, str(value)


def _row(
    label: str,
    metric: str,
    means: tuple[Mapping[str, float], Mapping[str, float]],
    difference: Difference,
) -> tuple[str, ...]:
    return (
        label,
        percent(means[0][metric]),
        percent(means[1][metric]),
        f"{100 * difference.value:+.2f}",
        " to ".join(f"{100 * end:+.2f}" for end in difference.interval),
        show_p_value(difference.p_value),
    )


def _bar(label: str, difference: Difference) -> DifferenceRow:
    return DifferenceRow(
        label=label,
        value=difference.value,
        interval=difference.interval,
        told_apart=difference.told_apart,
    )
