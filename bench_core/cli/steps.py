"""`bench train`, `bench extract` and `bench eval`: the three steps of a run, each alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bench_core.cli import options
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.method import Metric, Precision, Selection
from bench_core.contracts.metrics import METRICS
from bench_core.system.standard_output import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.pipeline.trainings import TrainedModel
    from bench_core.plugins import Registry


@click.command()
@options.training_options
@options.json_option
@click.pass_obj
def train(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    method_name: str,
    protocol_id: str,
    root: Path | None,
    preset: str | None,
    assignments: tuple[str, ...],
    seed: int,
    weights: str | None,
    selection: Selection,
    device: str,
    precision: str,
    threads: int | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Train a method on the training split (or splits) of a protocol."""
    protocol = registry.protocol(protocol_id)
    options.check_selection(protocol, selection)
    choice = options.choose(registry, method_name, preset, assignments, root, weights)
    settings = options.training_settings(
        registry, choice, seed=seed, weights=weights, device=device, precision=precision,
        runs=runs, selection=selection, threads=threads,
    )  # fmt: skip
    inputs = options.open_run_inputs(registry, protocol, root)

    from bench_core.pipeline import trainings
    from bench_core.pipeline.attribution import attributed
    from bench_core.pipeline.trials import each_split

    splits = inputs.training_splits(selection)
    with attributed(registry, choice.spec.id):
        models = [trainings.train(choice, inputs, split, settings) for split in each_split(splits)]
    _print_models(models, as_json=as_json)


def _print_models(models: Sequence[TrainedModel], *, as_json: bool) -> None:
    if as_json:
        options.print_json(
            [
                {
                    "split": model.description.split,
                    "training": model.description.identity,
                    "model": str(model.path),
                    "seconds": model.report.seconds,
                    "waiting_for_data": model.report.waiting_for_data,
                    "selection": model.description.selection,
                    "selected_epoch": model.report.selected_epoch,
                    "validation_mAP": model.report.validation_score,
                    "cached": model.cached,
                }
                for model in models
            ]
        )
        return
    options.print_table(
        ["split", "state", "model"],
        [
            [
                model.description.split,
                options.training_state(model),
                str(model.path),
            ]
            for model in models
        ],
    )


