"""Every method on simulated CUDA tensors: none mixes devices. And each branch that is for CUDA.

Tensors are shapes with a device and no data. Backward passes need a driver and are left out:
gradients are zeros, on which optimisers step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench_core.configuration import choose_method
from bench_core.contracts.images import MODALITIES
from bench_core.contracts.method import Precision
from bench_core.data.augmentation import AugmentationConfig, Draw, erase
from bench_core.features.extraction import _Batch, _Embedded, _Loader
from bench_core.features.fast import in_format
from bench_core.pipeline.methods import build_method
from bench_core.plugins import Registry, load_registry
from bench_core.profiling import hardware, memory, modes
from bench_core.profiling.counting import simulated
from bench_core.profiling.hardware import NVIDIA_READINGS, report_device
from bench_core.profiling.memory import peak_memory
from bench_core.profiling.timing import CUDA_SAMPLES, in_sequence
from bench_core.profiling.training_steps import training_steps
from bench_core.system.devices import choose_precision, number_formats
from bench_core.testing.building import random_data
from bench_core.training.batches import Batch, BatchLoader, to_float
from bench_core.training.data import TrainingData
from bench_core.training.method import StagedMethod

pytestmark = pytest.mark.skipif(
    torch.version.cuda is None, reason="this PyTorch was built without CUDA"
)
CUDA = torch.device("cuda:0")
FORMAT: Precision = "bfloat16"
OFTEN = ("aligngan", "msr", "xiv")
METHODS = [
    pytest.param(name, marks=[] if name in OFTEN else pytest.mark.exhaustive)
    for name in load_registry().methods
]


class Stand:
    """Whatever is asked of it, it can be called, entered and left."""

    calls: list[str] = []  # noqa: RUF012  # a list a test, made by the fixture

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __getattr__(self, name: str) -> Stand:
        return Stand(f"{self.name}.{name}".lstrip("."))

    def __call__(self, *arguments: Any, **options: Any) -> Stand:
        Stand.calls.append(self.name)
        return Stand(self.name)

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def backward(
    total: torch.Tensor,
    gradient: torch.Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[torch.Tensor] = (),
) -> None:
    """Give every input a gradient of zeros."""
    for parameter in inputs:
        parameter.grad = torch.zeros_like(parameter)


@pytest.fixture
def simulated_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tensors lie on a CUDA device that is not there, of a card that has every format."""
    amp = torch.amp.autocast_mode.torch.cuda.amp.common
    monkeypatch.setattr(amp, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device=None: (9, 0))
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.Tensor, "backward", backward)
    with simulated():
        yield


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put stand-ins in the place of what asks a driver: streams, events, readings of memory.

    Only names that this PyTorch has can be replaced, so that a name that it lacks shows.
    """
    Stand.calls = []
    for name in ("Stream", "Event", "stream", "current_stream", "synchronize",
                 "reset_peak_memory_stats"):  # fmt: skip
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, Stand(name))
    return Stand.calls


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.usefixtures("simulated_cuda")
def test_a_method_stays_on_its_device(registry: Registry, name: str) -> None:
    spec, variant = registry.method(name)
    choice = choose_method(spec, variant, "quick", ())
    with CUDA:
        method: Any = build_method(choice, 8)
    size = choice.config.image_size
    method.networks.eval()
    images = torch.rand(3, 3, *size, device=CUDA)
    for modality in ("visible", "infrared"):
        assert in_format(method, FORMAT)(images, modality).device == CUDA
    stages = method.stages() if isinstance(method, StagedMethod) else ()  # a descriptor has none
    for step in training_steps(method, stages, size, CUDA, FORMAT):
        step()
        assert {tensor.device for tensor in step.resident()} <= {CUDA, torch.device("cpu")}


class Transfers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Names the operators that bring tensors from one device to another."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        leaves = tree_leaves((args, kwargs, output))
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        if len({tensor.device for tensor in tensors if tensor.dim()}) > 1:
            self.found.append(str(func))
        return output


@pytest.mark.usefixtures("simulated_cuda")
def test_a_constant_from_the_host_is_noticed() -> None:
    with Transfers() as transfers:
        torch.tensor((0.3, 0.6), device=CUDA)
    assert transfers.found


@pytest.mark.parametrize(
    "words",
    [*METHODS, *(f"xiv:{x}" for x in ("mean", "gray", "v", "y")), "jsia content_input=grey"],
)
@pytest.mark.usefixtures("simulated_cuda")
def test_extraction_copies_nothing_from_the_host(registry: Registry, words: str) -> None:
    """A CUDA graph cannot be captured of what does."""
    name, *assignments = words.split()
    choice = choose_method(*registry.method(name), "quick", assignments)
    with CUDA:
        method: Any = build_method(choice, 8)
    method.networks.eval()
    images = torch.rand(2, 3, *choice.config.image_size, device=CUDA)
    for modality in MODALITIES:
        with Transfers() as transfers:
            in_format(method, FORMAT)(images, modality)
        assert transfers.found == []


@pytest.mark.usefixtures("simulated_cuda")
def test_a_batch_is_made_of_bytes_and_erased_on_its_device() -> None:
    pixels = torch.zeros(2, 32, 16, 3, dtype=torch.uint8, device=CUDA)
    images = to_float(pixels)
    erased = Draw(flipped=True, down=1, right=-1, erased=(2, 9, 3, 5))
    untouched = Draw(flipped=False, down=0, right=0, erased=None)
    erase(images, [erased, untouched], AugmentationConfig(erasing=0.5))
    assert (images.device, images.dtype, images.shape) == (CUDA, torch.float32, (2, 3, 32, 16))


@pytest.mark.usefixtures("simulated_cuda")
def test_formats_follow_from_the_card() -> None:
    assert number_formats(CUDA) == ("float32", "tf32", "bfloat16")
    assert choose_precision("auto", CUDA, "quick") == "bfloat16"
    assert choose_precision("auto", CUDA, "paper") == "float32"


def test_calls_are_timed_by_events(stand_in: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed = SimpleNamespace(record=lambda _stream: None)
    monkeypatch.setattr(torch.cuda, "Event", lambda **_options: elapsed)
    monkeypatch.setattr("bench_core.profiling.timing.elapsed_seconds", lambda *_: 0.5)
    assert in_sequence(lambda: None, CUDA) == [0.5] * CUDA_SAMPLES


def test_memory_is_what_lies_there_and_what_comes_to_it(
    stand_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = {"memory_allocated": 100, "max_memory_allocated": 160}
    for name, value in readings.items():
        assert hasattr(memory.torch.cuda, name)
        monkeypatch.setattr(memory.torch.cuda, name, lambda _device, value=value: value)
    there = torch.zeros(50, dtype=torch.uint8)
    assert peak_memory(lambda: None, CUDA, [there]) == 50 + 60
    assert stand_in == ["synchronize", "reset_peak_memory_stats", "synchronize"]


def test_a_card_is_asked_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = SimpleNamespace(uuid="11111111-2222", name="Card")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: card)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Card")
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        asked.append(command)
        return SimpleNamespace(stdout="580.1, 1980, 1980, 3201, 300.5, 700.00\n")

    monkeypatch.setattr(hardware.subprocess, "run", run)
    report = report_device(CUDA)
    assert "--id=GPU-11111111-2222" in asked[0]
    assert report.driver == "580.1"
    assert report.readings["power_watts"] == 300.5
    assert report.readings.keys() == NVIDIA_READINGS.keys()
    assert report.versions["cuda"] == str(torch.version.cuda)


def test_a_graph_is_captured_once_and_replayed(
    stand_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUDAGraph", "graph", "device"):
        assert hasattr(torch.cuda, name)
        monkeypatch.setattr(torch.cuda, name, Stand(name))
    calls: list[float] = []

    def embed(images: torch.Tensor, _modality: str) -> torch.Tensor:
        calls.append(float(images.sum()))
        return images + 1

    graph = modes._Graph(embed)  # type: ignore[arg-type]
    for value in (1.0, 2.0):
        graph(torch.full((1,), value), "visible")
    assert calls == [1.0] * (modes.GRAPH_WARM_UP + 1)
    assert graph._images.tolist() == [2.0]
    assert stand_in.count("CUDAGraph.replay") == 2


def test_batches_are_copied_beside_the_computation(
    stand_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda _tensor, _stream: None)
    to = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor,
        "to",
        lambda tensor, _device, **options: to(tensor, torch.device("cpu"), **options),
    )
    store: Any = SimpleNamespace(pixels=np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3))
    loader = _Loader(store, np.array([1, 0]), CUDA)
    batches = [_Batch("visible", np.array([0])), _Batch("infrared", np.array([1]))]
    first, second = loader.load(batches)
    assert float(first[0, 0, 0, 0]) == pytest.approx(12 / 255)
    assert float(second[0, 0, 0, 0]) == 0
    assert stand_in.count("current_stream.wait_stream") == 2


def test_training_batches_go_through_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[int] = []
    to = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor.ndim) or tensor
    )
    monkeypatch.setattr(
        torch.Tensor,
        "to",
        lambda tensor, *where, **_options: tensor if where == (CUDA,) else to(tensor, *where),
    )
    data: TrainingData = random_data((32, 16))
    sampler = data.sampler(SimpleNamespace(identities=2, images=2, steps_per_epoch=1))  # type: ignore[arg-type]
    rows = sampler.epoch(np.random.default_rng(0))
    (batch,) = BatchLoader(data.pixels, CUDA).load(rows, AugmentationConfig(), 0)
    assert isinstance(batch, Batch)
    assert pinned == [4, 4, 1]


def test_features_are_collected_when_their_copies_are_there(
    stand_in: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda _tensor: True))
    embedded = _Embedded((2, 1, 1))
    for place in range(2):
        embedded.add(np.array([place]), torch.full((1, 1, 1), float(place)))
    assert embedded.finished().ravel().tolist() == [0, 1]
    assert stand_in.count("Event.synchronize") == 2
