"""A training step against the loop that papers of this field train with, on the same card.

The loop is that of AGW's public code with the same network, batch and losses as `xiv:baseline`:
images are transformed one by one in four processes of a DataLoader, the network runs in NCHW, cuDNN
tries its kernels, and each step asks for its loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.backends import cudnn
from torch.utils.data import DataLoader, Dataset
from torchvision import models
from torchvision import transforms as T  # noqa: N812  # as papers call it

from bench_core.configuration import MethodChoice
from bench_core.contracts.method import Precision
from bench_core.system.devices import arithmetic
from bench_core.testing.building import random_data
from bench_core.training.batches import BatchLoader
from bench_core.training.data import TrainingData
from bench_core.training.method import StagedMethod
from bench_core.training.stage_runner import enter_stages
from bench_core.training.stages import SamplingConfig
from device_check.notes import Deadline, Notes
from device_check.setting import Setting

METHOD = "xiv:baseline"
NUM_WORKERS = 4
WARM_UP_STEPS = 3
SECONDS = 8.0
LEAST_RATIO, MOST_WAITING = 2.5, 0.02
IMAGES_OF_EACH = 4
"""Of each person and modality; the pixels of all lie in memory."""
NUM_BATCHES, LONG = 64, 10**4
"""Of the usual loop, after which it takes the same ones again, so many times at most."""


def compare_training(setting: Setting, notes: Notes, deadline: Deadline) -> None:
    """Time the usual loop, then ours on the same pixels in each number format."""
    choice = setting.choice(METHOD, setting.large_preset)
    data = random_data(choice.config.image_size, setting.num_identities, IMAGES_OF_EACH)
    sampling = setting.build(choice).stages()[0].sampling  # type: ignore[attr-defined]
    seconds = setting.seconds(SECONDS)
    plain = _plain_rate(setting, data, sampling, "float32", seconds)
    notes.measured("the usual loop in float32", "peer", {"images_per_second": plain})
    if "tf32" in setting.formats():  # what PyTorch chooses by itself for convolutions
        rounded = _plain_rate(setting, data, sampling, "tf32", seconds)
        notes.measured("the usual loop in tf32", "peer", {"images_per_second": rounded})
    for number_format in notes.within(setting.formats(), deadline):
        rate, waiting = our_rate(setting, choice, data, number_format, seconds)
        name = f"{METHOD} in {number_format}"
        notes.measured(name, "peer", {"images_per_second": rate})
        times = f"{name} against the usual loop in float32"
        if number_format == setting.formats()[0]:
            notes.target(times, rate / plain, least=LEAST_RATIO)
        else:
            notes.passed(times, f"{rate / plain:.2f} times")
        notes.target(f"waiting for data of {name}", waiting, most=MOST_WAITING)
    with searching_kernels():  # ours does without: which kernel wins differs from run to run
        rate, _ = our_rate(setting, choice, data, setting.formats()[0], seconds)
    name = f"{METHOD} in {setting.formats()[0]} where cuDNN tries its kernels"
    notes.measured(name, "peer", {"images_per_second": rate})


def our_rate(
    setting: Setting,
    choice: MethodChoice,
    data: TrainingData,
    number_format: Precision,
    seconds: float,
) -> tuple[float, float]:
    """Return images per second of our loop, and its share of time waiting for data."""
    method: Any = setting.build(choice)
    if not isinstance(method, StagedMethod):
        raise TypeError(f"{choice.name} has no stages")
    device = setting.device
    method.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    stages = method.stages()
    runner = next(enter_stages(method.networks, stages, precision=number_format, seed=0))
    runner.begin_epoch(0)
    sampler = data.sampler(stages[0].sampling)
    loader = BatchLoader(data.pixels, device)
    epochs = (sampler.epoch(np.random.default_rng(number)) for number in count())
    batches = loader.load(chain.from_iterable(epochs), stages[0].augmentation, 0)
    size = 2 * stages[0].sampling.identities * stages[0].sampling.images
    for number, batch in enumerate(islice(batches, WARM_UP_STEPS), start=1):
        runner.step(batch, 0, number)
    before = loader.waited_seconds
    rate, elapsed = _timed(lambda batch: runner.step(batch, 0, 1), batches, size, device, seconds)
    waited = loader.waited_seconds - before
    batches.close()  # type: ignore[attr-defined]
    return rate, waited / elapsed


def _plain_rate(
    setting: Setting,
    data: TrainingData,
    sampling: SamplingConfig,
    number_format: Precision,
    seconds: float,
) -> float:
    """Return images per second of the usual loop."""
    device = setting.device
    network = PlainNetwork(data.num_identities).to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    identity = nn.CrossEntropyLoss()
    per_modality = sampling.identities * sampling.images

    def step(batch: Any) -> None:
        visible, infrared, labels = batch
        images = torch.cat([visible.to(device), infrared.to(device)])
        targets = torch.cat([labels, labels]).to(device)
        features, scores = network(images)
        loss = identity(scores, targets) + batch_hard_triplet(features, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    pairs = PlainPairs(data, sampling)
    loader: Any = DataLoader(
        pairs,
        batch_size=per_modality,
        num_workers=0 if setting.small else NUM_WORKERS,
        drop_last=True,
    )
    batches = iter(loader)
    with arithmetic(device, number_format), searching_kernels():
        for batch in islice(batches, WARM_UP_STEPS):
            step(batch)
        rate, _ = _timed(step, batches, 2 * per_modality, device, seconds)
    return rate


def _timed(
    step: Callable[[Any], object],
    batches: Iterator[Any],
    num_images: int,
    device: torch.device,
    seconds: float,
) -> tuple[float, float]:
    """Return images per second of steps, and how long they took."""
    _wait(device)
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        step(next(batches))
        steps += 1
    _wait(device)
    elapsed = time.perf_counter() - started
    return steps * num_images / elapsed, elapsed


@contextmanager
def searching_kernels() -> Iterator[None]:
    """Let cuDNN try its kernels for each shape in this block, as AGW's code does."""
    before = cudnn.benchmark
    cudnn.benchmark = True
    try:
        yield
    finally:
        cudnn.benchmark = before


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class PlainPairs(Dataset[Any]):
    """Pairs of images of a person, transformed one by one, as AGW's code does.

    Args:
        data: The images.
        sampling: How batches are drawn.
    """

    def __init__(self, data: TrainingData, sampling: SamplingConfig) -> None:
        self._pixels: NDArray[np.uint8] = data.pixels
        sampler = data.sampler(sampling)
        epochs = (sampler.epoch(np.random.default_rng(number)) for number in count())
        drawn = list(islice(chain.from_iterable(epochs), NUM_BATCHES))
        self._visible = np.concatenate([batch.visible for batch in drawn])
        self._infrared = np.concatenate([batch.infrared for batch in drawn])
        self._labels = np.concatenate([batch.labels for batch in drawn])
        height, width = data.pixels.shape[1:3]
        self._transform = T.Compose([
            T.ToPILImage(),
            T.Pad(10),
            T.RandomCrop((height, width)),
            T.RandomHorizontalFlip(),
            T.ToTensor(),
            T.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ])  # fmt: skip

    def __len__(self) -> int:
        return LONG * len(self._labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        entry = place % len(self._labels)
        visible = self._transform(self._pixels[self._visible[entry]])
        infrared = self._transform(self._pixels[self._infrared[entry]])
        return visible, infrared, int(self._labels[entry])


class PlainNetwork(nn.Module):
    """ResNet-50 with stride 1 in its last stage, pooling, a batch-normalised neck, a classifier."""

    def __init__(self, num_identities: int) -> None:
        super().__init__()
        body = models.resnet50(weights=None)
        body.layer4[0].conv2.stride = (1, 1)
        body.layer4[0].downsample[0].stride = (1, 1)
        body.fc = nn.Identity()
        self.body, self.neck = body, nn.BatchNorm1d(2048)
        self.classifier = nn.Linear(2048, num_identities, bias=False)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features and scores."""
        features = self.body(images)
        return features, self.classifier(self.neck(features))


def batch_hard_triplet(
    features: torch.Tensor, labels: torch.Tensor, margin: float = 0.3
) -> torch.Tensor:
    """Return the triplet loss of the hardest positive and negative of each image."""
    distances = torch.cdist(features, features)
    same = labels[:, None] == labels[None]
    positive = distances.masked_fill(~same, 0).amax(1)
    negative = distances.masked_fill(same, float("inf")).amin(1)
    return nn.functional.relu(positive - negative + margin).mean()
