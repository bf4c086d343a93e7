"""`bench features`: what features from anywhere are, and how to bring them into one form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import AsJson, MetricName, Option, RowOrderName, receives
from bench_core.cli.printing import print_json, print_paragraph, print_table, show_shape
from bench_core.contracts.dataset import USUAL_DATASET
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.dataset import Splits
    from bench_core.features.description import FeatureDescription
    from bench_core.features.formats import FoundFeatures
    from bench_core.features.reading import ReadingChoices
    from bench_core.plugins import Registry
    from bench_core.scoring.scorability import Scorability


@click.group()
def features() -> None:
    """Say what features from anywhere are; write them in our own form."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What is known about features; each option says what it means."""

    dataset: Annotated[str, Option(
        "--dataset", metavar="ID", default=USUAL_DATASET, show_default=True,
        help="Whose cameras the features are of, where they do not name modalities; see "
        "'bench list datasets'.",
    )]  # fmt: skip
    metric: MetricName
    row_order: RowOrderName

    def choices(self, registry: Registry) -> ReadingChoices:
        """Return them as readers of features take them.

        Raises:
            UsageError: There is no such dataset.
        """
        from bench_core.features.reading import ReadingChoices

        spec = registry.dataset(self.dataset)
        return ReadingChoices(
            dataset=spec.title,
            camera_modalities=spec.camera_modalities,
            metric=self.metric,
            row_order=self.row_order,
        )


