"""`bench leaderboard`: tables from the result records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Option, receives
from bench_core.contracts.errors import BenchError, UsageError
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bench_core.contracts.method import MethodSpec
    from bench_core.contracts.result import ResultRecord
    from bench_core.contracts.speed import SpeedRecord
    from bench_core.leaderboard.rows import ToldApart
    from bench_core.plugins import Registry
    from bench_core.published.registry import Published
    from bench_core.results.remembered import RememberedAnswers, RememberedIntervals

DEFAULT_RESULTS = Path("results")
SPEEDS = "speeds"
"""The folder of the results that holds measurements of speed."""
PUBLISHED = "published"
"""The folder of the results that holds published numbers."""
FORMATS = ("table", "markdown", "csv", "json", "html", "latex", "parquet")
PAPER_FORMATS = ("table", "markdown", "csv", "json", "latex")
FORMAT_OF_SUFFIX: Mapping[str, str] = MappingProxyType(
    {
        ".txt": "table",
        ".md": "markdown",
        ".csv": "csv",
        ".json": "json",
        ".html": "html",
        ".tex": "latex",
        ".parquet": "parquet",
    }
)


@dataclass(frozen=True, kw_only=True)
class LeaderboardOptions:
    """What is shown, and where to; each option says what it means."""

    results: Annotated[Path, Option(
        "--results", type=click.Path(path_type=Path), default=DEFAULT_RESULTS, show_default=True,
        help="Folder of result records.",
    )]  # fmt: skip
    output_format: Annotated[str | None, Option(
        "--format", type=click.Choice(FORMATS),
        help="table is text of 80 columns, html a page that works from disk. [default: table, on a "
        "terminal and in a pipe; with --output what the file's suffix says: .txt table, "
        ".md markdown, .csv, .json, .html, .tex latex, .parquet]",
    )]  # fmt: skip
    as_json: Annotated[bool, Option("--json", is_flag=True, help="The same as --format json.")]
    output: Annotated[Path | None, Option(
        "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Write a file instead of standard output.",
    )]  # fmt: skip
    paper: Annotated[str | None, Option(
        "--paper", metavar="PAPER",
        help="Print the comparison and ablation tables of a paper (aligngan, jsia, ts-gan, xiv) as "
        "published, with what was measured on real data beside each row, instead of the "
        "leaderboard; as table, markdown, latex, csv or json.",
    )]  # fmt: skip
    plot: Annotated[Path | None, Option(
        "--plot", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="Draw accuracy against cost into accuracy-cost.png and .svg in DIR, of synthetic data "
        "into accuracy-cost-synthetic.png and .svg.",
    )]  # fmt: skip
    badges: Annotated[Path | None, Option(
        "--badges", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="Draw a badge (SVG) for each method and protocol into DIR.",
    )]  # fmt: skip
    bibtex: Annotated[Path | None, Option(
        "--bibtex", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Write citations (BibTeX) of the methods and of the published numbers' sources.",
    )]  # fmt: skip
    verify: Annotated[Path | None, Option(
        "--verify", type=click.Path(path_type=Path), metavar="DIR",
        help="Score again every result whose features lie below DIR (found by their hash): such "
        "rows are marked, and results that differ are named and kept out.",
    )]  # fmt: skip
    splits: Annotated[tuple[Path, ...], Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR", multiple=True,
        help="With --verify: folder of split files, or root of a dataset; may be repeated. "
        "Rendered people need none.",
    )]  # fmt: skip
    by_seed: Annotated[bool, Option(
        "--by-seed", is_flag=True,
        help="Show each seed in a row of its own, instead of the mean over the seeds of a "
        "configuration.",
    )]  # fmt: skip
    check: Annotated[bool, Option(
        "--check", is_flag=True,
        help="Write nothing; fail when a file of --output, --badges or --bibtex, or a picture "
        "(SVG) of --plot, is not what would be written, or when a result cannot be read or fails "
        "--verify.",
    )]  # fmt: skip

    def __post_init__(self) -> None:
        if self.check and not (self.output or self.wants_others or self.verify):
            raise UsageError(
                "--check needs --output FILE, --plot DIR, --badges DIR or --bibtex FILE, what to "
                "compare with, or --verify DIR"
            )
        if self.splits and self.verify is None:
            raise UsageError(f"--splits {self.splits[0]} goes with --verify DIR; add it")
        if self.as_json and self.output_format not in (None, "json"):
            raise UsageError(
                f"--json and --format {self.output_format} contradict each other; give one"
            )
        if self.verify is not None and not self.verify.is_dir():
            raise UsageError(f"--verify {self.verify} is not a folder")
        if not self.results.exists() and self.results != DEFAULT_RESULTS:
            raise UsageError(f"--results {self.results}: there is no such folder")
        if self.paper is not None:
            self._check_paper()
        if self.output is None and self.output_format == "parquet":
            raise UsageError("--format parquet is for files; give --output FILE")

    def _check_paper(self) -> None:
        if self.plot is not None or self.badges is not None:
            raise UsageError("--paper draws nothing; give --plot and --badges without it")
        if self.chosen_format not in PAPER_FORMATS:
            raise UsageError(
                f"--paper cannot be written as {self.chosen_format}; give --format, one of "
                f"{', '.join(PAPER_FORMATS)}"
            )

    @property
    def wants_others(self) -> bool:
        """Whether anything but a table is asked for."""
        return any(path is not None for path in (self.plot, self.badges, self.bibtex))

    @property
    def wants_table(self) -> bool:
        """Whether the table is written: beside other files, where it is asked for alone."""
        asked = self.output is not None or self.as_json or self.output_format is not None
        checks_alone = self.check and self.output is None
        return asked or not (self.wants_others or checks_alone)

    @property
    def chosen_format(self) -> str:
        """The format of the table."""
        return "json" if self.as_json else self.output_format or _format_for(self.output)


@dataclass(frozen=True)
class _Shown:
    """What the tables are made of."""

    records: Sequence[ResultRecord]
    speeds: Sequence[SpeedRecord]
    published: Published
    recomputed: Collection[str] = frozenset()


@click.command()
@receives(LeaderboardOptions)
@click.pass_obj
def leaderboard(registry: Registry, options: LeaderboardOptions) -> None:
    """Make the leaderboard from the result records.

    The same records always give the same bytes. Several seeds of one configuration are a row: their
    mean, with its spread over seeds. A file that is no whole record is named on standard error and
    left out; with --verify so is one that is not what its features give. Measured speeds (the
    folder speeds of the results, written by make gpu) stand behind the results, a block for each
    device; CSV, Parquet and LaTeX have none. Published numbers (the folder published of the
    results) stand apart from measured ones, without ranks. With --paper a paper's own tables are
    shown instead. With --plot, --badges or --bibtex a table is written with --output or --format
    only.
    """
    chosen_format = options.chosen_format

    from bench_core.cli.recomputing import verify_records
    from bench_core.leaderboard.paired import PairedTests
    from bench_core.published.reading import read_published
    from bench_core.results.remembered import RememberedAnswers
    from bench_core.results.speeds import find_speeds
    from bench_core.results.store import find_results
    from bench_core.system.cache_folder import cache_directory
    from bench_core.system.garbage import without_garbage_collection

    click.get_current_context().with_resource(without_garbage_collection())
    remembered = RememberedAnswers(cache_directory() / "leaderboard-answers.bin")
    found = find_results(options.results, remembered)
    speeds = find_speeds(options.results / SPEEDS)
    verified = verify_records(registry, found.records, options.verify, options.splits)
    told_apart = PairedTests(verified.records, remembered)
    known = read_published(_published_folder(options))
    records = _rows(verified.records, by_seed=options.by_seed)
    shown = _Shown(records, speeds.records, known.published, verified.recomputed)
    unusable = (*found.defects, *speeds.defects, *known.defects, *verified.failures)
    _warn(unusable)
    try:
        if options.paper is not None:
            _paper(options.paper, shown, options)
        elif options.wants_table:
            _table(shown, chosen_format, told_apart, options.output, check=options.check)
    finally:  # a file that differs may do so for this reason
        _warn(told_apart.defects)
        _save(remembered)
    if options.plot is not None:
        _plots(records, options.plot, check=options.check)
    if options.badges is not None:
        _badges(records, options.badges, check=options.check)
    if options.bibtex is not None:
        _citations(shown, registry.methods, options.bibtex, options)
    if options.check and (unusable or told_apart.defects):
        raise BenchError(f"{options.results} holds results that cannot be used, named above")


def _rows(found: Mapping[Path, ResultRecord], *, by_seed: bool) -> Sequence[ResultRecord]:
    """Return what has a row each: the seeds of a configuration have one together."""
    from bench_core.results.joined import join_results
    from bench_core.results.remembered import RememberedIntervals
    from bench_core.system.cache_folder import cache_directory

    if by_seed:
        return list(found.values())
    remembered = RememberedIntervals(cache_directory() / "leaderboard-intervals.bin")
    joined = join_results(found, remembered)
    _warn(joined.remarks)
    _save(remembered)
    return joined.records


def _published_folder(options: LeaderboardOptions) -> Path:
    """Return where published numbers are: of a paper's tables, else those of the program."""
    from bench_core.published.reading import shipped_folder

    folder = options.results / PUBLISHED
    return shipped_folder() if options.paper is not None and not folder.is_dir() else folder


