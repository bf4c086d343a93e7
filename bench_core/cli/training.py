"""The options of a training, and what they ask for; `bench train` and `bench run` share them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import click

from bench_core.cli.options import (
    Assignments,
    ConfigurationPath,
    DataRoot,
    DeviceName,
    Method,
    Option,
    PresetName,
    ProtocolId,
    Seed,
    Threads,
    read_memory,
)
from bench_core.cli.printing import NAME_IN_JSON
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import BatchStatistics, Precision, Selection
from bench_core.system.escaping import terminal_line

if TYPE_CHECKING:
    import torch

    from bench_core.configuration import MethodChoice
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.modeling.sharing import Sharing
    from bench_core.pipeline.inputs import RunInputs
    from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
    from bench_core.plugins import Registry
    from bench_core.training.log import FinishedEpoch


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What is trained and how; each option says what it means."""

    method: Method
    protocol: ProtocolId
    root: DataRoot
    preset: PresetName
    configuration: ConfigurationPath
    assignments: Assignments
    seed: Seed
    weights: Annotated[str | None, Option(
        "--weights", metavar="imagenet|none|FILE",
        help="What the backbone starts from; or a folder with a file for each training split, "
        "such as trial-1.pth. [default: the configuration's]",
    )]  # fmt: skip
    selection: Annotated[Selection, Option(
        "--select", type=click.Choice(get_args(Selection)), default="last", show_default=True,
        help="Model to keep: that of the last epoch, as papers do, or the best on validation "
        "people, who then are not trained on.",
    )]  # fmt: skip
    device: DeviceName
    precision: Annotated[str, Option(
        "--precision", type=click.Choice(["auto", *get_args(Precision)]), default="auto",
        show_default=True,
        help="Of training; auto is float32, but bfloat16 with the preset 'quick' on CUDA. "
        "tf32, of CUDA alone, is float32 with rounded factors.",
    )]  # fmt: skip
    threads: Threads
    processes: Annotated[int, Option(
        "--processes", type=click.IntRange(min=1, max=1024), default=1, show_default=True,
        metavar="N",
        help="Processes that share the work of each batch, each on a CUDA device of its own; "
        "the result is that of one. torchrun may start them as well.",
    )]  # fmt: skip
    accumulate: Annotated[int, Option(
        "--accumulate", type=click.IntRange(min=1, max=1024), default=1, show_default=True,
        metavar="N",
        help="Less memory for more time: each process runs the networks on N parts of its share, "
        "one after another, and computes activations again; the result is that of one part.",
    )]  # fmt: skip
    batch_statistics: Annotated[BatchStatistics, Option(
        "--batch-statistics", type=click.Choice(get_args(BatchStatistics)), default="whole",
        show_default=True,
        help="Batch normalisation by the statistics of the whole batch, or of each share of it "
        "that --processes and --accumulate make: less memory, another result, and recorded.",
    )]  # fmt: skip
    memory_budget: Annotated[int | None, Option(
        "--memory-budget", callback=read_memory, metavar="SIZE",
        help="Memory that a training step may take, such as 8GiB: says before training what it "
        "takes, and where that is more, what to set.",
    )]  # fmt: skip
    limit: Annotated[int | None, Option(
        "--limit", type=click.IntRange(min=1), metavar="N",
        help="Take N steps of each stage (and, in 'bench run', extract a few images), say what "
        "the whole would take, and keep nothing.",
    )]  # fmt: skip
    runs: Annotated[Path, Option(
        "--runs", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
        show_default=True, help="Folder of trainings: checkpoints, logs, features.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """One trained model, as `bench train` shows it.

    Attributes:
        split: Name of its training split.
        training: The identity of its training.
        model: Its file.
        seconds: How long the training took.
        waiting_for_data: Share of that in which it waited for data.
        selection: Which epoch's model is kept.
        selected_epoch: The epoch that validation selected; None without validation.
        validation_score: mAP on validation people; None without validation.
        cached: Whether it had been trained before.
        untouched: Whether training left the networks as they were: a model from elsewhere.
    """

    split: str
    training: str
    model: Path
    seconds: float
    waiting_for_data: float
    selection: Selection
    selected_epoch: int | None
    validation_score: float | None = field(metadata={NAME_IN_JSON: "validation_mAP"})
    cached: bool
    untouched: bool

    @classmethod
    def of(cls, model: TrainedModel) -> TrainingReport:
        """Return the report on a model."""
        description, report = model.description, model.report
        return cls(
            split=description.split,
            training=description.identity,
            model=model.path,
            seconds=report.seconds,
            waiting_for_data=report.waiting_for_data,
            selection=description.selection,
            selected_epoch=report.selected_epoch,
            validation_score=report.validation_score,
            cached=model.cached,
            untouched=report.untouched,
        )

    @property
    def state(self) -> str:
        """How the model came to be, in a few words, and whether its training waited for data."""
        found = "found, " if self.cached else ""
        if self.untouched:
            return f"{found}nothing was trained"
        waited = f"{100 * self.waiting_for_data:.1f} % of it waiting for data"
        state = f"{found}trained in {self.seconds:.0f} s, {waited}"
        if self.validation_score is None:
            return state
        score = f"{100 * self.validation_score:.2f} % mAP on validation people"
        return f"{state}; epoch {self.selected_epoch} selected, {score}"


def open_training(
    registry: Registry, protocol: ProtocolSpec, options: TrainingOptions
) -> tuple[MethodChoice, TrainingSettings, RunInputs]:
    """Resolve what shall be trained, and how; read the dataset; then count the memory of steps.

    Raises:
        UsageError: A name or a value is wrong, the device is not there, or a step takes more memory
            than it may.
        BenchError: The dataset cannot be read.
    """
    if options.selection == "validation":
        from bench_core.pipeline.inputs import validation_split

        validation_split(protocol)  # refuses what has no validation people, before it is read
    choice = choose(
        registry,
        options.method,
        options.preset,
        options.assignments,
        configuration=options.configuration,
        weights=options.weights,
        usual_preset=lambda: usual_preset_of(options.root),
    )
    settings = _settings(registry, choice, options)
    inputs = open_run_inputs(registry, protocol, options.root)
    if options.memory_budget is not None:
        from bench_core.pipeline.memory_budget import check_memory

        check_memory(choice, inputs, settings, options.memory_budget)
    return choice, settings, inputs


def own_device(options: TrainingOptions) -> torch.device:
    """Return the device of this process.

    Raises:
        UsageError: It is not there, or one is named for several processes.
    """
    from bench_core.system.devices import choose_device
    from bench_core.system.process_group import device_of_process

    return choose_device(device_of_process(options.device))


def choose(
    registry: Registry,
    method: str,
    preset: str | None,
    assignments: Sequence[str],
    *,
    configuration: Path | None = None,
    weights: str | None = None,
    usual_preset: Callable[[], str] = lambda: "paper",
) -> MethodChoice:
    """Resolve the options that name a method and its configuration.

    Args:
        registry: The plugins.
        method: The method.
        preset: The preset; without it that of the configuration file, else the usual one.
        assignments: What `--set` says.
        configuration: The configuration file, if any.
        weights: What `--weights` says, if anything.
        usual_preset: Says what the preset is where nothing names one.

    Raises:
        UsageError: A name or a value is wrong.
    """
    from bench_core.configuration import choose_method
    from bench_core.configuration_files import read_configuration

    spec, variant = registry.method(declared(registry, method))
    if weights is not None:
        kind = weights if weights in ("imagenet", "none") else "file"
        assignments = [*assignments, f"weights={kind}"]
    file = None if configuration is None else read_configuration(configuration)
    chosen = preset or (file and file.preset) or usual_preset()
    return choose_method(spec, variant, chosen, assignments, file)


def declared(registry: Registry, method: str) -> str:
    """Return the name of a method; of the file of a declaration, that of the model in it.

    Raises:
        UsageError: The file is not what it must be.
    """
    if not method.endswith(".toml"):
        return method
    from bench_core.released.declaration import declare

    return declare(registry, Path(method)).id


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


def usual_preset_of(root: Path | None) -> str:
    """Return the preset for data where none was asked for; of a folder, say which and why."""
    from bench_core.pipeline.inputs import usual_preset

    preset = usual_preset(root)
    if root is None:
        return preset
    people = "synthetic" if preset == "quick" else "real"
    line = f"Using the preset '{preset}', as {root} holds {people} people; --preset changes it."
    click.echo(terminal_line(line), err=True)
    return preset


def _settings(
    registry: Registry, choice: MethodChoice, options: TrainingOptions
) -> TrainingSettings:
    """Resolve the options that say how to train.

    Raises:
        UsageError: A value is wrong, or the device is not there.
    """
    from bench_core.loading import trains_nothing
    from bench_core.modeling.pretrained import parse_weights
    from bench_core.pipeline.attribution import attributed
    from bench_core.pipeline.trainings import TrainingSettings
    from bench_core.system.devices import choose_precision, default_threads

    device = own_device(options)
    number_format = choose_precision(options.precision, device, choice.preset.name)
    if options.precision == "auto":
        with attributed(registry, choice.spec.id):
            doing = "Extracting" if trains_nothing(choice.spec) else "Training"
        click.echo(f"{doing} in {number_format} on {device.type} (--precision auto).", err=True)

    def tell(epoch: FinishedEpoch) -> None:
        registry.notify(
            "bench_epoch_finished",
            training=epoch.training,
            stage=epoch.stage,
            epoch=epoch.epoch,
            num_epochs=epoch.num_epochs,
            losses=epoch.losses,
            folder=str(epoch.folder),
            line=epoch.line,
        )

    return TrainingSettings(
        seed=options.seed,
        weights=parse_weights(options.weights or choice.config.weights),
        device=device,
        precision=number_format,
        threads=options.threads or default_threads(),
        runs=options.runs,
        selection=options.selection,
        on_epoch=tell,
        sharing=_sharing(options),
    )


def _sharing(options: TrainingOptions) -> Sharing:
    """Return how batches are shared.

    Raises:
        UsageError: Statistics of shares are asked for, and there is one share.
    """
    from bench_core.modeling.sharing import Sharing

    sharing = Sharing(parts=options.accumulate, statistics=options.batch_statistics)
    if sharing.normalized_shares == 1:
        raise UsageError(
            "--batch-statistics share: a batch has no shares; add --processes N or --accumulate N"
        )
    return sharing
