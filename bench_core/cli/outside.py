"""`bench extract --python`: features from another interpreter, for code that needs an old torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Option
from bench_core.cli.printing import print_json
from bench_core.cli.training import open_run_inputs
from bench_core.contracts.errors import UsageError
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.cli.steps import ExtractOptions
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.pipeline.outside_report import OutsideReport
    from bench_core.plugins import Registry


@dataclass(frozen=True, kw_only=True)
class OutsideOptions:
    """What runs outside; each option says what it means."""

    declaration: Annotated[Path | None, Option(
        "--method", type=click.Path(path_type=Path), metavar="FILE.toml",
        help="With --python, instead of --model: the file that declares a released model.",
    )]  # fmt: skip
    weights: Annotated[str | None, Option(
        "--weights", metavar="FILE",
        help="With --python: its weights file, or a folder with one for each training split. "
        "Read here, and handed over as arrays.",
    )]  # fmt: skip
    python: Annotated[Path | None, Option(
        "--python", type=click.Path(path_type=Path), metavar="FILE",
        help="The interpreter that the model's code needs; nothing of bench is imported there.",
    )]  # fmt: skip
    script: Annotated[Path | None, Option(
        "--script", type=click.Path(path_type=Path), metavar="FILE.py",
        help="With --python: a script that extracts in its own way; docs/checkpoints.md says what "
        "it gets and hands back. [default: one that does what is declared]",
    )]  # fmt: skip
    timeout_seconds: Annotated[float | None, Option(
        "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
        help="With --python: end the script where it makes no progress for so long. [default: 600]",
    )]  # fmt: skip
    trial: Annotated[int | None, Option(
        "--trial", type=click.IntRange(min=1), metavar="N",
        help="With --python: the trial of this model, from 1, where each trial has its own.",
    )]  # fmt: skip


def is_outside(options: ExtractOptions, outside: OutsideOptions) -> bool:
    """Say whether features come from outside, and refuse what cannot be combined.

    Raises:
        UsageError: An option is missing, or belongs to the other way.
    """
    if options.model is not None:
        for name, value in vars(outside).items():
            if value is not None:
                option = {"declaration": "method", "timeout_seconds": "timeout"}.get(name, name)
                raise UsageError(f"--{option} does not go with --model, which says all of its own")
        return False
    if outside.python is None or outside.declaration is None:
        raise UsageError(
            "give --model FILE of a training, or --method FILE.toml with --python FILE; a released "
            "model whose code runs here is scored by 'bench run --method FILE.toml --weights FILE'"
        )
    if options.precision != "float32":
        raise UsageError("--precision: a script extracts in the format of its own")
    return True


def extract_outside(
    registry: Registry, protocol: ProtocolSpec, options: ExtractOptions, outside: OutsideOptions
) -> None:
    """Extract with another interpreter, and write the features and what made them."""
    from bench_core.features.table import write_features
    from bench_core.modeling.pretrained import parse_weights
    from bench_core.pipeline.outside import features_from_outside, split_of_trial
    from bench_core.pipeline.outside_report import report_path
    from bench_core.released.declaration import read_declaration
    from bench_core.released.outside import SCRIPT, Interpreter
    from bench_core.system.files import write_json

    if outside.python is None or outside.declaration is None:
        raise UsageError("give --method FILE.toml and --python FILE")
    interpreter = Interpreter(
        python=outside.python,
        script=outside.script or SCRIPT,
        timeout_seconds=outside.timeout_seconds or 600,
    )
    interpreter.check()
    if outside.weights is None and outside.script is None:
        raise UsageError("--python: give --weights FILE, which the model is")
    weights = None if outside.weights is None else parse_weights(outside.weights)
    if weights is not None and weights.path is None:
        raise UsageError(f"--weights {outside.weights}: a released model is what its file holds")
    declaration = read_declaration(outside.declaration)
    inputs = open_run_inputs(registry, protocol, options.root)
    features, report = features_from_outside(
        declaration,
        weights,
        interpreter,
        inputs,
        split_of_trial(inputs, outside.trial),
        "cpu" if options.device == "auto" else options.device,
    )
    write_features(options.output, features)
    record = report_path(options.output)
    write_json(record, report.as_document())
    if options.as_json:
        print_json(report)
    else:
        _print(report, features.features.shape, options.output, record)


def _print(report: OutsideReport, shape: tuple[int, ...], output: Path, record: Path) -> None:
    images, views, dimensions = shape
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    echo(
        f"{images} images x {views} views x {dimensions} dimensions, {report.config['metric']}, in "
        f"{report.seconds:.1f} s outside{f' ({versions})' if versions else ''}\n"
        f"features {output}\n"
        f"record   {record}"
    )
