"""`bench train`, `bench extract` and `bench eval`: the three steps of a run, each alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import click

from bench_core.cli.limited import try_training
from bench_core.cli.options import (
    AsJson,
    ConventionName,
    DataRoot,
    DeviceName,
    MetricName,
    Option,
    ProtocolId,
    RerankerName,
    RerankerSettings,
    RowOrderName,
    Threads,
    receives,
    resolve_convention,
    resolve_reranker,
)
from bench_core.cli.outside import OutsideOptions, extract_outside, is_outside
from bench_core.cli.printing import (
    print_json,
    print_paragraph,
    print_scores,
    print_table,
    show_search,
    show_shape,
)
from bench_core.cli.recording import RecordOptions, open_recording
from bench_core.cli.several_processes import worked_for_us
from bench_core.cli.split_files import look_at_images, read_splits
from bench_core.cli.training import (
    TrainingOptions,
    TrainingReport,
    open_run_inputs,
    open_training,
    own_device,
)
from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Metric, Precision
from bench_core.contracts.metrics import METRICS
from bench_core.contracts.protocol import GIVEN
from bench_core.leaderboard.cells import percent
from bench_core.system.process_group import is_first, joined
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench_core.contracts.protocol import Convention
    from bench_core.contracts.reranked import RerankerUsed
    from bench_core.evaluation.summary import Evaluation
    from bench_core.plugins import Registry
    from bench_core.scoring.score import ProtocolScores


@dataclass(frozen=True, kw_only=True)
class TrainOptions(TrainingOptions):
    """What is trained and how; each option says what it means."""

    trial: Annotated[int | None, Option(
        "--trial", type=click.IntRange(min=1), metavar="N",
        help="Train for this trial alone, counted from 1, where each trial has a training split.",
    )]  # fmt: skip
    as_json: AsJson


@click.command()
@receives(TrainOptions)
@click.pass_obj
def train(registry: Registry, options: TrainOptions) -> None:
    """Train a method on the training split (or splits) of a protocol."""
    protocol = registry.protocol(options.protocol)
    if worked_for_us(options.processes):
        return
    with joined(own_device(options)):
        choice, settings, inputs = open_training(registry, protocol, options)

        from bench_core.pipeline import trainings
        from bench_core.pipeline.attribution import attributed
        from bench_core.pipeline.trials import each_split

        splits = _of_trial(inputs.training_splits(options.selection), options.trial)
        if options.limit is not None:
            try_training(registry, choice, inputs, splits, settings, options)
            return
        with attributed(registry, choice.spec.id):
            models = [
                trainings.train(choice, inputs, split, settings) for split in each_split(splits)
            ]
        if not is_first():
            return
    reports = [TrainingReport.of(model) for model in models]
    if options.as_json:
        print_json(reports)
        return
    columns = ["split", "state"]
    print_table(columns, [[report.split, report.state] for report in reports], text=columns)
    echo()
    for report in reports:
        echo(f"model    {report.model}")


def _of_trial(splits: list[str], trial: int | None) -> list[str]:
    """Return the training split of a trial, counted from 1; without one, those of all trials.

    Raises:
        UsageError: There is no such trial.
    """
    if trial is None:
        return splits
    if trial > len(splits):
        raise UsageError(f"--trial {trial}: the protocol has trials 1 to {len(splits)}")
    return [splits[trial - 1]]


@dataclass(frozen=True, kw_only=True)
class ExtractOptions:
    """What is extracted from what; each option says what it means."""

    model: Annotated[Path | None, Option(
        "--model", type=click.Path(path_type=Path), metavar="FILE",
        help="model.safetensors of a training.",
    )]  # fmt: skip
    protocol: ProtocolId
    root: DataRoot
    output: Annotated[Path, Option(
        "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE.npz", help="Feature file to write.",
    )]  # fmt: skip
    device: DeviceName
    precision: Annotated[Precision, Option(
        "--precision", type=click.Choice(get_args(Precision)), default="float32",
        show_default=True,
        help="Of extraction; bfloat16 is faster, and features differ by less than 1 %.",
    )]  # fmt: skip
    threads: Threads
    as_json: AsJson


@dataclass(frozen=True, kw_only=True)
class ExtractedFeatures:
    """What `bench extract` wrote.

    Attributes:
        features: The file.
        shape: (N, V, D): images, views, dimensions.
        metric: Their metric.
        seconds: How long extraction took.
        images_per_second: How fast it was.
        device: Where it ran.
        precision: In which number format.
    """

    features: Path
    shape: tuple[int, ...]
    metric: Metric
    seconds: float
    images_per_second: float
    device: str
    precision: Precision


@click.command()
@receives(ExtractOptions)
@receives(OutsideOptions)
@click.pass_obj
def extract(registry: Registry, options: ExtractOptions, outside: OutsideOptions) -> None:
    """Write the features of all images that a trained model may be scored on.

    The file serves every protocol and convention of the dataset, but for corrupted ones, of which
    each has its own. With --python, another
    interpreter extracts those of a released model, for code that needs an old torch.
    """
    output = options.output
    if output.suffix != ".npz":
        raise UsageError(f"--output {output}: the name of a feature file ends in .npz")
    protocol = registry.protocol(options.protocol)
    if is_outside(options, outside) or options.model is None:
        extract_outside(registry, protocol, options, outside)
        return

    from bench_core.features.table import write_features
    from bench_core.pipeline import embeddings, trainings
    from bench_core.pipeline.attribution import attributed
    from bench_core.system.devices import check_format, choose_device

    device = choose_device(options.device)
    check_format(options.precision, device)
    model = trainings.open_model(registry, options.model)
    inputs = open_run_inputs(registry, protocol, options.root)
    with attributed(registry, model.description.method):
        features, report = embeddings.extract(
            model, inputs, device, options.precision, options.threads
        )
    write_features(output, features)
    written = ExtractedFeatures(
        features=output,
        shape=features.features.shape,
        metric=features.metric,
        seconds=report.seconds,
        images_per_second=report.images_per_second,
        device=report.device,
        precision=report.precision,
    )
    if options.as_json:
        print_json(written)
    else:
        _print_extraction(written)


def _print_extraction(written: ExtractedFeatures) -> None:
    echo(
        f"{show_shape(written.shape)}, {written.metric}, in "
        f"{written.seconds:.1f} s in {written.precision} on {written.device}\n"
        f"features {written.features}"
    )


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """What is scored and how; each option says what it means."""

    protocol: ProtocolId
    features: Annotated[Path, Option(
        "--features", required=True, type=click.Path(path_type=Path), metavar="PATH",
        help="A file .npz as 'bench extract' writes it, a folder of NAME_cam1.mat and so on, "
        "pytorch_result.mat and others: see 'bench features info'. Where a protocol trains a "
        "model for each trial, as RegDB's do, a folder of trial-1.npz, trial-2.npz and so on.",
    )]  # fmt: skip
    trial: Annotated[int | None, Option(
        "--trial", type=click.IntRange(min=1), metavar="N",
        help="Score this trial alone, counted from 1; where each trial has a model of its own, "
        "--features is then the one .npz of this trial's.",
    )]  # fmt: skip
    metric: MetricName
    row_order: RowOrderName
    splits: Annotated[Path | None, Option(
        "--splits", type=click.Path(path_type=Path), metavar="DIR",
        help="Folder with the dataset's split files, such as rand_perm_cam.mat and "
        "test_id.txt.",
    )]  # fmt: skip
    root: Annotated[Path | None, Option(
        "--data", type=click.Path(path_type=Path), metavar="ROOT",
        help="Root folder of the dataset, instead of --splits.",
    )]  # fmt: skip
    convention: ConventionName
    reranker: RerankerName
    reranker_settings: RerankerSettings
    per_query: Annotated[Path | None, Option(
        "--per-query", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="Write the scores of each query in each trial to FILE.csv or FILE.parquet.",
    )]  # fmt: skip
    as_json: AsJson


@dataclass(frozen=True, kw_only=True, eq=False)
class EvalReport:
    """The scores of features, with what they are of.

    Attributes:
        protocol: Id of the protocol.
        convention: How galleries were drawn.
        metric: Distance by which images were compared.
        reranker: What re-ranked the distances; None where they were not.
        trial: The only trial, from 1; None for all.
        scores: The scores.
        findings: How the dataset differs from the published one.
        record: The result record, where one was written.
    """

    protocol: str
    convention: Convention
    metric: str
    reranker: RerankerUsed | None
    trial: int | None
    scores: ProtocolScores
    findings: tuple[str, ...]
    record: Path | None = None

    def as_document(self) -> dict[str, Any]:
        """Return what `bench eval --json` prints."""
        return {
            "protocol": self.protocol,
            "convention": self.convention,
            "metric": self.metric,
            "rerank": self.reranker is not None,
            "reranker": self.reranker.model_dump(include={"id", "config"}, mode="json")
            if self.reranker
            else None,
            **({} if self.trial is None else {"trial": self.trial}),
            **self.scores.as_document(),
            "assumptions": list(self.scores.assumptions),
            "findings": list(self.findings),
            **({} if self.record is None else {"record": str(self.record)}),
        }


@click.command(name="eval")
@receives(EvalOptions)
@receives(RecordOptions)
@click.pass_obj
def evaluate(registry: Registry, options: EvalOptions, recorded: RecordOptions) -> None:
    """Score features under a protocol; no images are needed.

    With --record --name TEXT the scores become a row of the leaderboard.
    """
    protocol = registry.protocol(options.protocol)
    if options.convention != GIVEN:
        resolve_convention(protocol, options.convention)
    reranker = resolve_reranker(registry, protocol, options.reranker, options.reranker_settings)
    splits = read_splits(registry, protocol, options.splits, options.root)
    recording = open_recording(registry, protocol, recorded, options.root, options.splits)
    if recording is not None and recording.evidence.inputs is not None:
        findings = recording.evidence.inputs.findings
    else:
        findings = look_at_images(registry, protocol, options.root)

    from bench_core.loading import load_protocol
    from bench_core.scoring.feature_files import FeatureSource, open_source
    from bench_core.scoring.per_query import check_query_file, write_query_file

    if options.per_query is not None:
        check_query_file(options.per_query)
    dataset = registry.dataset(protocol.dataset)
    trial = None if options.trial is None else options.trial - 1
    source = FeatureSource(
        path=options.features, metric=options.metric, trial=trial, row_order=options.row_order
    )
    opened = open_source(source, dataset, load_protocol(protocol, splits))
    convention = opened.resolve_convention(options.convention)
    images = None if recording is None else recording.images_used(opened, dataset, convention)
    used = reranker.used if reranker else None
    scores = opened.score(convention, reranker)
    record = None
    if recording is not None and images is not None:
        record = recording.write(opened, images, scores, splits, convention, used)
    if options.per_query is not None:
        write_query_file(options.per_query, scores.evaluation, options.trial or 1)
    report = EvalReport(
        protocol=protocol.id,
        convention=convention,
        metric=opened.metric,
        reranker=used,
        trial=options.trial,
        scores=scores,
        findings=findings,
        record=record,
    )
    if options.as_json:
        for assumption in scores.assumptions:
            click.echo(f"Note: {assumption}", err=True)
        print_json(report)
        return
    _print_evaluation(report)
    if options.per_query is not None:
        echo(f"queries {options.per_query}")
    if record is not None:
        echo(f"result  {record}")


def _print_evaluation(report: EvalReport) -> None:
    from bench_core.contracts.scores import Scores

    scores = Scores.model_validate(report.scores.evaluation.as_document())
    echo(
        f"{report.protocol}, {report.convention} galleries"
        f"{report.reranker.phrase if report.reranker else ''}, {report.metric} distances\n"
        f"{show_search(scores)}\n"
    )
    print_scores(scores, report.trial or 1)
    echo()
    _print_cameras(report.scores.by_query_camera)
    echo(f"\nintra-class cosine similarity (ICCS) {report.scores.similarity:.4f}")
    for assumption in report.scores.assumptions:
        print_paragraph(f"assumed: {assumption}")


def _print_cameras(cameras: Mapping[int, Evaluation]) -> None:
    """Print the mean scores of the queries of each camera, in percent."""
    rows = [
        [
            str(camera),
            str(min(trial.num_valid_queries for trial in scores.trials)),
            *map(percent, scores.mean.values()),
        ]
        for camera, scores in cameras.items()
    ]
    print_table(["query camera", "queries", *METRICS], rows)
