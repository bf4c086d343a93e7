"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args

import click

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision, Selection
from bench_core.contracts.metrics import METRICS
from bench_core.contracts.protocol import Convention, ProtocolSpec
from bench_core.system.escaping import terminal_line
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.configuration import MethodChoice
    from bench_core.pipeline.inputs import RunInputs
    from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
    from bench_core.plugins import Registry

COLUMN_GAP, NARROWEST_COLUMN = 2, 8

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator: TypeAlias = Callable[[Command], Command]

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)
method_option = click.option(
    "--method",
    "method_name",
    required=True,
    metavar="METHOD[:VARIANT]",
    help="See 'bench list methods' and 'bench list variants'.",
)
set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the configuration, such as epochs=3; may be repeated.",
)
protocol_option = click.option(
    "--protocol", "protocol_id", required=True, metavar="ID", help="See 'bench list protocols'."
)
data_option = click.option(
    "--data",
    "root",
    type=click.Path(path_type=Path),
    metavar="ROOT",
    help="Root folder of the dataset. Without it, synthetic people are rendered and used.",
)
convention_option = click.option(
    "--convention",
    metavar="NAME",
    help="How galleries are drawn, such as official or agw; see 'bench list protocols'. "
    "[default: the protocol's first]",
)
rerank_option = click.option(
    "--rerank",
    is_flag=True,
    help="Re-rank distances by k-reciprocal neighbours; such results are marked and ranked apart.",
)
device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX."
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1, max=1024), metavar="N",
    help="Processor threads of training and extraction; their number decides the last bits. "
    "[default: $VIREID_BENCH_THREADS, else 2]",
)  # fmt: skip


