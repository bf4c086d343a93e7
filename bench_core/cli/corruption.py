"""`bench corruption`: the scores of a corrupted result by corruption and severity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli.options import AsJson, DeviceName, Option, Threads, receives
from bench_core.cli.printing import print_json, print_paragraph, print_table
from bench_core.cli.split_files import check_root
from bench_core.contracts.errors import UsageError
from bench_core.contracts.metrics import METRICS
from bench_core.corrupted_twins import CORRUPTIONS, SEVERITIES
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.degraded import CorruptionGrid
    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry

FIGURE_SUFFIXES = (".png", ".svg")


@dataclass(frozen=True, kw_only=True)
class CorruptionOptions:
    """Which cells are scored, and how they are shown; each option says what it means."""

    names: Annotated[tuple[str, ...], Option(
        "--only", type=click.Choice(CORRUPTIONS), multiple=True, metavar="NAME",
        help="Score this corruption alone, such as fog; may be repeated. [default: all 20]",
    )]  # fmt: skip
    severities: Annotated[tuple[int, ...], Option(
        "--severity", type=click.IntRange(SEVERITIES[0], SEVERITIES[-1]), multiple=True,
        metavar="1-5", help="Score this severity alone; may be repeated. [default: all 5]",
    )]  # fmt: skip
    metric: Annotated[str, Option(
        "--metric", type=click.Choice(METRICS), default="mAP", show_default=True,
        help="Of table and figure; the record has all.",
    )]  # fmt: skip
    figure: Annotated[Path | None, Option(
        "--figure", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Draw the scores, to FILE.png or FILE.svg.",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="Root folder of the dataset. Without it, synthetic people are used.",
    )]  # fmt: skip
    runs: Annotated[Path, Option(
        "--runs", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
        show_default=True, help="Folder of trainings, in which the models of RESULT are.",
    )]  # fmt: skip
    device: DeviceName
    threads: Threads
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class CorruptionReport:
    """The scores of a result by corruption and severity.

    Attributes:
        path: The record, which holds the scores.
        record: What it says.
        grid: The scores.
        metric: That of the table.
        figure: The picture, if one was drawn.
    """

    path: Path
    record: ResultRecord
    grid: CorruptionGrid
    metric: str
    figure: Path | None

    def as_document(self) -> dict[str, Any]:
        """Return what `bench corruption --json` prints: fractions in [0, 1]."""
        from bench_core.results.corruption_grid import is_whole, summarise

        whole, degradation = is_whole(self.grid), self.record.protocol.degradation
        return {
            "result": self.path,
            "method": self.record.label,
            "protocol": self.record.protocol.id,
            "degradation": degradation and degradation.model_dump(mode="json"),
            **self.grid.as_values(),
            "whole": whole,
            "summary": {name: summarise([self.grid], name) for name in METRICS} if whole else None,
            "figure": self.figure,
        }


@click.command()
@click.argument("path", metavar="RESULT", type=click.Path(path_type=Path, dir_okay=False))
@receives(CorruptionOptions)
@click.pass_obj
def corruption(registry: Registry, options: CorruptionOptions, *, path: Path) -> None:
    """Score a corrupted result by corruption and severity.

    RESULT is a record that 'bench run' wrote for a corrupted protocol, such as
    sysu-all-single-corrupted. Its model is scored with every visible image under one corruption
    of one severity, for each of the 20 and the 5, and once on clean images. Each score is kept in
    the record at once: what is there is not scored again.
    """
    check_root(options.root)
    _check_figure(options.figure)

    from bench_core.pipeline.robustness import check_record
    from bench_core.results.corruption_grid import missing_cells
    from bench_core.results.store import read_result

    record = read_result(path)
    check_record(path, record)
    names, severities = options.names or CORRUPTIONS, options.severities or SEVERITIES
    if cells := missing_cells(record.corruption_grid, names, severities):
        record = _score(registry, path, cells, options)
    grid = record.corruption_grid
    if grid is None:  # there is at least one cell
        raise UsageError(f"{path} holds no scores by corruption")  # pragma: no cover
    report = CorruptionReport(
        path=path, record=record, grid=grid, metric=options.metric, figure=options.figure
    )
    if options.figure is not None:
        _draw(report, options.figure)
    if options.as_json:
        print_json(report)
    else:
        _print_report(report)


def _score(
    registry: Registry, path: Path, cells: list[tuple[str, int]], options: CorruptionOptions
) -> ResultRecord:
    from bench_core.pipeline.robustness import GridSettings, score_cells
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.devices import choose_device

    return score_cells(
        registry,
        path,
        cells,
        GridSettings(
            root=options.root,
            runs=options.runs,
            cache=cache_directory(),
            device=choose_device(options.device),
            threads=options.threads,
        ),
    )


def _check_figure(path: Path | None) -> None:
    if path is not None and path.suffix not in FIGURE_SUFFIXES:
        raise UsageError(f"--figure {path}: the name of a picture ends in .png or .svg")


def _draw(report: CorruptionReport, path: Path) -> None:
    from bench_core.figures.corruptions import draw_corruptions
    from bench_core.figures.drawing import png_bytes, svg_bytes
    from bench_core.system.files import write_bytes

    title = f"{report.record.label} on {report.record.protocol.id}"
    figure = draw_corruptions(report.grid, report.metric, title)
    write_bytes(path, png_bytes(figure) if path.suffix == ".png" else svg_bytes(figure))


def _print_report(report: CorruptionReport) -> None:
    known, metric = report.grid.by_cell, report.metric
    rows = []
    for name in CORRUPTIONS:
        found = {
            severity: known[name, severity][metric]
            for severity in SEVERITIES
            if (name, severity) in known
        }
        if not found:
            continue
        mean = _percent(fmean(found.values())) if len(found) == len(SEVERITIES) else "-"
        cells = [_percent(found[one]) if one in found else "-" for one in SEVERITIES]
        rows.append([name, *cells, mean])
    echo(f"{report.record.label} on {report.record.protocol.id}, {metric} in percent\n")
    print_table(["corruption", *map(str, SEVERITIES), "mean"], rows, text={"corruption"})
    echo()
    print_paragraph(_conclusion(report))
    if report.figure is not None:
        echo(f"figure  {report.figure}")
    echo(f"result  {report.path}")


def _conclusion(report: CorruptionReport) -> str:
    from bench_core.results.corruption_grid import ALL_CELLS, is_whole, summarise

    clean = _percent(report.grid.clean.by_name()[report.metric])
    if not is_whole(report.grid):
        return (
            f"clean images {clean}; {len(report.grid.cells)} of {len(ALL_CELLS)} scores are there, "
            "so that there is no mean yet"
        )
    summary = summarise([report.grid], report.metric)
    kept = "" if summary.kept is None else f", {_percent(summary.kept)} % of it kept"
    kinds = ", ".join(f"{kind} {_percent(value)}" for kind, value in summary.groups.items())
    return f"clean images {clean}; mean over all {_percent(summary.mean)}{kept}; {kinds}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
