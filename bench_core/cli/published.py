"""`bench published`: the registry of published numbers, listed and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli.options import json_option
from bench_core.cli.printing import print_json, print_table
from bench_core.contracts.errors import BenchError, UsageError, unknown_name
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.published.registry import Published
    from bench_core.published.schema import PublishedRow

published_option = click.option(
    "--published", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of published numbers. [default: those that come with the program]",
)  # fmt: skip


@click.group()
def published() -> None:
    """Numbers that papers print, with their sources."""


@published.command()
@published_option
@json_option
@click.pass_obj
def check(registry: Registry, *, published: Path | None, as_json: bool) -> None:
    """Check the published numbers: sources, names, ranges, order, conflicts. Exit 1 on defects."""
    from bench_core.published.checks import check_published

    folder = _folder(published)
    found, defects = check_published(folder, registry.protocols)
    numbers = sum(len(row.values) for row in found.rows)
    if as_json:
        print_json({
            "folder": str(folder), "rows": len(found.rows), "numbers": numbers,
            "sources": len(found.sources), "methods": len(found.methods),
            "conflicts": len(found.conflicts), "defects": [str(defect) for defect in defects],
        })  # fmt: skip
    else:
        for defect in defects:
            echo(terminal_line(str(defect)))
        echo(
            f"{numbers} numbers in {len(found.rows)} rows of {len(found.sources)} sources, "
            f"{len(found.methods)} methods; {len(found.conflicts)} conflicts are told"
        )
    if defects:
        count = len(defects)
        raise BenchError(
            f"{folder} has {count} defect{'s' * (count > 1)}, each named with its line"
        )


@published.command("list")
@click.option("--method", metavar="METHOD[:VARIANT]", help="Rows of this method alone.")
@click.option("--protocol", metavar="PROTOCOL", help="Rows of this protocol alone.")
@published_option
@json_option
def list_rows(
    *, method: str | None, protocol: str | None, published: Path | None, as_json: bool
) -> None:
    """List published numbers: percent, digits as printed."""
    from bench_core.contracts.metrics import METRICS

    registry = load_published(published)
    rows = [
        row
        for row in registry.rows
        if protocol in (None, row.protocol) and method in (None, row.method_id, row.method)
    ]
    if not rows:
        raise _nothing(registry, method, protocol)
    rows.sort(key=lambda row: (row.protocol or "~", row.method, row.source, row.line))
    if as_json:
        print_json([_document(registry, row) for row in rows])
        return
    for one in dict.fromkeys(row.protocol for row in rows):
        chosen = [row for row in rows if row.protocol == one]
        metrics = [metric for metric in METRICS if any(metric in row.values for row in chosen)]
        cells = [
            [_label(registry, row), *(row.values.get(metric, "") for metric in metrics),
             registry.citation(row)]
            for row in chosen
        ]  # fmt: skip
        echo(f"{one or 'no protocol of ours'}\n")
        print_table(["method", *metrics, "source"], cells, text={"method", "source"})
        echo()


def load_published(folder: Path | None) -> Published:
    """Read the published numbers for a command.

    Args:
        folder: As --published gives it; None for those that come with the program.

    Raises:
        UsageError: There is no such folder, or it holds none.
        DataError: A part of it cannot be used; the message names the first, and `bench published
            check` all of them.
    """
    from bench_core.published.reading import read_published

    found = read_published(_folder(folder))
    if found.defects:
        raise found.defects[0]
    return found.published


def _folder(folder: Path | None) -> Path:
    from bench_core.published.reading import SOURCES, shipped_folder

    if folder is None:
        return shipped_folder()
    if not (folder / SOURCES).is_file():
        raise UsageError(f"--published {folder}: it holds no published numbers, no {SOURCES}")
    return folder


def _nothing(registry: Published, method: str | None, protocol: str | None) -> BenchError:
    """Return the error for a list without rows."""
    protocols = {row.protocol for row in registry.rows if row.protocol}
    labels = {row.method for row in registry.rows} | {row.method_id for row in registry.rows}
    if protocol is not None and protocol not in protocols:
        return unknown_name("protocol with published numbers", protocol, protocols)
    if method is not None and method not in labels:
        return unknown_name("method with published numbers", method, registry.method_by_id)
    return UsageError(f"no source prints numbers of {method} on {protocol}")


def _label(registry: Published, row: PublishedRow) -> str:
    """Return a row's method with what sets it apart."""
    extras = [f"{row.rerank} re-ranking"] if row.reranked else []
    extras += [row.setting] if row.setting else []
    if any(registry.suspicion(row, metric) for metric in row.values):
        extras.append("suspect")
    return ", ".join((row.method, *extras))


def _document(registry: Published, row: PublishedRow) -> dict[str, Any]:
    disputes = {d.reading: None for m in row.values for d in registry.disputes(row, m)}
    source = registry.source_by_id[row.source]
    return {
        **row.model_dump(exclude={"line"}),
        "citation": registry.citation(row),
        "evidence": source.evidence,
        "publication": source.model_dump(include={"title", "venue", "year", "url"}),
        "suspect": [metric for metric in row.values if registry.suspicion(row, metric)],
        "conflicts": list(disputes),
    }
