"""The extraction of a model as ONNX files, held to the model itself before they are written."""

from __future__ import annotations

import importlib.util
import json
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.features.fast import in_format, relative_difference
from bench_core.pipeline.opened_models import OpenedModel
from bench_core.system.escaping import in_one_line
from bench_core.system.files import write_bytes
from bench_core.training.method import Method

INPUT, OUTPUT = "images", "features"
"""Names of the tensors of a file."""
TOLERANCE = 1e-4
"""Largest norm of the difference from the model, relative to the norm of its features."""
TRACED_IMAGES = 2
CHECKED_BATCHES = (1, 3)
"""Numbers of images; neither is that of the trace."""
EXTRA = "pip install 'vireid-bench[onnx]'"


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """A file that was written.

    Attributes:
        path: Where it is.
        modalities: Of the images that it is for.
        num_bytes: How large it is.
        shape: (V, D): views and dimensions of a feature.
        difference: From the model, as a norm relative to that of its features; None where
            onnxruntime is not installed and nothing was checked.
    """

    path: Path
    modalities: tuple[Modality, ...]
    num_bytes: int
    shape: tuple[int, int]
    difference: float | None


def export_onnx(model: OpenedModel, output: Path, opset: int) -> tuple[OnnxFile, ...]:
    """Write the extraction of a model as ONNX: one file, or one for each modality.

    The input is "images", float (batch, 3, H, W) in [0, 1] of the configuration's size; what the
    method does to them, such as normalisation, is part of the file. The output is "features",
    float (batch, V, D). Of one file the features of an image are the same for both modalities.

    Args:
        model: The model.
        output: The file; of a file for each modality, its name ends in "-visible" and "-infrared".
        opset: Version of ONNX's operators.

    Raises:
        UsageError: What writes ONNX is not installed.
        BenchError: An operator cannot be exported, the file's features are others than the
            model's, or a file cannot be written; then none is.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise UsageError(f"writing ONNX needs {package}, which is not installed: {EXTRA}")
    model.method.networks.cpu().eval()
    kinds = _kinds(model)
    contents = {kind: _exported(model, kind, opset) for kind in kinds}
    differences = {kind: _difference(model, kind[0], contents[kind]) for kind in kinds}
    files = []
    for kind, content in contents.items():
        ending = "" if len(kinds) == 1 else f"-{kind[0]}"
        path = output.with_name(f"{output.stem}{ending}{output.suffix}")
        write_bytes(path, content)
        files.append(
            OnnxFile(
                path=path,
                modalities=kind,
                num_bytes=len(content),
                shape=_shape(model, kind[0]),
                difference=differences[kind],
            )
        )
    return tuple(files)


def _images(model: OpenedModel, number: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    return torch.rand(number, 3, *model.config.image_size, generator=generator)


def _features(model: OpenedModel, modality: Modality, number: int) -> torch.Tensor:
    return in_format(model.method, "float32")(_images(model, number), modality)


def _shape(model: OpenedModel, modality: Modality) -> tuple[int, int]:
    _, views, dimensions = _features(model, modality, 1).shape
    return views, dimensions


def _kinds(model: OpenedModel) -> tuple[tuple[Modality, ...], ...]:
    """Return which modalities share a file: both, where they give the same features of noise."""
    visible, infrared = (_features(model, modality, TRACED_IMAGES) for modality in MODALITIES)
    if visible.shape == infrared.shape and torch.equal(visible, infrared):
        return (MODALITIES,)
    return tuple((modality,) for modality in MODALITIES)


class _Extraction(nn.Module):
    """What is traced: the networks, called as the method extracts."""

    def __init__(self, method: Method, modality: Modality) -> None:
        super().__init__()
        self.networks = method.networks
        self._method, self._modality = method, modality

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Embed images (B, 3, H, W) as (B, V, D)."""
        return self._method.extract(images, self._modality)


def _exported(model: OpenedModel, kind: tuple[Modality, ...], opset: int) -> bytes:
    """Trace a modality, and return the content of its file.

    Raises:
        BenchError: Something in the extraction has no counterpart in ONNX.
    """
    network = _Extraction(model.method, kind[0]).eval()
    try:
        # The exporter itself calls what torch deprecates; it is no matter of the user's.
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                network,
                (_images(model, TRACED_IMAGES),),
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes={INPUT: {0: torch.export.Dim("batch")}},
                opset_version=opset,
                external_data=False,
                verbose=False,
            )
            document = program.model_proto
            for name, value in {**model.facts, **_contract(model, kind)}.items():
                entry = document.metadata_props.add()
                entry.key, entry.value = name, value
            return bytes(document.SerializeToString())
    except Exception as error:  # of torch, onnxscript or the method, of any class
        raise BenchError(
            f"the extraction of {kind[0]} images cannot be exported as ONNX: {_cause(error)}"
        ) from error


def _cause(error: BaseException) -> str:
    """Put the innermost cause into a line: what wraps it are pages of advice to torch's authors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return in_one_line(error)


def _contract(model: OpenedModel, kind: tuple[Modality, ...]) -> dict[str, str]:
    """Say in the file what goes in, and how what comes out is compared."""
    height, width = model.config.image_size
    return {
        "producer": f"vireid-bench {version('vireid-bench')}",
        "modalities": " ".join(kind),
        "input": f"RGB in [0, 1], (batch, 3, {height}, {width}); infrared as three equal channels",
        "resize_filter": model.config.resize_filter,
        "metric": f"{model.method.metric}, summed over views",
        "config": json.dumps(model.config.model_dump(mode="json"), sort_keys=True),
    }


def _difference(model: OpenedModel, modality: Modality, content: bytes) -> float | None:
    """Run a file in onnxruntime, and return by how much its features differ at most.

    Raises:
        BenchError: It cannot be run, or they differ by more than rounding.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return None
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        given = {number: {INPUT: _images(model, number).numpy()} for number in CHECKED_BATCHES}
        found = {number: session.run([OUTPUT], given[number])[0] for number in given}
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise BenchError(
            f"onnxruntime cannot run the exported extraction of {modality} images: "
            f"{in_one_line(error)}; another --opset may help"
        ) from error
    differences = []
    for number, features in found.items():
        expected = _features(model, modality, number)
        if features.shape != tuple(expected.shape):
            raise BenchError(
                f"the ONNX file gives {features.shape} for {number} {modality} images, and the "
                f"model {tuple(expected.shape)}: its extraction depends on the size of the batch"
            )
        differences.append(relative_difference(torch.from_numpy(features), expected))
    if not max(differences) <= TOLERANCE:  # also where it is no number
        raise BenchError(
            f"the exported features of {modality} images differ from the model's by "
            f"{max(differences):.1e} and may by {TOLERANCE:.0e}; nothing is written"
        )
    return max(differences)
