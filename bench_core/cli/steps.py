"""`bench train`, `bench extract` and `bench eval`: the three steps of a run, each alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench_core.cli import options
from bench_core.contracts.errors import UsageError

if TYPE_CHECKING:
    from bench_core.contracts.dataset import DatasetReader, Splits
    from bench_core.contracts.protocol import ProtocolSpec
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
    device: str,
    precision: str,
    runs: Path,
    as_json: bool,
) -> None:
    """Train a method on the training split (or splits) of a protocol."""
    protocol = registry.protocol(protocol_id)
    choice = options.choose(registry, method_name, preset, assignments, root, weights)
    settings = options.training_settings(
        registry, choice, seed=seed, weights=weights, device=device, precision=precision, runs=runs
    )
    inputs = options.open_run_inputs(registry, protocol, root)

    from bench_core.runs import trainings

    trials = range(protocol.num_trials)
    splits = dict.fromkeys(inputs.protocol.training_split(trial) for trial in trials)
    models = [trainings.train(choice, inputs, split, settings) for split in splits]
    if as_json:
        options.print_json(
            [
                {
                    "split": model.description.split,
                    "training": model.description.identity,
                    "model": str(model.path),
                    "seconds": model.report.seconds,
                    "waiting_for_data": model.report.waiting_for_data,
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
@options.json_option
@click.pass_obj
def extract(  # one argument an option
    registry: Registry,
    *,
    model_path: Path,
    protocol_id: str,
    root: Path | None,
    output: Path,
    device: str,
    as_json: bool,
) -> None:
    """Write the features of all images that a trained model may be scored on.

    The file serves every protocol and convention of the dataset.
    """
    if output.suffix != ".npz":
        raise UsageError(f"--output {output}: the name of a feature file ends in .npz")
    protocol = registry.protocol(protocol_id)

    from bench_core.devices import choose_device
    from bench_core.features import write_features
    from bench_core.runs import embeddings, trainings

    chosen = choose_device(device)
    model = trainings.open_model(registry, model_path)
    inputs = options.open_run_inputs(registry, protocol, root)
    features, report = embeddings.extract(model, inputs, chosen)
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
            }
        )
        return
    click.echo(
        f"{shape[0]} images x {shape[1]} views x {shape[2]} dimensions, {features.metric}, in "
        f"{report.seconds:.1f} s on {report.device}\nfeatures {output}"
    )


@click.command(name="eval")
@options.protocol_option
@click.option(
    "--features", "features_path", required=True, type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Features as 'bench extract' writes them.",
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
@options.json_option
@click.pass_obj
def evaluate(  # one argument an option
    registry: Registry,
    *,
    protocol_id: str,
    features_path: Path,
    splits_folder: Path | None,
    root: Path | None,
    convention: str | None,
    as_json: bool,
) -> None:
    """Score a file of features under a protocol; no images are needed."""
    protocol = registry.protocol(protocol_id)
    chosen = options.resolve_convention(protocol, convention)
    splits = _read_splits(registry, protocol, splits_folder, root)

    from bench_core.features import read_features
    from bench_core.runs.inputs import build_protocol
    from bench_core.scoring import score_features

    features = read_features(features_path)
    evaluation = score_features(features, build_protocol(protocol), splits, chosen)
    document: dict[str, Any] = {
        "protocol": protocol.id,
        "convention": chosen,
        "rerank": False,
        **evaluation.as_document(),
    }
    if as_json:
        options.print_json(document)
        return
    click.echo(
        f"{protocol.id}, {chosen} galleries: {document['valid_queries']} of "
        f"{document['queries']} queries have a match\n"
    )
    options.print_scores(document)


def _read_splits(
    registry: Registry, protocol: ProtocolSpec, folder: Path | None, root: Path | None
) -> Splits:
    if (folder is None) == (root is None):
        raise UsageError("give --splits DIR or --data ROOT, one of the two")
    chosen = folder or root
    if chosen is None or not chosen.is_dir():
        raise UsageError(f"--{'splits' if folder else 'data'} {chosen} is not a folder")

    from bench_core.plugins import load_object

    reader: DatasetReader = load_object(registry.dataset(protocol.dataset).reader)()
    return reader.read_splits(chosen)
