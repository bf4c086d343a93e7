"""The plan of a matrix: which trainings its cells share, and which of all that is there already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bench_core.contracts.degraded import DegradationUsed
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Precision
from bench_core.contracts.result import ResultRecord
from bench_core.loading import load_protocol
from bench_core.modeling.pretrained import PretrainedWeights, parse_weights
from bench_core.pipeline.inputs import RunInputs, open_inputs, validation_split
from bench_core.pipeline.matrix import LauncherName
from bench_core.pipeline.matrix.cells import Cell, blaming, expand
from bench_core.pipeline.matrix.file import MatrixFile, read_matrix
from bench_core.pipeline.matrix.jobs import Job
from bench_core.pipeline.trainings import TrainingSettings, describe, training_folder
from bench_core.plugins import Registry
from bench_core.results.store import FoundResults, find_results
from bench_core.system.devices import choose_device, choose_precision, default_threads
from bench_core.system.files import hash_json
from bench_core.training.code import training_code_hash
from bench_core.training.identity import TrainingDescription
from bench_core.training.run import MODEL_FILE

MATRIX_FOLDER = "matrix"
"""Within the folder of trainings; below it each matrix has a folder of its own."""


@dataclass(frozen=True, kw_only=True)
class PlannedTraining:
    """A training that one or more cells need.

    Attributes:
        description: What is trained.
        cell: The first cell that needs it.
        inputs: Protocol and dataset of that cell.
        model: The file that it leaves.
        job: What trains it.
    """

    description: TrainingDescription
    cell: Cell
    inputs: RunInputs
    model: Path
    job: Job


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell with what its record will say of itself.

    Attributes:
        cell: The run.
        expected: The parts of `ResultRecord.row_key` that are known beforehand.
        trainings: Identities of its trainings, in the order of trials, each once.
        job: What scores it.
    """

    cell: Cell
    expected: Mapping[str, Any]
    trainings: tuple[str, ...]
    job: Job

    def is_of(self, record: ResultRecord) -> bool:
        """Say whether a record is the result of this cell, by what it says of its making."""
        made = dict(record.row_key)
        origin: Any = made.pop("origin")
        if origin["kind"] == "trained-here":
            return made == self.expected
        if origin["kind"] != "trained-elsewhere":
            return False
        # A model that was given and not trained claims no training; its file is in the weights.
        return made == {**self.expected, "training_identities": []}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A matrix, ready to be run.

    Attributes:
        path: Its file.
        file: What that says.
        launcher: Where jobs run.
        device: Where trainings run: "cpu", "cuda" or "cuda:i".
        folder: Where logs and notes of its jobs lie.
        cells: Its cells, in order.
        trainings: What they need, by identity, in the order of need.
    """

    path: Path
    file: MatrixFile
    launcher: LauncherName
    device: str
    folder: Path
    cells: tuple[PlannedCell, ...]
    trainings: Mapping[str, PlannedTraining]

    def results(self) -> FoundResults:
        """Read the records of the results folder."""
        return find_results(self.file.results)

    def records(self, found: FoundResults) -> dict[str, tuple[Path, ResultRecord]]:
        """Return file and record of each cell that has one, by the name of the cell's job."""
        by_protocol: dict[str, list[tuple[Path, ResultRecord]]] = {}
        for path, record in found.records.items():
            by_protocol.setdefault(record.protocol.id, []).append((path, record))
        return {
            cell.job.name: pair
            for cell in self.cells
            for pair in by_protocol.get(cell.cell.protocol.id, [])
            if cell.is_of(pair[1])
        }


def make_plan(
    registry: Registry, path: Path, cache: Path, launcher: LauncherName | None = None
) -> Plan:
    """Read the file of a matrix and its datasets, and find out what it needs.

    Args:
        registry: The plugins.
        path: The file.
        cache: Folder for what can be made again; synthetic people are rendered into it.
        launcher: Instead of the file's.

    Raises:
        UsageError: The file is wrong, or asks for what is not there.
        BenchError: A dataset cannot be read.
    """
    file = read_matrix(path)
    launcher = launcher or file.launcher
    cells = expand(registry, file, path)
    _check_selection(file, path, cells)
    with blaming(path, "device"):
        device = _device(file, launcher)
    folder = file.runs / MATRIX_FOLDER / path.stem
    planning = _Planning(registry, path, file, device, folder, cache)
    planned = tuple(planning.cells(cells))
    return Plan(
        path=path,
        file=file,
        launcher=launcher,
        device=device,
        folder=folder,
        cells=planned,
        trainings=planning.trainings,
    )


