"""The speed tables of the leaderboard: a block for each measurement, of one device, never mixed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bench_core.system.escaping import markdown_text
from bench_core.system.text_layout import markdown_table, terminal_paragraph, terminal_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.contracts.speed import ExtractionRate, SpeedRecord

TITLE = "Speed"
LEGEND = (
    "Images per second on one device, of images that lie there, measured by make gpu "
    "(docs/gpu.md). Speeds compare within a block: one device, one build of PyTorch, one "
    "measurement. Extraction is in the mode that features are extracted in, and in the fastest "
    "one; its share is of the measured peak of matrix products in that number format."
)
EXTRACTION_COLUMNS = (
    *("method", "images", "format", "images/s"),
    *("fastest mode", "there", "% of peak"),
)
TRAINING_COLUMNS = ("method", "stage", "format", "images/s", "memory (MiB)")
TEXT_COLUMNS = frozenset({"method", "images", "format", "fastest mode", "stage"})
USUAL_MODE = "folded"
"""The mode that features are extracted in."""
UNKNOWN = "-"


@dataclass(frozen=True)
class SpeedBlock:
    """A measurement, ready to be laid out.

    Attributes:
        heading: The device, in a line.
        conditions: What was measured with, in a line.
        tables: Columns and rows of cells, of extraction and then of training.
    """

    heading: str
    conditions: str
    tables: tuple[tuple[tuple[str, ...], list[list[str]]], ...]


def speed_text(records: Sequence[SpeedRecord]) -> str:
    """Render measurements as text of 80 columns, ending in a newline."""
    blocks = ["\n".join(terminal_paragraph(TITLE.upper()))]
    for block in speed_blocks(records):
        lines = [*terminal_paragraph(block.heading), *terminal_paragraph(block.conditions)]
        tables = [terminal_table(columns, rows, TEXT_COLUMNS) for columns, rows in block.tables]
        blocks.append("\n\n".join(["\n".join(lines), *tables]))
    return "\n\n".join([*blocks, "\n".join(terminal_paragraph(LEGEND))]) + "\n"


def speed_markdown(records: Sequence[SpeedRecord]) -> str:
    """Render measurements as Markdown, ending in a newline."""
    parts = [f"## {TITLE}", "\n".join(terminal_paragraph(LEGEND))]
    for block in speed_blocks(records):
        parts += [f"### {markdown_text(block.heading)}", markdown_text(block.conditions)]
        for columns, rows in block.tables:
            cells = [[markdown_text(cell) for cell in row] for row in rows]
            parts.append(markdown_table(columns, cells, TEXT_COLUMNS))
    return "\n\n".join(parts) + "\n"


def speed_values(records: Sequence[SpeedRecord]) -> list[dict[str, Any]]:
    """Return the measurements as they are in their files, for JSON."""
    return [record.as_document() for record in records]


def speed_blocks(records: Sequence[SpeedRecord]) -> list[SpeedBlock]:
    """Return each measurement, ready to be laid out; its text is not escaped."""
    return [_block(record) for record in records]


def _block(record: SpeedRecord) -> SpeedBlock:
    device = record.device
    tables = (
        (EXTRACTION_COLUMNS, list(_extraction_rows(record))),
        (TRAINING_COLUMNS, list(_training_rows(record))),
    )
    return SpeedBlock(
        heading=f"{device.name}, PyTorch {device.versions['torch']}, {record.created:%Y-%m-%d}",
        conditions=", ".join(_conditions(record)) + ".",
        tables=tuple((columns, rows) for columns, rows in tables if rows),
    )


def _conditions(record: SpeedRecord) -> Iterator[str]:
    device = record.device
    for name in ("cuda", "cudnn", "python"):
        if name in device.versions:
            yield f"{name} {device.versions[name]}"
    if device.driver:
        yield f"driver {device.driver}"
    limit = device.readings.get("power_limit_watts")
    if limit is not None:
        yield f"power limit {limit:.0f} W"
    for peak in record.peaks:
        yield f"peak in {peak.dtype} {peak.flops_per_second / 1e12:.1f} TFLOP/s"


def _extraction_rows(record: SpeedRecord) -> Iterator[list[str]]:
    """Yield a row for each method, kind of images and number format."""
    ordered = sorted(record.extraction, key=_row_key)
    for (method, preset, modality, dtype), group in groupby(ordered, _row_key):
        rates = list(group)
        usual = [rate for rate in rates if rate.mode == USUAL_MODE]
        fastest = max(rates, key=lambda rate: rate.images_per_second)
        share = record.share_of_peak(fastest)
        height, width = fastest.image_size
        best = max((rate.images_per_second for rate in usual), default=None)
        yield [
            f"{method} ({preset})",
            f"{modality} {height}x{width}",
            dtype,
            UNKNOWN if best is None else f"{best:,.0f}",
            f"{fastest.mode}, batch {fastest.batch}",
            f"{fastest.images_per_second:,.0f}",
            UNKNOWN if share is None else f"{100 * share:.1f}",
        ]


def _row_key(rate: ExtractionRate) -> tuple[str, str, str, str]:
    return rate.method, rate.preset, rate.modality, rate.dtype


def _training_rows(record: SpeedRecord) -> Iterator[list[str]]:
    for rate in sorted(record.training, key=lambda rate: (rate.method, rate.preset, rate.dtype)):
        yield [
            f"{rate.method} ({rate.preset})",
            rate.stage,
            rate.dtype,
            f"{rate.images_per_second:,.0f}",
            f"{rate.peak_memory_bytes / 2**20:,.0f}",
        ]
