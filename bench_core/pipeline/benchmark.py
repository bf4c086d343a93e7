"""One run: train or look up, extract, score, cost, and write the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_core.configuration import MethodChoice
from bench_core.contracts.degraded import DegradationUsed
from bench_core.contracts.errors import UsageError
from bench_core.contracts.protocol import Convention
from bench_core.contracts.result import (
    SCHEMA_VERSION,
    Cost,
    DatasetUsed,
    MethodRun,
    Origin,
    ProtocolUsed,
    Provenance,
    ResultRecord,
)
from bench_core.contracts.scores import Scores
from bench_core.features.table import FeatureTable
from bench_core.pipeline.attribution import attributed
from bench_core.pipeline.costs import count_cost
from bench_core.pipeline.embeddings import ExtractionReport, features_of
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.trainings import TrainedModel, TrainingSettings, train
from bench_core.pipeline.trials import each_split
from bench_core.plugins import Registry
from bench_core.results.corruption_grid import with_known_grid
from bench_core.results.provenance import NOTHING_TRAINED, Trained, collect_provenance
from bench_core.results.query_scores import encode_query_table
from bench_core.results.store import read_result, write_result
from bench_core.scoring.reranking import RerankerChoice
from bench_core.scoring.score import ProtocolScores, score
from bench_core.system.files import check_writable, hash_json


@dataclass(frozen=True)
class ScoringSettings:
    """How features are scored.

    Attributes:
        convention: How galleries are drawn.
        reranker: What re-ranks distances before they are scored; None for none.
    """

    convention: Convention
    reranker: RerankerChoice | None = None


@dataclass(frozen=True)
class RunOutcome:
    """What a run left behind.

    Attributes:
        record: The result.
        path: Its file.
        models: The trained models, one for each training split.
    """

    record: ResultRecord
    path: Path
    models: tuple[TrainedModel, ...]


@dataclass(frozen=True)
class _Scored:
    model: TrainedModel
    features: FeatureTable
    report: ExtractionReport


def run_benchmark(
    registry: Registry,
    choice: MethodChoice,
    inputs: RunInputs,
    scoring: ScoringSettings,
    settings: TrainingSettings,
    *,
    results: Path,
    command: Sequence[str],
) -> RunOutcome:
    """Train a method (or use its finished training), score it and write the result.

    Args:
        registry: The plugins; its observers are told of the run.
        choice: The method.
        inputs: Protocol and dataset.
        scoring: How to score.
        settings: How to train.
        results: Folder that the result is written to.
        command: The command line, for the record.

    Raises:
        BenchError: Anything that a user may meet; nothing half-written is left behind.
    """
    protocol = inputs.protocol.spec
    _check_first(inputs, scoring.convention, results)
    registry.notify(
        "bench_run_started",
        method=choice.name,
        protocol=protocol.id,
        config=choice.config.model_dump(mode="json"),
    )
    trained_on = inputs.training_splits(settings.selection)
    scored = _train_and_extract_all(registry, choice, inputs, settings)
    scores = _score_all(inputs, scoring, scored)
    query_scores = encode_query_table(scores.evaluation.query_table)
    packages = registry.participants(
        protocol.id, choice.spec.id, scoring.reranker.spec.id if scoring.reranker else None
    )
    record = ResultRecord(
        schema_version=SCHEMA_VERSION,
        method=_method_run(choice, settings.seed),
        dataset=_dataset_used(inputs),
        protocol=_protocol_used(inputs, scoring),
        scores=Scores.model_validate(scores.as_document()),
        query_scores=hashlib.sha256(query_scores).hexdigest(),
        features=tuple(part.report.features for part in scored.values()),
        origin=_origin(inputs, [part.model for part in scored.values()]),
        cost=_cost(choice, settings, list(scored.values())),
        provenance=_provenance(
            command, packages, settings, [scored[split].model for split in trained_on]
        ),
    )
    path = write_result(results, with_known_grid(results, record), query_scores)
    record = read_result(path)
    models = tuple(part.model for part in scored.values())
    folders = tuple(str(model.path.parent) for model in models)
    registry.notify("bench_run_finished", record=record, path=str(path), folders=folders)
    return RunOutcome(record, path, models)


def _score_all(
    inputs: RunInputs, scoring: ScoringSettings, scored: Mapping[str, _Scored]
) -> ProtocolScores:
    features = {split: part.features for split, part in scored.items()}
    return score(features, inputs.protocol, scoring.convention, reranker=scoring.reranker)


def _check_first(inputs: RunInputs, convention: Convention, results: Path) -> None:
    """Find out before the training what would fail after it: a gallery draw, the results folder.

    Raises:
        BenchError: A trial cannot be drawn, or the folder cannot be written.
    """
    for trial in range(inputs.protocol.spec.num_trials):
        inputs.protocol.trial(inputs.dataset.images, convention, trial)
    check_writable(results)


def take_part(
    registry: Registry, choice: MethodChoice, inputs: RunInputs, settings: TrainingSettings
) -> None:
    """Train and extract with the process that runs `run_benchmark`, which does all else.

    Raises:
        BenchError: Anything that a user may meet.
    """
    _train_and_extract_all(registry, choice, inputs, settings)


def _train_and_extract_all(
    registry: Registry, choice: MethodChoice, inputs: RunInputs, settings: TrainingSettings
) -> dict[str, _Scored]:
    with attributed(registry, choice.spec.id):
        return {
            split: _train_and_extract(choice, inputs, split, settings)
            for split in each_split(inputs.training_splits(settings.selection))
        }


def _train_and_extract(
    choice: MethodChoice, inputs: RunInputs, split: str, settings: TrainingSettings
) -> _Scored:
    model = train(choice, inputs, split, settings)
    features, report = features_of(model, inputs, settings.device, settings.threads)
    model.method.networks.cpu()  # a device need not hold the models of all trials at once
    return _Scored(model, features, report)


def _method_run(choice: MethodChoice, seed: int) -> MethodRun:
    _, _, variant = choice.name.partition(":")
    return MethodRun(
        id=choice.spec.id,
        title=choice.spec.title,
        variant=variant or None,
        preset=choice.preset.name,
        overrides=choice.overridden_keys,
        config=choice.config.model_dump(mode="json"),
        seed=seed,
        fidelity=choice.spec.fidelity,
    )


def _origin(inputs: RunInputs, models: Sequence[TrainedModel]) -> Origin:
    """Say where the models came from; one for each training split.

    Raises:
        UsageError: One weights file is the model of several splits, under two names.
    """
    files = [model.weights_file for model in models if model.weights_file is not None]
    if len(files) < len(models):
        return Origin()
    if len(set(files)) < len(files):
        raise UsageError(
            f"--weights: {len(files) - len(set(files))} of {len(files)} files are copies of "
            f"another; {inputs.protocol.spec.id} needs a model for each training split"
        )
    return Origin(kind="trained-elsewhere", files=tuple(files))


def _provenance(
    command: Sequence[str],
    packages: Sequence[str],
    settings: TrainingSettings,
    models: Sequence[TrainedModel],
) -> Provenance:
    """Collect the provenance of models, one a trial; those from elsewhere claim no training."""
    labels = list(dict.fromkeys(model.description.weights for model in models))
    several = f"sha256:{hash_json(labels)}"
    trained_here = any(model.weights_file is None for model in models)
    return collect_provenance(
        command,
        packages,
        weights=labels[0] if len(labels) == 1 else several,
        selection=settings.selection,
        trained=_trained(models) if trained_here else NOTHING_TRAINED,
    )


def _trained(models: Sequence[TrainedModel]) -> Trained:
    first = models[0].description
    return Trained(
        identities=tuple(model.description.identity for model in models),
        number_format=first.precision,
        threads=first.threads,
        processes=_most(model.report.processes for model in models),
        parts=_most(model.report.parts for model in models),
        normalized_shares=first.normalized_shares,
    )


def _most(numbers: Iterable[int | None]) -> int | None:
    return max((number for number in numbers if number is not None), default=None)


def _dataset_used(inputs: RunInputs) -> DatasetUsed:
    return DatasetUsed(
        id=inputs.dataset.id,
        title=inputs.spec.title,
        fingerprint=inputs.fingerprint,
        synthetic=inputs.dataset.synthetic,
        num_images=len(inputs.dataset.images),
        findings=inputs.findings,
    )


def _protocol_used(inputs: RunInputs, scoring: ScoringSettings) -> ProtocolUsed:
    spec = inputs.protocol.spec
    return ProtocolUsed(
        id=spec.id,
        convention=scoring.convention,
        rerank=scoring.reranker is not None,
        reranker=scoring.reranker.used if scoring.reranker else None,
        splits=inputs.dataset.splits.digest(),
        query_modality=spec.query_modality,
        gallery_modality=spec.gallery_modality,
        degradation=DegradationUsed.of(spec.degradation),
    )


def _cost(choice: MethodChoice, settings: TrainingSettings, scored: Sequence[_Scored]) -> Cost:
    first = scored[0]
    num_identities = first.model.description.num_identities
    cost = count_cost(choice, settings.device, num_identities=num_identities)
    counted = cost.inference
    macs = max(counted.macs.values())
    seconds = sum(part.report.seconds for part in scored)
    images = sum(part.report.num_images for part in scored)
    return Cost(
        parameters=counted.parameters,
        training_only_parameters=counted.training_only_parameters,
        training_macs=cost.training_macs,
        macs=macs,
        flops=2 * macs,
        macs_visible=counted.macs["visible"],
        macs_infrared=counted.macs["infrared"],
        images_per_second=round(images / seconds, 2),
        extraction_seconds=round(seconds, 3),
        training_seconds=round(sum(part.model.report.seconds for part in scored), 3),
        device=first.report.device,
        precision=first.report.precision,
    )