def _check_selection(file: MatrixFile, path: Path, cells: Iterable[Cell]) -> None:
    if file.select == "validation":
        with blaming(path, "select"):
            for cell in cells:
                validation_split(cell.protocol)


def _device(file: MatrixFile, launcher: LauncherName) -> str:
    """Return where trainings run; of a cluster's nodes, this machine cannot know what they have.

    Raises:
        UsageError: The device is not there, or contradicts what the cluster is asked for.
    """
    if launcher == "local":
        return str(choose_device(file.device))
    if file.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"{file.device}: on a cluster it is auto, cpu or cuda")
    named = any(re.match("gpus|gres", name) for name in file.slurm.sbatch)
    asks = file.slurm.gpus > 0 or named
    if file.device == "cuda" and not asks:
        raise UsageError("cuda, but slurm.gpus = 0 asks for none; set slurm.gpus")
    if file.device != "cpu" and 0 < file.slurm.gpus < file.processes:
        raise UsageError(
            f"processes = {file.processes} need a GPU each, and slurm.gpus = {file.slurm.gpus}"
        )
    return "cuda" if file.device != "cpu" and asks else "cpu"


class _Planning:
    """What has been read and found out so far, so that nothing is read twice."""

    def __init__(
        self,
        registry: Registry,
        path: Path,
        file: MatrixFile,
        device: str,
        folder: Path,
        cache: Path,
    ) -> None:
        self.trainings: dict[str, PlannedTraining] = {}
        self._registry, self._path, self._file = registry, path, file
        self._device, self._folder, self._cache = device, folder, cache
        self._threads = file.threads or default_threads()
        self._datasets: dict[str, RunInputs] = {}
        self._inputs: dict[str, RunInputs] = {}
        self._codes: dict[str, str] = {}

    def cells(self, cells: Iterable[Cell]) -> Iterator[PlannedCell]:
        for cell in cells:
            inputs = self._opened(cell)
            settings = self._settings(cell)
            splits = list(dict.fromkeys(inputs.training_splits(self._file.select)))
            needed = {
                split: self._training(cell, inputs, settings, split, splits) for split in splits
            }
            yield self._cell(cell, inputs, needed)

    def _opened(self, cell: Cell) -> RunInputs:
        protocol = cell.protocol
        if protocol.id not in self._inputs:
            read = self._datasets.get(protocol.dataset)
            if read is None:
                read = open_inputs(self._registry, protocol, cell.root, self._cache)
                self._datasets[protocol.dataset] = read
            bound = load_protocol(protocol, read.dataset.splits)
            self._inputs[protocol.id] = replace(read, protocol=bound)
        return self._inputs[protocol.id]

    def _settings(self, cell: Cell) -> TrainingSettings:
        device = torch.device(self._device)
        with blaming(self._path, "precision"):
            precision = _precision(self._file, device, cell.trained.choice.preset.name)
        return TrainingSettings(
            seed=cell.trained.seed,
            weights=self._weights(cell),
            device=device,
            precision=precision,
            runs=self._file.runs,
            selection=self._file.select,
            threads=self._threads,
        )

    def _weights(self, cell: Cell) -> PretrainedWeights:
        with blaming(self._path, "weights"):
            return parse_weights(cell.trained.weights or cell.trained.choice.config.weights)

    def _training(
        self,
        cell: Cell,
        inputs: RunInputs,
        settings: TrainingSettings,
        split: str,
        splits: list[str],
    ) -> PlannedTraining:
        reference = cell.trained.choice.spec.method
        if reference not in self._codes:
            self._codes[reference] = training_code_hash(reference)
        code = self._codes[reference]
        description = describe(cell.trained.choice, inputs, split, settings, code)
        if settings.device.type == "cpu" and self._file.processes > 1:
            description = replace(description, processes=self._file.processes)
        if description.identity not in self.trainings:
            folder = training_folder(self._file.runs, description)
            trial = [] if len(splits) == 1 else self._trial(inputs, split)
            arguments = ("train", *self._shared(cell, settings.precision), *trial)
            name = f"train-{inputs.dataset.id}-{folder.name}"
            self.trainings[description.identity] = PlannedTraining(
                description=description,
                cell=cell,
                inputs=inputs,
                model=folder / MODEL_FILE,
                job=Job(
                    name=name,
                    title=f"training {_label(cell)}",
                    arguments=arguments,
                    folder=self._folder,
                ),
            )
        return self.trainings[description.identity]

    def _trial(self, inputs: RunInputs, split: str) -> list[str]:
        return ["--trial", str(inputs.training_splits(self._file.select).index(split) + 1)]

    def _cell(
        self, cell: Cell, inputs: RunInputs, needed: Mapping[str, PlannedTraining]
    ) -> PlannedCell:
        trained_on = inputs.training_splits(self._file.select)
        descriptions = [needed[split].description for split in trained_on]
        expected = _expected(cell, inputs, descriptions)
        arguments = ["run", *self._shared(cell, descriptions[0].precision)]
        arguments += ["--convention", cell.convention, "--results", str(self._file.results)]
        arguments += _reranking(cell)
        return PlannedCell(
            cell=cell,
            expected=expected,
            trainings=tuple(training.description.identity for training in needed.values()),
            job=Job(
                name=_cell_name(cell, hash_json(expected)),
                title=f"scoring {_label(cell)} on {cell.protocol.id}",
                arguments=tuple(arguments),
                folder=self._folder,
                needs=tuple(training.job.name for training in needed.values()),
            ),
        )

    def _shared(self, cell: Cell, precision: Precision) -> list[str]:
        """Return the options that a training and its scoring share; all that decides is named."""
        trained, file = cell.trained, self._file
        options = ["--method", trained.name, "--protocol", cell.protocol.id]
        options += ["--preset", trained.choice.preset.name, "--seed", str(trained.seed)]
        if trained.configuration is not None:
            options += ["--config", str(trained.configuration)]
        options += [part for one in trained.assignments for part in ("--set", one)]
        if cell.root is not None:
            options += ["--data", str(cell.root)]
        if trained.weights is not None:
            options += ["--weights", trained.weights]
        options += ["--select", file.select, "--device", self._job_device()]
        options += ["--precision", precision, "--threads", str(self._threads)]
        if file.processes > 1:
            options += ["--processes", str(file.processes)]
        return [*options, "--runs", str(file.runs)]

    def _job_device(self) -> str:
        several_on_cuda = self._file.processes > 1 and self._device.startswith("cuda")
        return "cuda" if several_on_cuda else self._device