def read_image_size(
    _: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    """Return (height, width) of an option's text, such as "256x128"; None where it is not given.

    Raises:
        UsageError: The text is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if match is None:
        raise UsageError(f"{option.opts[0]} {text}: expected HEIGHTxWIDTH in pixels, as 256x128")
    return int(match[1]), int(match[2])


def training_options(command: Command) -> Command:
    """Add the options that say what is trained and how."""
    options: Sequence[Callable[[Command], Command]] = (
        method_option,
        protocol_option,
        data_option,
        click.option(
            "--preset", metavar="NAME", help="[default: 'paper' for real --data, else 'quick']"
        ),
        set_option,
        click.option(
            "--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, show_default=True,
            help="Seed of every random draw.",
        ),
        click.option(
            "--weights", metavar="imagenet|none|FILE",
            help="What the backbone starts from; or a folder with a file for each training split, "
            "such as trial-1.pth. [default: the configuration's]",
        ),
        click.option(
            "--select", "selection", type=click.Choice(get_args(Selection)), default="last",
            show_default=True,
            help="Model to keep: that of the last epoch, as papers do, or the best on validation "
            "people, who then are not trained on.",
        ),
        device_option,
        click.option(
            "--precision", type=click.Choice(["auto", *get_args(Precision)]), default="auto",
            show_default=True,
            help="Of training; auto is float32, but bfloat16 with the preset 'quick' on CUDA. "
            "tf32, of CUDA alone, is float32 with rounded factors.",
        ),
        threads_option,
        click.option(
            "--runs", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
            show_default=True, help="Folder of trainings: checkpoints, logs, features.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def choose(
    registry: Registry,
    method_name: str,
    preset: str | None,
    assignments: Sequence[str],
    root: Path | None,
    weights: str | None,
) -> MethodChoice:
    """Resolve the method options of a command.

    Raises:
        UsageError: A name or a value is wrong.
    """
    from bench_core.configuration import choose_method

    spec, variant = registry.method(method_name)
    if weights is not None:
        kind = weights if weights in ("imagenet", "none") else "file"
        assignments = [*assignments, f"weights={kind}"]
    return choose_method(spec, variant, preset or _default_preset(root), assignments)


def _default_preset(root: Path | None) -> str:
    """Return the preset for data where none was asked for; of a folder, say which and why."""
    if root is None:
        return "quick"

    from bench_core.data.image_folders import is_synthetic

    preset, people = ("quick", "synthetic") if is_synthetic(root) else ("paper", "real")
    line = f"Using the preset '{preset}', as {root} holds {people} people; --preset changes it."
    click.echo(terminal_line(line), err=True)
    return preset


def open_run_inputs(registry: Registry, protocol: ProtocolSpec, root: Path | None) -> RunInputs:
    """Read the dataset; say so when it is the synthetic one.

    Raises:
        BenchError: The dataset cannot be read.
    """
    from bench_core.pipeline.inputs import open_inputs
    from bench_core.system.cache_folder import cache_directory

    if root is None:
        click.echo(
            "No --data given: using synthetic people and the preset 'quick' unless --preset says "
            "otherwise. Such results are marked and compare with nothing published.",
            err=True,
        )
    return open_inputs(registry, protocol, root, cache_directory())


def training_settings(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    choice: MethodChoice,
    *,
    seed: int,
    weights: str | None,
    device: str,
    precision: str,
    runs: Path,
    selection: Selection,
    threads: int | None,
) -> TrainingSettings:
    """Resolve the options that say how to train.

    Raises:
        UsageError: A value is wrong, or the device is not there.
    """
    from bench_core.modeling.pretrained import parse_weights
    from bench_core.pipeline.trainings import TrainingSettings
    from bench_core.system.devices import choose_device, choose_precision, default_threads

    chosen = choose_device(device)
    number_format = choose_precision(precision, chosen, choice.preset.name)
    if precision == "auto":
        click.echo(f"Training in {number_format} on {chosen.type} (--precision auto).", err=True)

    def tell(training: str, stage: str, epoch: int, num_epochs: int, losses: Any) -> None:
        registry.notify(
            "bench_epoch_finished",
            training=training,
            stage=stage,
            epoch=epoch,
            num_epochs=num_epochs,
            losses=losses,
        )

    return TrainingSettings(
        seed=seed,
        weights=parse_weights(weights or choice.config.weights),
        device=chosen,
        precision=number_format,
        threads=threads or default_threads(),
        runs=runs,
        selection=selection,
        on_epoch=tell,
    )


def training_state(model: TrainedModel) -> str:
    """Say in a few words how a model came to be, and whether its training waited for data."""
    report = model.report
    waited = f"{100 * report.waiting_for_data:.1f} % of it waiting for data"
    state = f"{'found, ' if model.cached else ''}trained in {report.seconds:.0f} s, {waited}"
    if report.validation_score is None:
        return state
    score = f"{100 * report.validation_score:.2f} % mAP on validation people"
    return f"{state}; epoch {report.selected_epoch} selected, {score}"


def resolve_convention(protocol: ProtocolSpec, convention: str | None) -> Convention:
    """Return the convention to use.

    Raises:
        UsageError: The protocol does not define it.
    """
    for known in protocol.conventions:
        if convention in (None, known):
            return known
    raise UsageError(
        f"--convention {convention}: {protocol.id} defines only {', '.join(protocol.conventions)}"
    )


def check_selection(protocol: ProtocolSpec, selection: Selection) -> None:
    """Refuse a selection that the protocol's dataset has no people for, before it is read.

    Raises:
        UsageError: There are no validation people.
    """
    from bench_core.pipeline.inputs import validation_split

    if selection == "validation":
        validation_split(protocol)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    echo(json.dumps(document, indent=1))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people; the first column is text, numbers align on the right."""
    align = ["left", *["right"] * (len(columns) - 1)]
    _print_table(columns, rows, colalign=align, disable_numparse=True)


def print_text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of text that fits the terminal: its widest columns are wrapped."""
    widths = _fitting_widths([columns, *rows], shutil.get_terminal_size((100, 24)).columns)
    _print_table(columns, rows, maxcolwidths=widths)


def _fitting_widths(rows: Sequence[Sequence[str]], total: int) -> list[int]:
    """Return the widths of columns, of which the widest are cut until all fit beside each other.

    The first column, of names to type, stays whole.

    Args:
        rows: The cells, headings included.
        total: Characters of a line.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    first, *others = widths
    room = max(total - first - COLUMN_GAP * len(others), NARROWEST_COLUMN * len(others))
    while sum(others) > room:
        others[others.index(max(others))] -= 1
    return [first, *others]


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], **layout: Any) -> None:
    """Print a table whose cells are one line each, whatever a plugin or a record put into them."""
    from tabulate import tabulate

    if not rows:
        echo("(none)")
        return
    cells = [[terminal_line(cell) for cell in row] for row in rows]
    headers = [terminal_line(column) for column in columns]
    echo(tabulate(cells, headers=headers, tablefmt="simple", **layout))


def print_scores(document: dict[str, Any]) -> None:
    """Print scores in percent: mean, 95 % interval, standard deviation, and every trial."""
    rows = [
        [name, *(_percent(document[name][metric]) for metric in METRICS)]
        for name in ("mean", "std")
    ]
    rows += [
        [name, *(_percent(document["interval"][metric][end]) for metric in METRICS)]
        for end, name in enumerate(("95 % low", "95 % high"))
    ]
    for number, trial in enumerate(document["trials"], start=document.get("trial", 1)):
        cmc = trial["cmc"]
        values = [cmc[0], cmc[4], cmc[9], cmc[19], trial["mAP"], trial["mINP"]]
        rows.append([f"trial {number}", *map(_percent, values)])
    print_table(["percent", *METRICS], rows)


def show_giga(count: int | None) -> str:
    """Return a count in billions, to where XIV's generator still shows; a dash for none."""
    return "\N{EN DASH}" if count is None else f"{count / 1e9:.4f}"


def command_line() -> list[str]:
    """Return the command as typed, without the folder of the program."""
    return ["bench", *sys.argv[1:]]


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
