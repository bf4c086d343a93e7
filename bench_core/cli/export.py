"""`bench export`: models for programs that know nothing of bench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.given_models import ModelOptions, check_model, open_given_model
from bench_core.cli.options import AsJson, Option, receives
from bench_core.cli.printing import print_json
from bench_core.contracts.errors import UsageError
from bench_core.system.escaping import terminal_name
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from bench_core.pipeline.onnx_export import OnnxFile
    from bench_core.pipeline.opened_models import OpenedModel
    from bench_core.plugins import Registry

MEBI = 2**20


@dataclass(frozen=True, kw_only=True)
class OnnxOptions(ModelOptions):
    """What is exported; each option says what it means."""

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
    check_model(options)

    from bench_core.pipeline.onnx_export import export_onnx

    model = open_given_model(registry, options)
    files = export_onnx(model, options.output, options.opset)
    if options.as_json:
        print_json(list(files))
        return
    for file in files:
        _print(file, model)


def _print(file: OnnxFile, model: OpenedModel) -> None:
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