@dataclass(frozen=True, kw_only=True)
class ConvertOptions(ReadOptions):
    """How features are converted; each option says what it means."""

    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What `bench features convert` wrote.

    Attributes:
        features: The file.
        format: What it was made of.
        shape: (N, V, D): images, views, dimensions.
        metric: Their metric.
        as_given: Whether query and gallery are scored as given.
        notes: What was taken for granted; the file says it, too.
    """

    features: Path
    format: str
    shape: tuple[int, ...]
    metric: Metric
    as_given: bool
    notes: tuple[str, ...]


@features.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@receives(ConvertOptions)
@click.pass_obj
def convert(registry: Registry, options: ConvertOptions, *, source: Path, output: Path) -> None:
    """Write features of any format to an .npz of ours.

    IN is the file or folder to read, OUT the .npz; it is written whole or not at all.
    """
    if output.suffix != ".npz":
        raise UsageError(f"OUT {output}: the name of a feature file ends in .npz")

    from bench_core.features.formats import read_any
    from bench_core.features.given import GivenFeatures, write_given_features
    from bench_core.features.table import write_features

    found = read_any(source, options.choices(registry))
    if isinstance(found.features, GivenFeatures):
        write_given_features(output, found.features)
    else:
        write_features(output, found.features)
    report = Converted(
        features=output,
        format=found.format.title,
        shape=found.features.features.shape,
        metric=found.features.metric,
        as_given=isinstance(found.features, GivenFeatures),
        notes=found.features.notes,
    )
    if options.as_json:
        print_json(report)
    else:
        _print_converted(report)


@dataclass(frozen=True, kw_only=True)
class InfoOptions(ReadOptions):
    """What is told about features; each option says what it means."""

    splits: Annotated[Path | None, Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder with split files, or root of a dataset: a gallery is drawn under each of "
        "its protocols.",
    )]  # fmt: skip
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class InfoReport:
    """What `bench features info` tells.

    Attributes:
        features: What they are.
        protocols: Under which protocols they can be scored.
    """

    features: FeatureDescription
    protocols: tuple[Scorability, ...]


@features.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@receives(InfoOptions)
@click.pass_obj
def info(registry: Registry, options: InfoOptions, *, path: Path) -> None:
    """Say what features are, and what they fit.

    PATH is a file or folder of any format. Told are its format and by what it was recognised,
    images by camera, norms, repeated rows, and under which protocols it can be scored.
    """
    splits = None if options.splits is None else _read_splits(registry, options.splits)

    from bench_core.features.description import describe

    found, unknown = _read(path, options.choices(registry))
    report = InfoReport(
        features=describe(path, found),
        protocols=tuple(_protocols(registry, found, splits, unknown)),
    )
    if options.as_json:
        print_json(report)
    else:
        _print_info(report, drawn=splits is not None)


def _read(path: Path, choices: ReadingChoices) -> tuple[FoundFeatures, str]:
    """Read features, in any order if nothing shows it; return with them why that is not known."""
    from bench_core.features.formats import read_any
    from bench_core.features.reading import RowOrderError

    try:
        return read_any(path, choices), ""
    except RowOrderError as error:
        found = read_any(path, replace(choices, row_order="ascending"))
        return replace(found, features=replace(found.features, notes=())), str(error)


def _read_splits(registry: Registry, folder: Path) -> dict[str, Splits]:
    """Return the split files of each dataset whose split files a folder holds."""
    from bench_core.data.opening import open_splits

    if not folder.is_dir():
        raise UsageError(f"--splits {folder} is not a folder")
    found, reasons = {}, []
    for spec in registry.datasets.values():
        try:
            found[spec.id] = open_splits(spec, folder)
        except DataError as error:
            reasons.append(f"{spec.title}: {error}")
    if not found:
        raise UsageError(f"--splits {folder} holds split files of no dataset ({reasons[0]}; ...)")
    return found


def _protocols(
    registry: Registry, found: FoundFeatures, splits: dict[str, Splits] | None, unknown: str
) -> list[Scorability]:
    """Tell under which protocols features can be scored: of the datasets at hand, or of all."""
    from bench_core.scoring.scorability import scorability

    chosen = [
        spec for spec in registry.protocols.values() if splits is None or spec.dataset in splits
    ]
    told = [
        scorability(
            found.features,
            spec,
            registry.dataset(spec.dataset),
            None if splits is None else splits[spec.dataset],
        )
        for spec in chosen
    ]
    if not unknown:
        return told
    return [replace(each, conventions=(), missing=each.missing or unknown) for each in told]


def _print_converted(report: Converted) -> None:
    echo(
        f"{show_shape(report.shape)}, {report.metric}"
        f"{', query and gallery as given' if report.as_given else ''}\n"
        f"from     {report.format}"
    )
    for note in report.notes:
        print_paragraph(f"assumed: {note}")
    echo(f"features {terminal_name(str(report.features))}")


def _print_info(report: InfoReport, *, drawn: bool) -> None:
    told = report.features
    low, median, high = told.norms
    length = "all of unit length" if told.unit_length else "not of unit length"
    rows = [
        ["format", told.format],
        ["recognised by", told.recognised_by],
        ["features", f"{show_shape(told.shape)}, {told.dtype}"],
        ["metric", told.metric],
        ["trained on", told.training_split or "not said"],
        ["norms", f"{low:.4g} to {high:.4g}, median {median:.4g}; {length}"],
        ["repeated", f"{told.duplicate_rows:,} rows are equal to an earlier one to the bit"],
        ["zero", f"{told.zero_rows:,} rows"],
        *(["assumed", note] for note in told.notes),
    ]
    print_table([terminal_name(told.path.name), ""], rows, text=[terminal_name(told.path.name), ""])
    echo()
    print_table(
        ["role" if told.as_given else "modality", "camera", "images", "identities"],
        [[c.kind, str(c.camera), f"{c.images:,}", f"{c.identities:,}"] for c in told.cameras],
    )
    echo()
    _print_protocols(report.protocols)
    if not drawn:
        echo("\nGalleries were not drawn: --splits DIR says whether each can be.")


def _print_protocols(protocols: Sequence[Scorability]) -> None:
    """Print under which protocols features can be scored; of equal reasons the first alone."""
    columns = ["protocol", "conventions", "missing"]
    rows, last = [], ""
    for each in protocols:
        reason = "as above" if each.missing and each.missing == last else each.missing
        rows.append([each.protocol, ", ".join(each.conventions) or "none", reason])
        last = each.missing
    print_table(columns, rows, text=columns)
