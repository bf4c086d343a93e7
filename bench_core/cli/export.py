"""`bench export`: models for programs that know nothing of bench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import AsJson, Assignments, ConfigurationPath, Option, receives
from bench_core.cli.printing import print_json
from bench_core.cli.training import choose
from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.pipeline.onnx_export import ExportedModel, OnnxFile
    from bench_core.plugins import Registry

MEBI = 2**20


@dataclass(frozen=True, kw_only=True)
class OnnxOptions:
    """What is exported; each option says what it means."""

    model: Annotated[Path | None, Option(
        "--model", type=click.Path(path_type=Path), metavar="FILE",
        help="model.safetensors of a training.",
    )]  # fmt: skip
    method: Annotated[str | None, Option(
        "--method", metavar="METHOD|FILE.toml",
        help="Instead of --model: a released model, which trains nothing, with its --weights.",
    )]  # fmt: skip
    weights: Annotated[str | None, Option(
        "--weights", metavar="FILE",
        help="With --method: its weights file.",
    )]  # fmt: skip
    configuration: ConfigurationPath
    assignments: Assignments
    output: Annotated[Path, Option(
        "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE.onnx",
        help="File to write; where the modality changes the computation, FILE-visible.onnx and "
        "FILE-infrared.onnx.",
    )]  # fmt: skip
    opset: Annotated[int, Option(
        "--opset", type=click.IntRange(18, 23), default=18, show_default=True,
        help="Version of ONNX's operators.",
    )]  # fmt: skip
    as_json: AsJson


@click.group()
def export() -> None:
    """Write models for programs that know nothing of bench."""


@export.command()
@receives(OnnxOptions)
@click.pass_obj
def onnx(registry: Registry, options: OnnxOptions) -> None:
    """Write the extraction of a model as ONNX, and hold the file to the model.

    The input "images" is a batch of any size, float in [0, 1], RGB, resized to the size that the
    command names; normalisation is part of the file. The output "features" is what is compared.
    Needs the extra 'onnx'.
    """
    if options.output.suffix != ".onnx":
        raise UsageError(f"--output {options.output}: the name of an ONNX file ends in .onnx")
    _check_one(options)

    from bench_core.pipeline.onnx_export import export_onnx

    model = _of_training(registry, options.model) if options.model else _released(registry, options)
    files = export_onnx(model, options.output, options.opset)
    if options.as_json:
        print_json(list(files))
        return
    for file in files:
        _print(file, model)


def _check_one(options: OnnxOptions) -> None:
    """Refuse what names no model, or two.

    Raises:
        UsageError: An option is missing, or belongs to the other way.
    """
    if options.model is None:
        if options.method is None or options.weights is None:
            raise UsageError(
                "give --model FILE of a training, or a released model by --method and --weights"
            )
        return
    others = ("method", "weights", "configuration", "assignments")
    names = {"configuration": "config", "assignments": "set"}
    for name in others:
        if getattr(options, name):
            option = names.get(name, name)
            raise UsageError(f"--{option} does not go with --model, which says all of its own")


def _of_training(registry: Registry, path: Path) -> ExportedModel:
    from bench_core.pipeline.onnx_export import ExportedModel
    from bench_core.pipeline.trainings import open_model

    model = open_model(registry, path)
    what = model.description
    facts = {"method": what.method, "variant": what.variant, "training": what.identity}
    return ExportedModel(
        method=model.method,
        config=model.config,
        facts={**facts, "dataset": what.dataset, "split": what.split, "seed": str(what.seed)},
    )


def _released(registry: Registry, options: OnnxOptions) -> ExportedModel:
    """Build a released model.

    Raises:
        UsageError: The method is one that is trained.
    """
    from bench_core.loading import trains_nothing
    from bench_core.modeling.pretrained import parse_weights
    from bench_core.pipeline.costs import NUM_IDENTITIES
    from bench_core.pipeline.methods import build_method
    from bench_core.pipeline.onnx_export import ExportedModel
    from bench_core.system.files import hash_file

    choice = choose(
        registry,
        str(options.method),
        None,
        options.assignments,
        configuration=options.configuration,
        weights=options.weights,
    )
    if not trains_nothing(choice.spec):
        raise UsageError(
            f"--method {choice.name}: it is trained; give --model FILE, the model.safetensors of "
            "its training"
        )
    weights = parse_weights(str(options.weights))
    if weights.path is None:
        raise UsageError(f"--weights {options.weights}: a released model is what its file holds")
    method = build_method(choice, NUM_IDENTITIES)
    method.load_pretrained(weights)
    facts = {"method": choice.spec.id, "variant": choice.variant.name}
    return ExportedModel(
        method=method,
        config=choice.config,
        facts={**facts, "preset": choice.preset.name, "weights": hash_file(weights.path)},
    )


def _print(file: OnnxFile, model: ExportedModel) -> None:
    height, width = model.config.image_size
    views, dimensions = file.shape
    checked = (
        "not checked: onnxruntime is not installed"
        if file.difference is None
        else f"differs from the model by {file.difference:.1e} in onnxruntime"
    )
    echo(
        f"{' and '.join(file.modalities)} images of {height}x{width} -> {views} views x "
        f"{dimensions} dimensions, {model.method.metric}\n"
        f"{file.num_bytes / MEBI:.1f} MiB, {checked}\n"
        f"onnx     {terminal_name(str(file.path))}"
    )