def _format_for(output: Path | None) -> str:
    if output is None:
        return "table"
    if output.suffix not in FORMAT_OF_SUFFIX:
        raise UsageError(
            f"--output {output}: the suffix names no format; give --format, or one of "
            f"{', '.join(FORMAT_OF_SUFFIX)}"
        )
    return FORMAT_OF_SUFFIX[output.suffix]


def _table(
    shown: _Shown,
    output_format: str,
    told_apart: ToldApart,
    output: Path | None,
    *,
    check: bool,
) -> None:
    """Print, write or check the leaderboard."""
    records, about = shown.records, (shown.speeds, shown.published, shown.recomputed)
    from bench_core.leaderboard import render
    from bench_core.system.files import write_bytes

    if output is None:
        echo(render.render(records, output_format, told_apart, *about), newline=False)
    elif check:
        _report(output, render.check(records, output_format, told_apart, output, *about))
    else:
        write_bytes(output, render.render_bytes(records, output_format, told_apart, *about))
        click.echo(f"leaderboard {output}", err=True)


def _paper(name: str, shown: _Shown, options: LeaderboardOptions) -> None:
    """Print, write or check the tables of a paper."""
    from bench_core.leaderboard.paper_formats import PAPER_FORMATS as FORMATS
    from bench_core.leaderboard.paper_tables import compared_paper
    from bench_core.leaderboard.render import compare
    from bench_core.system.files import write_text

    if not options.wants_table:
        return
    text = FORMATS[options.chosen_format](compared_paper(name, shown.published, shown.records))
    if options.output is None:
        echo(text, newline=False)
    elif options.check:
        told = compare(options.output, text.encode(), options.chosen_format, f"--paper {name} ")
        _report(options.output, told)
    else:
        write_text(options.output, text)
        click.echo(f"paper {options.output}", err=True)