def _precision(file: MatrixFile, device: torch.device, preset: str) -> Precision:
    """Return the number format of a training, which may run on a GPU that is not here.

    Raises:
        UsageError: It depends on that GPU, or the device has no such format.
    """
    if device.type == "cpu" or torch.cuda.is_available():
        return choose_precision(file.precision, device, preset)
    if file.precision != "auto":
        return file.precision
    if preset == "quick":
        raise UsageError(
            "auto: with the preset 'quick' it depends on the GPU, and none is here to ask; name "
            "float32, tf32 or bfloat16"
        )
    return "float32"


def _expected(
    cell: Cell, inputs: RunInputs, descriptions: list[TrainingDescription]
) -> dict[str, Any]:
    """Return what the record of a cell will say of its making; the keys of its `row_key`."""
    choice, dataset = cell.trained.choice, inputs.dataset
    degraded = DegradationUsed.of(cell.protocol.degradation)
    _, _, variant = choice.name.partition(":")
    labels = list(dict.fromkeys(description.weights for description in descriptions))
    return {
        "method": {
            "id": choice.spec.id,
            "variant": variant or None,
            "preset": choice.preset.name,
            "config": choice.config.model_dump(mode="json"),
            "seed": cell.trained.seed,
        },
        "dataset": {
            "id": dataset.id,
            "fingerprint": inputs.fingerprint,
            "synthetic": dataset.synthetic,
        },
        "protocol": {
            "id": cell.protocol.id,
            "convention": cell.convention,
            "rerank": cell.reranked is not None,
            "splits": dataset.splits.digest(),
            **(cell.reranked.choice.used.row_key if cell.reranked else {}),
            **(degraded.row_key if degraded else {}),
        },
        "weights": labels[0] if len(labels) == 1 else f"sha256:{hash_json(labels)}",
        "training_identities": [description.identity for description in descriptions],
    }


def _reranking(cell: Cell) -> list[str]:
    """Return the options that re-rank a cell."""
    if cell.reranked is None:
        return []
    settings = [part for one in cell.reranked.assignments for part in ("--rerank-set", one)]
    return ["--rerank", cell.reranked.choice.spec.id, *settings]


def _label(cell: Cell) -> str:
    return f"{cell.trained.choice.name}, seed {cell.trained.seed}"


def _cell_name(cell: Cell, digest: str) -> str:
    label = cell.trained.choice.name.replace(":", "-")
    rerank = f"-{cell.reranked.choice.used.slug}" if cell.reranked else ""
    name = f"{cell.protocol.id}-{label}-{cell.convention}{rerank}-seed{cell.trained.seed}"
    return re.sub(r"[^\w.+-]", "_", name) + f"-{digest[:8]}"
