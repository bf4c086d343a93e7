"""The leaderboard as pictures: accuracy against cost, real and synthetic data apart."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bench_core.figures.accuracy_cost import Panel, Point, draw_accuracy_cost
from bench_core.figures.drawing import png_bytes, svg_bytes
from bench_core.leaderboard.headings import heading
from bench_core.leaderboard.rows import sections
from bench_core.leaderboard.settings import telling_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from bench_core.contracts.result import ResultRecord
    from bench_core.leaderboard.rows import Section

REAL, SYNTHETIC = "accuracy-cost", "accuracy-cost-synthetic"
"""Names of the pictures, without suffix."""
HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        REAL: "Accuracy against cost",
        SYNTHETIC: "Accuracy against cost on synthetic data, which compares with nothing published",
    }
)
LONGEST_LABEL = 52


def plot_files(records: Iterable[ResultRecord]) -> dict[str, bytes]:
    """Draw rank-1 against multiply-adds, each picture as PNG and SVG.

    Args:
        records: The runs to show, in any order.

    Returns:
        Files by name. Real and synthetic data never share a picture; data of which there is no row
        that can be shown has none. The same records give the same bytes of the SVG.
    """
    files = {}
    for name, figure in _figures(records):
        files[f"{name}.png"] = png_bytes(figure)
        files[f"{name}.svg"] = svg_bytes(figure)
    return files


def check_plots(records: Iterable[ResultRecord], folder: Path) -> str | None:
    """Compare committed pictures with those that the records give.

    Only the SVG is compared: the bytes of a PNG depend on the processor that compressed it.

    Args:
        records: The runs to show.
        folder: Where the pictures lie.

    Returns:
        None where they agree byte for byte, else one line with the way out.
    """
    for name, figure in _figures(records):
        path = folder / f"{name}.svg"
        if not path.is_file() or path.read_bytes() != svg_bytes(figure):
            return (
                f"{path} does not show the results as they are; draw it again with "
                f"bench leaderboard --plot {folder}"
            )
    return None


def _figures(records: Iterable[ResultRecord]) -> Iterator[tuple[str, Figure]]:
    # Ranks are not shown, so that no row need be told from another.
    tables = sections(records, lambda _first, _second: False)
    for name in (REAL, SYNTHETIC):
        chosen = [table for table in tables if table.key.synthetic == (name == SYNTHETIC)]
        panels = [panel for panel in map(_panel, chosen) if panel.points]
        if panels:
            yield name, draw_accuracy_cost(panels, HEADINGS[name])


def has_cost(record: ResultRecord) -> bool:
    """Whether a result has a place on an axis of multiply-adds."""
    return record.cost is not None and record.cost.macs > 0


def _panel(section: Section) -> Panel:
    """Return the rows that compare: without re-ranking, whose cost is not counted in the method's.

    A method without multiply-adds, or whose cost is unknown, has no place on an axis of powers.
    """
    records = [row.record for row in section.rows if not row.rerank and has_cost(row.record)]
    points = [
        Point(
            label=label,
            family=record.method.id,
            macs=record.cost.macs,
            rank_1=record.scores.mean.rank_1,
            interval=record.scores.interval.rank_1,
        )
        for record, label in zip(records, _labels(records), strict=True)
        if record.cost is not None
    ]
    return Panel(heading(section), tuple(points))


def _labels(records: Sequence[ResultRecord]) -> list[str]:
    """Name each row by its method, and by as much more as tells the rows of the panel apart."""
    return [
        _shortened(record.label, (*_origin(record), *words))
        for record, words in zip(records, telling_words(records), strict=True)
    ]


def _origin(record: ResultRecord) -> tuple[str, ...]:
    """Return what stands for the mark that tables give models that were not trained here."""
    kind = record.origin.kind
    return () if kind == "trained-here" else (kind.replace("-", " "),)


def _shortened(label: str, details: Sequence[str]) -> str:
    text = f"{label} ({', '.join(details)})" if details else label
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