def _plots(records: Sequence[ResultRecord], folder: Path, *, check: bool) -> None:
    """Write or check the pictures."""
    from bench_core.leaderboard.plot import check_plots, has_cost, plot_files

    if check:
        _report(folder, check_plots(records, folder))
        return
    _write_pictures("plot", folder, plot_files(records))
    without = sum(not has_cost(record) for record in records)
    if without:
        click.echo(f"not in the pictures: {without} without known multiply-adds", err=True)


def _badges(records: Sequence[ResultRecord], folder: Path, *, check: bool) -> None:
    """Write or check the badges."""
    from bench_core.leaderboard.badges import badge_files, check_badges

    if check:
        _report(folder, check_badges(records, folder))
    else:
        _write_pictures("badge", folder, badge_files(records))


def _write_pictures(kind: str, folder: Path, files: Mapping[str, bytes]) -> None:
    from bench_core.system.files import write_bytes

    for name, content in files.items():
        write_bytes(folder / name, content)
        click.echo(f"{kind} {folder / name}", err=True)
    if not files:
        click.echo(f"no results for any {kind}", err=True)


def _citations(
    shown: _Shown, specs: Mapping[str, MethodSpec], path: Path, options: LeaderboardOptions
) -> None:
    """Write or check the citations: of all that is shown, or of a paper's tables."""
    from bench_core.leaderboard.bibtex import bibtex, papers_of
    from bench_core.leaderboard.paper_tables import compared_paper
    from bench_core.leaderboard.published import cited_sources
    from bench_core.system.files import write_text

    records, sources = shown.records, cited_sources(shown.published)
    if options.paper is not None:
        paper = compared_paper(options.paper, shown.published, records)
        records = paper.records
        sources = ((paper.source, shown.published.authors_of(paper.source)),)
    papers = papers_of(records, specs)
    # What a plugin says of its paper is more than what the registry knows.
    own = {source.id for source, _ in sources if source.id in source.introduces} & specs.keys()
    papers |= {name: specs[name].paper for name in sorted(own)}
    text = bibtex(papers, sources)
    missing = [name for name, paper in papers.items() if paper is None]
    _warn(f"no paper is known of {name}: it is not cited" for name in missing)
    if not options.check:
        write_text(path, text)
        click.echo(f"citations {path}", err=True)
    elif not path.is_file() or path.read_bytes() != text.encode():
        raise BenchError(
            f"{path} does not cite the methods that are shown; write it again with "
            f"bench leaderboard --bibtex {path}"
        )
    else:
        click.echo(f"{path} is up to date", err=True)


def _report(path: Path, difference: str | None) -> None:
    if difference is not None:
        raise BenchError(difference)
    click.echo(f"{path} is up to date", err=True)


def _save(remembered: RememberedAnswers | RememberedIntervals) -> None:
    """Keep the answers for the next time; without them it takes longer, and that is all."""
    try:
        remembered.save()
    except BenchError as error:
        _warn([f"what was checked cannot be remembered for the next time: {error}"])


def _warn(defects: Iterable[object]) -> None:
    """Name what keeps results out of the tables, or their ranks untested."""
    for defect in defects:
        click.echo(f"Warning: {terminal_line(str(defect))}", err=True)
