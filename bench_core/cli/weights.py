"""`bench weights`: what a weights file holds, and what of it fits a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from bench_core.cli.options import AsJson, Assignments, ConfigurationPath, Option, receives
from bench_core.cli.printing import print_json, print_table
from bench_core.cli.training import choose
from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_line, terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.modeling.weights_files import Fit, WeightsFile
    from bench_core.plugins import Registry

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """What the file is held against; each option says what it means."""

    method: Annotated[str | None, Option(
        "--method", metavar="METHOD|FILE.toml",
        help="Hold the file against the networks of a method, or of a model that a file declares.",
    )]  # fmt: skip
    preset: Annotated[str | None, Option(
        "--preset", metavar="NAME",
        help="Configuration of the method; see 'bench show METHOD'. [default: --config's, else "
        "'paper']",
    )]  # fmt: skip
    configuration: ConfigurationPath
    assignments: Assignments
    wrapper: Annotated[str | None, Option(
        "--key", metavar="NAME",
        help="Entry of the file that holds the tensors. [default: what is declared, else looked "
        "for]",
    )]  # fmt: skip
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class WeightsReport:
    """What a weights file is.

    Attributes:
        file: Its path.
        sha256: Of its bytes, as a result records it.
        read: What was read.
        fits: How it fits, by the name of a network; none without a method.
    """

    file: Path
    sha256: str
    read: WeightsFile
    fits: Mapping[str, Fit]

    def as_document(self) -> dict[str, Any]:
        """Return what `bench weights info --json` prints."""
        tensors = self.read.tensors
        return {
            "file": str(self.file),
            "sha256": self.sha256,
            "form": self.read.form,
            "key": self.read.wrapper,
            "prefix": self.read.prefix,
            "tensors": {name: list(tensor.shape) for name, tensor in tensors.items()},
            "parameters": self.num_numbers,
            "others": dict(self.read.others),
            "fits": {
                name: {
                    "fits": fit.difference is None,
                    "matched": list(fit.matched),
                    "missing": list(fit.missing),
                    "unexpected": list(fit.unexpected),
                    "other_shape": list(fit.reshaped),
                }
                for name, fit in self.fits.items()
            },
        }

    @property
    def num_numbers(self) -> int:
        """Numbers in all its tensors."""
        return sum(tensor.numel() for tensor in self.read.tensors.values())


@click.group()
def weights() -> None:
    """Look at weights files; no code in one is run."""


@weights.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@receives(InfoOptions)
@click.pass_obj
def info(registry: Registry, options: InfoOptions, /, *, file: Path) -> None:
    """Show what a .safetensors, .pth or .t file holds, and what of it fits a method.

    Nothing is trained and no data is needed. Exit code 1: the file does not fit.
    """
    choice = None
    if options.method is not None:
        choice = choose(
            registry,
            options.method,
            options.preset,
            options.assignments,
            configuration=options.configuration,
        )
    elif options.assignments or options.configuration:
        option = "--set" if options.assignments else "--config"
        raise UsageError(f"{option} changes a method; name it with --method")

    from bench_core.modeling.weights_files import open_weights_file
    from bench_core.pipeline.weights import fits_of
    from bench_core.system.files import hash_file

    wrapper = options.wrapper or getattr(choice and choice.config, "checkpoint_key", None)
    read = open_weights_file(file, "FILE", wrapper)
    fits = {} if choice is None else fits_of(choice, read)
    report = WeightsReport(file=file, sha256=hash_file(file), read=read, fits=fits)
    if options.as_json:
        print_json(report)
    else:
        _print(report)
    if any(fit.difference for fit in fits.values()):
        raise click.exceptions.Exit(1)


def _print(report: WeightsReport) -> None:
    read = report.read
    taken = f"under the key '{read.wrapper}'" if read.wrapper else "as the file itself"
    prefix = f", '{read.prefix}' taken off every name" if read.prefix else ""
    echo(
        f"{terminal_name(str(report.file))}: {read.form}, sha256 {report.sha256[:12]}\n"
        f"{len(read.tensors)} tensors of {report.num_numbers / 1e6:.2f} M numbers {taken}{prefix}"
    )
    if read.others:
        echo("beside them: " + ", ".join(f"{name} {text}" for name, text in read.others.items()))
    for network, fit in report.fits.items():
        echo()
        _print_fit(network, fit)


def _print_fit(network: str, fit: Fit) -> None:
    rows = {
        "fit by name and shape": fit.matched,
        "missing in the file": fit.missing,
        "unknown to the network": fit.unexpected,
        "of another shape": fit.reshaped,
    }
    verdict = "does not fit" if fit.difference else "fits"
    echo(f"{verdict} {network}, which has {fit.num_expected} tensors\n")
    columns = ["tensors", "count", "first of them"]
    cells = [[kind, str(len(names)), _first(names)] for kind, names in rows.items()]
    print_table(columns, cells, text=["tensors", "first of them"])


def _first(names: tuple[str, ...]) -> str:
    more = ", ..." if len(names) > NAMES_SHOWN else ""
    return terminal_line(", ".join(names[:NAMES_SHOWN])) + more
