"""`bench search`: the pictures of a folder that are nearest to given ones."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import click

from bench_core.cli.given_models import ModelOptions, check_model, open_given_model
from bench_core.cli.options import DeviceName, Option, Threads, receives
from bench_core.contracts.errors import UsageError
from bench_core.contracts.images import INFRARED, MODALITIES, VISIBLE, Modality
from bench_core.system.escaping import csv_cell, terminal_line, terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.contracts.image_search import QueryFound, SearchDocument
    from bench_core.image_search.searching import SearchRequest
    from bench_core.plugins import Registry

SearchFormat: TypeAlias = Literal["table", "csv", "json"]
CSV_COLUMNS = ("query", "rank", "distance", "path", "same_file")
FORMAT_OF_SUFFIX: dict[str, SearchFormat] = {".csv": "csv", ".json": "json", ".txt": "table"}


@dataclass(frozen=True, kw_only=True)
class SearchOptions(ModelOptions):
    """What is searched for, where, and how it is told; each option says what it means."""

    gallery: Annotated[Path, Option(
        "--gallery", required=True, type=click.Path(path_type=Path), metavar="DIR",
        help="Folder of pictures to search, of any layout.",
    )]  # fmt: skip
    queries: Annotated[tuple[Path, ...], Option(
        "--query", required=True, multiple=True, type=click.Path(path_type=Path), metavar="IMAGE",
        help="Picture to search for, or a folder of such; may be repeated.",
    )]  # fmt: skip
    query_modality: Annotated[Modality, Option(
        "--query-modality", type=click.Choice(MODALITIES), default=INFRARED, show_default=True,
        help="What the queries are.",
    )]  # fmt: skip
    gallery_modality: Annotated[Modality, Option(
        "--gallery-modality", type=click.Choice(MODALITIES), default=VISIBLE, show_default=True,
        help="What the pictures of the gallery are.",
    )]  # fmt: skip
    top: Annotated[int, Option(
        "--top", type=click.IntRange(min=1), default=10, show_default=True, metavar="K",
        help="How many pictures to find for each query.",
    )]  # fmt: skip
    keep_same_file: Annotated[bool, Option(
        "--keep-same-file", is_flag=True,
        help="Find files that have the very bytes of the query, too, and mark them; else they are "
        "left out.",
    )]  # fmt: skip
    skip_unreadable: Annotated[bool, Option(
        "--skip-unreadable", is_flag=True,
        help="Leave out files that give no picture, and name each; else the first is an error.",
    )]  # fmt: skip
    no_cache: Annotated[bool, Option(
        "--no-cache", is_flag=True,
        help="Extract all features, and keep none for the next search.",
    )]  # fmt: skip
    page: Annotated[Path | None, Option(
        "--page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html",
        help="Write a page of the pictures, too; it needs nothing besides.",
    )]  # fmt: skip
    output_format: Annotated[SearchFormat | None, Option(
        "--format", type=click.Choice(get_args(SearchFormat)),
        help="[default: table; with --output what the file's suffix says: .csv, .json, .txt table]",
    )]  # fmt: skip
    as_json: Annotated[bool, Option("--json", is_flag=True, help="The same as --format json.")]
    output: Annotated[Path | None, Option(
        "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Write a file instead of standard output.",
    )]  # fmt: skip
    device: DeviceName
    threads: Threads

    def __post_init__(self) -> None:
        if self.as_json and self.output_format not in (None, "json"):
            raise UsageError(
                f"--json and --format {self.output_format} contradict each other; give one"
            )
        if self.page is not None and self.page.suffix not in (".html", ".htm"):
            raise UsageError(f"--page {self.page}: the name of a page ends in .html")
        check_model(self)

    @property
    def chosen_format(self) -> SearchFormat:
        """The format, as it is asked for or by the name of the file."""
        if self.as_json:
            return "json"
        if self.output_format is not None:
            return self.output_format
        return FORMAT_OF_SUFFIX.get(self.output.suffix, "table") if self.output else "table"


@click.command()
@receives(SearchOptions)
@click.pass_obj
def search(registry: Registry, options: SearchOptions) -> None:
    """Find the pictures of a folder that are nearest to a query, by a trained model.

    Features of the gallery are kept: the next search extracts those of new and changed files
    alone. The nearest are exact, and pictures at the same distance are in the order of their paths.
    """
    import time

    from bench_core.image_search.page import check_pictures, render_page
    from bench_core.image_search.searching import search
    from bench_core.system.files import write_text

    if options.page is not None:
        check_pictures(len(options.queries), options.top)
    started = time.perf_counter()
    request = _request(options)
    model = open_given_model(registry, options)
    outcome = search(registry, model, request, time.perf_counter() - started)
    document = outcome.document
    for warning in document.warnings:
        click.echo(terminal_line(f"Warning: {warning}"), err=True)
    if options.page is not None:
        check_pictures(len(document.queries), options.top)
        write_text(options.page, render_page(document, outcome.files))
    _tell(document, options)


def _request(options: SearchOptions) -> SearchRequest:
    from bench_core.image_search.searching import SearchRequest
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.devices import choose_device, default_threads

    return SearchRequest(
        model_path=options.model or Path(str(options.weights)),
        gallery=options.gallery,
        queries=options.queries,
        query_modality=options.query_modality,
        gallery_modality=options.gallery_modality,
        top=options.top,
        keep_same_file=options.keep_same_file,
        skip_unreadable=options.skip_unreadable,
        cache=None if options.no_cache else cache_directory(),
        device=choose_device(options.device),
        threads=options.threads or default_threads(),
    )


def _tell(document: SearchDocument, options: SearchOptions) -> None:
    """Write what was found to a file or to standard output."""
    from bench_core.system.files import write_text

    writers = {"json": _as_json, "csv": _as_csv, "table": _as_table}
    text = writers[options.chosen_format](document)
    if options.output is None:
        echo(text, newline=options.chosen_format != "csv")
    else:
        write_text(options.output, text if options.chosen_format == "csv" else f"{text}\n")
        echo(f"search   {terminal_name(str(options.output))}")
    if options.page is not None and (options.output or options.chosen_format == "table"):
        echo(f"page     {terminal_name(str(options.page))}")


def _as_json(document: SearchDocument) -> str:
    return json.dumps(document.model_dump(mode="json"), indent=1)


def _as_csv(document: SearchDocument) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for query in document.queries:
        for found in query.results:
            same = "yes" if found.same_file else "no"
            paths = _csv_name(query.path), _csv_name(found.path)
            writer.writerow((paths[0], found.rank, repr(found.distance), paths[1], same))
    return text.getvalue()


def _csv_name(path: str) -> str:
    """Return a path for a cell: with all its spaces, and no formula of a spreadsheet's."""
    name = terminal_name(path)
    return csv_cell(name[:1]).removesuffix(name[:1]) + name


def _as_table(document: SearchDocument) -> str:
    gallery, model = document.gallery, document.model
    kept = gallery.images - gallery.extracted
    head = (
        f"{document.query_modality} queries in {gallery.images:,} {gallery.modality} pictures of "
        f"{terminal_name(gallery.folder)}\n"
        f"{model.method}:{model.variant}, {model.metric} distances\n"
        f"features of {gallery.extracted:,} extracted and of {kept:,} kept; "
        f"searched in {document.seconds.search:.2f} s"
    )
    return "\n\n".join([head, *(_query_table(query, document) for query in document.queries)])


def _query_table(query: QueryFound, document: SearchDocument) -> str:
    from bench_core.system.text_layout import terminal_table

    folder = document.gallery.folder.rstrip("/") + "/"
    rows = [
        [
            str(found.rank),
            f"{found.distance:.4f}",
            terminal_name(found.path.removeprefix(folder)) + " (same file)" * found.same_file,
        ]
        for found in query.results
    ]
    left_out = f" ({query.left_out} with the same bytes left out)" if query.left_out else ""
    table = terminal_table(["rank", "distance", "path"], rows, text={"path"})
    return f"{terminal_name(query.path)}{left_out}\n\n{table}"
