"""The ways to run a method's extraction, from PyTorch as it comes to a captured graph."""

from __future__ import annotations

import copy
from typing import Literal, TypeAlias

import torch

from bench_core.contracts.images import Modality
from bench_core.features.fast import Embed, fast_copy, in_format
from bench_core.system.devices import NumberFormat
from bench_core.training.method import Method

Mode: TypeAlias = Literal["eager", "channels-last", "folded", "compiled", "cuda-graph"]
"""How extraction is run.

"eager" is PyTorch as it comes, in NCHW; "channels-last" is NHWC; "folded" folds batch normalisation
into convolutions besides, and is what features are extracted with; "compiled" and "cuda-graph" are
that through `torch.compile` and as a CUDA graph.
"""

GRAPH_WARM_UP = 3


def measured_modes(device: torch.device, *, compiled: bool) -> tuple[Mode, ...]:
    """Return the modes that a device is measured in.

    Args:
        device: The device.
        compiled: Whether to compile, which takes a minute, and on a processor a C++ compiler.
    """
    modes: tuple[Mode, ...] = ("eager", "channels-last", "folded")
    if device.type == "cuda":
        modes += ("cuda-graph",)
    return (*modes, "compiled") if compiled else modes


def build_mode(method: Method, mode: Mode, number_format: NumberFormat) -> Embed:
    """Return a copy of a method's extraction in a mode and a number format.

    A CUDA graph is captured of the first images and their modality: the others must be like them.

    Args:
        method: In evaluation mode; it is left as it is.
        mode: How extraction is run.
        number_format: Of convolutions and matrix products.
    """
    if mode == "eager":
        copied = copy.deepcopy(method)
        copied.networks.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return in_format(copied, number_format)
    copied = fast_copy(method, number_format, fold=mode != "channels-last")
    if mode == "compiled":
        compiled = torch.compile(copied.extract, dynamic=False)
        copied.extract = compiled  # type: ignore[method-assign]
    embed = in_format(copied, number_format)
    return _Graph(embed) if mode == "cuda-graph" else embed


def images_for(mode: Mode, images: torch.Tensor) -> torch.Tensor:
    """Return images in the layout that a mode takes."""
    if mode == "eager":
        return images.contiguous(memory_format=torch.contiguous_format)
    return images.contiguous(memory_format=torch.channels_last)


class _Graph:
    """Extraction captured as a CUDA graph when it is first called, and replayed from then on."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._graph: torch.cuda.CUDAGraph | None = None
        self._images = self._embedded = torch.empty(0)

    def __call__(self, images: torch.Tensor, modality: Modality) -> torch.Tensor:
        if self._graph is None:
            self._graph = self._capture(images, modality)
        self._images.copy_(images)
        self._graph.replay()
        return self._embedded

    def _capture(self, images: torch.Tensor, modality: Modality) -> torch.cuda.CUDAGraph:
        self._images = images.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(images.device):
            beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):  # what a first call sets up must not be captured
                for _ in range(GRAPH_WARM_UP):
                    self._embed(self._images, modality)
            torch.cuda.current_stream().wait_stream(beside)
            with torch.cuda.graph(graph):
                self._embedded = self._embed(self._images, modality)
        return graph