@click.command()
@click.option(
    "--model", "model_path", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="model.safetensors of a training.",
)  # fmt: skip
@options.protocol_option
@options.data_option
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.npz",
    help="Feature file to write.",
)  # fmt: skip
@options.device_option
@click.option(
    "--precision", type=click.Choice(get_args(Precision)), default="float32", show_default=True,
    help="Of extraction; bfloat16 is faster, and features differ by less than 1 %.",
)  # fmt: skip
@options.threads_option
@options.json_option
@click.pass_obj
def extract(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    model_path: Path,
    protocol_id: str,
    root: Path | None,
    output: Path,
    device: str,
    precision: Precision,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write the features of all images that a trained model may be scored on.

    The file serves every protocol and convention of the dataset.
    """
    if output.suffix != ".npz":
        raise UsageError(f"--output {output}: the name of a feature file ends in .npz")
    protocol = registry.protocol(protocol_id)

    from bench_core.features.table import write_features
    from bench_core.pipeline import embeddings, trainings
    from bench_core.pipeline.attribution import attributed
    from bench_core.system.arithmetic import check_format
    from bench_core.system.devices import choose_device

    chosen = choose_device(device)
    check_format(precision, chosen)
    model = trainings.open_model(registry, model_path)
    inputs = options.open_run_inputs(registry, protocol, root)
    with attributed(registry, model.description.method):
        features, report = embeddings.extract(model, inputs, chosen, precision, threads)
    write_features(output, features)
    shape = features.features.shape
    if as_json:
        options.print_json(
            {
                "features": str(output),
                "shape": list(shape),
                "metric": features.metric,
                "seconds": report.seconds,
                "images_per_second": report.images_per_second,
                "device": report.device,
                "precision": report.precision,
            }
        )
        return
    echo(
        f"{shape[0]} images x {shape[1]} views x {shape[2]} dimensions, {features.metric}, in "
        f"{report.seconds:.1f} s in {report.precision} on {report.device}\nfeatures {output}"
    )


@click.command(name="eval")
@options.protocol_option
@click.option(
    "--features", "features_path", required=True, type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file .npz as 'bench extract' writes it; where a protocol trains a model for each "
    "trial, as RegDB's do, a folder of trial-1.npz, trial-2.npz and so on; or a folder of "
    "NAME_cam1.mat and so on as the authors' MATLAB evaluation of SYSU-MM01 reads it.",
)  # fmt: skip
@click.option(
    "--trial", type=click.IntRange(min=1), metavar="N",
    help="Score this trial alone, counted from 1; where each trial has a model of its own, "
    "--features is then the one .npz of this trial's.",
)  # fmt: skip
@click.option(
    "--metric", type=click.Choice(get_args(Metric)),
    help="Distance of features that name none. [default: euclidean]",
)  # fmt: skip
@click.option(
    "--splits", "splits_folder", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder with the dataset's split files, such as rand_perm_cam.mat and test_id.txt.",
)  # fmt: skip
@click.option(
    "--data", "root", type=click.Path(path_type=Path), metavar="ROOT",
    help="Root folder of the dataset, instead of --splits.",
)  # fmt: skip
@options.convention_option
@options.rerank_option
@click.option(
    "--per-query", "query_path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write the scores of each query in each trial to FILE.csv or FILE.parquet.",
)  # fmt: skip
@options.json_option
@click.pass_obj
def evaluate(  # noqa: PLR0913  # one argument an option
    registry: Registry,
    *,
    protocol_id: str,
    features_path: Path,
    trial: int | None,
    metric: Metric | None,
    splits_folder: Path | None,
    root: Path | None,
    convention: str | None,
    rerank: bool,
    query_path: Path | None,
    as_json: bool,
) -> None:
    """Score features under a protocol; no images are needed."""
    protocol = registry.protocol(protocol_id)
    chosen = options.resolve_convention(protocol, convention)
    splits = _read_splits(registry, protocol, splits_folder, root)
    findings = _look_at_images(registry, protocol, root)

    from bench_core.loading import load_protocol
    from bench_core.scoring.feature_files import FeatureSource, score_path
    from bench_core.scoring.per_query import check_query_file, write_query_file

    if query_path is not None:
        check_query_file(query_path)
    dataset = registry.dataset(protocol.dataset)
    source = FeatureSource(
        path=features_path, metric=metric, trial=None if trial is None else trial - 1
    )
    scores = score_path(source, dataset, load_protocol(protocol, splits), chosen, rerank=rerank)
    if query_path is not None:
        write_query_file(query_path, scores.evaluation, trial or 1)
    document: dict[str, Any] = {
        "protocol": protocol.id,
        "convention": chosen,
        "rerank": rerank,
        **({} if trial is None else {"trial": trial}),
        **scores.as_document(),
        "assumptions": list(scores.assumptions),
        "findings": list(findings),
    }
    if as_json:
        for assumption in scores.assumptions:
            click.echo(f"Note: {assumption}", err=True)
        options.print_json(document)
        return
    _print_evaluation(document)
    if query_path is not None:
        echo(f"queries {query_path}")


def _print_evaluation(document: dict[str, Any]) -> None:
    echo(
        f"{document['protocol']}, {document['convention']} galleries"
        f"{', re-ranked' if document['rerank'] else ''}: {document['valid_queries']} of "
        f"{document['queries']} queries have a match\n"
    )
    options.print_scores(document)
    _print_cameras(document["by_query_camera"])
    echo(f"\nintra-class cosine similarity (ICCS) {document['iccs']:.4f}")
    for assumption in document["assumptions"]:
        echo(f"assumed: {assumption}")


def _print_cameras(cameras: dict[str, Any]) -> None:
    """Print the mean scores of the queries of each camera, in percent."""
    echo()
    rows = [
        [
            camera,
            str(scores["valid_queries"]),
            *(f"{100 * scores['mean'][metric]:.2f}" for metric in METRICS),
        ]
        for camera, scores in cameras.items()
    ]
    options.print_table(["query camera", "queries", *METRICS], rows)


def _read_splits(
    registry: Registry, protocol: ProtocolSpec, folder: Path | None, root: Path | None
) -> Splits:
    if (folder is None) == (root is None):
        raise UsageError("give --splits DIR or --data ROOT, one of the two")
    chosen = folder or root
    if chosen is None or not chosen.is_dir():
        raise UsageError(f"--{'splits' if folder else 'data'} {chosen} is not a folder")

    from bench_core.data.opening import open_splits

    return open_splits(registry.dataset(protocol.dataset), chosen)


def _look_at_images(
    registry: Registry, protocol: ProtocolSpec, root: Path | None
) -> tuple[str, ...]:
    """Say, where a dataset's root is at hand, what differs from the published dataset."""
    if root is None:
        return ()
    from bench_core.data.opening import open_dataset
    from bench_core.data.verification.first_look import look_at
    from bench_core.pipeline.inputs import tell_findings

    spec = registry.dataset(protocol.dataset)
    try:
        findings = look_at(spec, open_dataset(spec, root))
    except DataError as error:  # the split files alone are enough to score
        findings = (f"its images could not be looked at: {error}",)
    tell_findings(spec, root, findings)
    return findings
