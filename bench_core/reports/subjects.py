"""What a report is about: a stored result, or a trained model that is scored for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import CheckpointError, DataError, UsageError
from bench_core.contracts.scores import Scores
from bench_core.features.table import FeatureTable
from bench_core.leaderboard.settings import changes_of, reranker_settings
from bench_core.pipeline.embeddings import features_of, tested_rows
from bench_core.pipeline.inputs import RunInputs, open_inputs
from bench_core.pipeline.trainings import TrainedModel, find_model, open_model
from bench_core.results.store import read_result
from bench_core.scoring.reranking import RerankerChoice, reopen_reranker
from bench_core.scoring.score import score, trials_of
from bench_core.training.code import training_code_hash
from bench_core.training.log import LOG_FILE
from bench_core.training.run import MODEL_FILE

if TYPE_CHECKING:
    from bench_core.contracts.protocol import Convention, ProtocolSpec
    from bench_core.contracts.reranked import RerankerUsed
    from bench_core.contracts.result import Cost, ResultRecord
    from bench_core.plugins import Registry

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How a report is made.

    Attributes:
        root: Root folder of the dataset; None for synthetic people.
        runs: Folder of trainings, in which the model of a result is looked for.
        cache: Folder for what can be made again.
        device: Where features are extracted and images generated.
        protocol: Protocol that a run is scored under; None for its dataset's first.
        convention: How galleries are drawn for a run; None for the protocol's first.
        inception: Weights of an Inception network, for FID; None for no such FID.
        umap: Whether the features are mapped by UMAP, too.
    """

    root: Path | None
    runs: Path
    cache: Path
    device: torch.device
    protocol: str | None = None
    convention: Convention | None = None
    inception: Path | None = None
    umap: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a report is about.

    Attributes:
        label: The method with all that was done besides, such as "xiv:baseline + re-ranking".
        dataset: Name of the dataset for people.
        synthetic: Whether the people were rendered.
        protocol: Id of the protocol.
        convention: How galleries were drawn.
        reranker: What re-ranked the distances; None where nothing did.
        scores: The scores.
        first_trial: Number of the first trial of `scores`, from 0; its searches are shown.
        cost: What the method costs, where it was measured.
        foreign: Whether features or distances alone are known.
        config: The method's whole configuration.
        origin: Where it came from, by name.
        paper: The method's publication; None where no installed plugin knows the method.
        remarks: What was found of the data, and what was assumed.
    """

    label: str
    dataset: str
    synthetic: bool
    protocol: str
    convention: Convention
    reranker: RerankerUsed | None
    scores: Scores
    first_trial: int
    cost: Cost | None
    config: dict[str, Any]
    origin: dict[str, str]
    paper: str | None
    foreign: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """The model of a subject, with the images that it may be scored on.

    Attributes:
        model: The trained model.
        inputs: The dataset and the protocol.
        features: Features of the images.
        code_changed: Whether the sources of the method's package differ from those it was trained
            with.
        reranker: What re-ranks distances; None for nothing.
    """

    model: TrainedModel
    inputs: RunInputs
    features: FeatureTable
    code_changed: bool
    reranker: RerankerChoice | None = None

    def pixels(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images of some rows of `features`, uint8 (rows, H, W, 3)."""
        stored, tested = self._stored
        found: NDArray[np.uint8] = stored[tested[rows]]
        return found

    @cached_property
    def _stored(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        config = self.model.config
        rows = tested_rows(self.model, self.inputs)
        scored = self.inputs.scored_images(rows, config.image_size, config.resize_filter)
        return scored.store.pixels, scored.rows


@dataclass(frozen=True)
class Opened:
    """A subject with its model, or with the reason why there is none.

    Attributes:
        subject: What the report is about.
        trained: Its model, where it and what it needs are at hand.
        why_not: Why there is none.
        log: Log of the training, where its folder is at hand.
    """

    subject: Subject
    trained: Trained | None
    why_not: str = ""
    log: Path | None = None


def open_subject(registry: Registry, path: Path, options: ReportOptions) -> Opened:
    """Read a result record, a training folder or a model file.

    Raises:
        UsageError: The path is none of these, or an option contradicts a record.
        BenchError: A file is not what it must be, or does not fit the dataset.
    """
    if path.is_dir() and (path / MODEL_FILE).is_file():
        return _open_run(registry, path / MODEL_FILE, options)
    if path.is_file() and path.suffix == ".safetensors":
        return _open_run(registry, path, options)
    if path.is_file() and path.suffix == ".json":
        return _open_result(registry, path, options)
    raise UsageError(
        f"{path} is neither a result record (.json), nor a folder with a {MODEL_FILE}, nor such a "
        "file; results lie under 'results', finished trainings under 'runs'"
    )


def _open_result(registry: Registry, path: Path, options: ReportOptions) -> Opened:
    record = read_result(path)
    _check_options(path, record, options)
    subject = _of_record(registry, path, record)
    if not record.provenance.training_identities:
        return Opened(subject, None, "the model was not trained here, and is not kept")
    identity = record.provenance.training_identities[0]
    model_path = find_model(options.runs, record.dataset.id, identity)
    if model_path is None:
        return Opened(
            subject,
            None,
            f"the model (training {identity[:12]}) is not below {options.runs}; name its folder "
            "with --runs, or run the method again",
        )
    log = model_path.parent / LOG_FILE
    if why_not := _what_is_missing(registry, record, options):
        return Opened(subject, None, why_not, log)
    try:
        model = open_model(registry, model_path, record.method.config)
        used = record.protocol.reranker
        reranker = reopen_reranker(registry, used, record.protocol.id) if used else None
    except (CheckpointError, UsageError) as error:  # the rest of the report needs no model
        return Opened(subject, None, str(error), log)
    trained = _with_images(registry, model, registry.protocol(record.protocol.id), options)
    return Opened(subject, replace(trained, reranker=reranker), log=log)


def _what_is_missing(registry: Registry, record: ResultRecord, options: ReportOptions) -> str:
    """Say why the model of a record cannot be run; nothing where it can."""
    reranker = record.protocol.reranker
    known: Mapping[str, object]
    for kind, name, known in (
        ("method", record.method.id, registry.methods),
        ("protocol", record.protocol.id, registry.protocols_and_twins),
        ("re-ranker", reranker.id if reranker else None, registry.rerankers),
    ):
        if name is not None and name not in known:
            return f"no installed plugin has the {kind} '{name}'; install it"
    if options.root is None and not record.dataset.synthetic:
        return "the images are needed; name the dataset with --data ROOT"
    return ""


def _check_options(path: Path, record: ResultRecord, options: ReportOptions) -> None:
    for option, given, own in (
        ("protocol", options.protocol, record.protocol.id),
        ("convention", options.convention, record.protocol.convention),
    ):
        if given not in (None, own):
            raise UsageError(f"--{option} {given} contradicts {path}, which is of {own}")


def _open_run(registry: Registry, path: Path, options: ReportOptions) -> Opened:
    model = open_model(registry, path)
    protocol = _choose_protocol(registry, model, options)
    trained = _with_images(registry, model, protocol, options)
    subject = _of_run(registry, trained, options.convention)
    return Opened(subject, trained, log=path.parent / LOG_FILE)


def _choose_protocol(
    registry: Registry, model: TrainedModel, options: ReportOptions
) -> ProtocolSpec:
    """Return the protocol asked for, or the first that the dataset's plugin registers."""
    if options.protocol is not None:
        return registry.protocol(options.protocol)
    protocols = registry.protocols_of(model.description.dataset)
    if not protocols:
        raise UsageError(
            f"{model.path} was trained on '{model.description.dataset}', of which no installed "
            "plugin has a protocol; install the plugin"
        )
    return protocols[0]


def _with_images(
    registry: Registry, model: TrainedModel, protocol: ProtocolSpec, options: ReportOptions
) -> Trained:
    inputs = open_inputs(registry, protocol, options.root, options.cache)
    description = model.description
    if options.root is None and inputs.fingerprint != description.fingerprint:
        raise DataError(
            f"{model.path} was not trained on the synthetic people that are used without --data; "
            "name its dataset with --data ROOT"
        )
    features, _ = features_of(model, inputs, options.device)
    spec, _ = registry.method(description.method)
    return Trained(
        model=model,
        inputs=inputs,
        features=features,
        code_changed=training_code_hash(spec.method) != description.code,
    )


def _of_run(registry: Registry, trained: Trained, convention: Convention | None) -> Subject:
    """Score a model on the trials of its training split."""
    inputs, description = trained.inputs, trained.model.description
    spec, variant = registry.method(f"{description.method}:{description.variant}")
    chosen = convention or inputs.protocol.spec.conventions[0]
    trials = trials_of(inputs.protocol, description.split)
    scores = score({description.split: trained.features}, inputs.protocol, chosen, trials=trials)
    return Subject(
        label=spec.label(variant),
        dataset=inputs.spec.title,
        synthetic=inputs.dataset.synthetic,
        protocol=inputs.protocol.spec.id,
        convention=chosen,
        reranker=None,
        scores=Scores.model_validate(scores.as_document()),
        first_trial=trials[0],
        cost=None,
        config=dict(description.config),
        origin=_origin_of_run(trained.model),
        paper=_paper(registry, spec.id),
        remarks=inputs.findings,
    )


def _origin_of_run(model: TrainedModel) -> dict[str, str]:
    description, report = model.description, model.report
    return {
        "model": str(model.path),
        "training": description.identity,
        "training time": f"{report.seconds:,.0f} s on {report.device}",
        "seed": str(description.seed),
        "weights": description.weights,
        "selection": description.selection,
        "precision of training": description.precision,
        "data": f"{description.dataset}, fingerprint {description.fingerprint[:12]}, "
        f"training split {description.split}",
    }


def _paper(registry: Registry, method: str) -> str | None:
    """Return the publication of a method; None where no installed plugin registers it."""
    spec = registry.methods.get(method)
    if spec is None:
        return None
    paper = spec.paper
    return f"{paper.authors}: {paper.title}. {paper.venue} {paper.year}"


def _of_record(registry: Registry, path: Path, record: ResultRecord) -> Subject:
    return Subject(
        label=record.label,
        dataset=record.dataset.title or record.dataset.id,
        synthetic=record.dataset.synthetic,
        protocol=record.protocol.id,
        convention=record.protocol.convention,
        reranker=record.protocol.reranker,
        scores=record.scores,
        first_trial=0,
        cost=record.cost,
        config=dict(record.method.config),
        origin=_origin_of_record(path, record),
        paper=None if record.is_foreign else _paper(registry, record.method.id),
        foreign=record.is_foreign,
        remarks=(
            *(f"Of the data: {finding}" for finding in record.dataset.findings),
            *(f"Assumed: {assumption}" for assumption in record.protocol.assumptions),
        ),
    )


def _origin_of_record(path: Path, record: ResultRecord) -> dict[str, str]:
    method, dataset, provenance = record.method, record.dataset, record.provenance
    changed = " (with changes)" if provenance.git_dirty else ""
    versions = sorted(provenance.versions.items())
    trainings = dict.fromkeys(provenance.training_identities)
    return {
        "result": str(path),
        "created": provenance.created.isoformat(timespec="seconds"),
        "command": " ".join(provenance.command),
        "preset": ", ".join((method.preset or UNKNOWN, *changes_of(record))),
        "seed": UNKNOWN if method.seed is None else str(method.seed),
        "weights": provenance.weights or UNKNOWN,
        "model": record.origin.kind.replace("-", " "),
        "files from outside": ", ".join(digest[:12] for digest in record.origin.files),
        "number formats": f"training {provenance.training_format or UNKNOWN}, extraction "
        f"{record.cost.precision if record.cost else UNKNOWN}",
        "selection": provenance.selection or UNKNOWN,
        "re-ranking": _reranking(record),
        "trainings": ", ".join(identity[:12] for identity in trainings),
        "data": f"{dataset.id}{', as claimed' if dataset.evidence == 'features' else ''}, "
        f"{dataset.num_images:,} images, fingerprint "
        f"{dataset.fingerprint[:12]}, splits {record.protocol.splits[:12]}",
        "git commit": f"{provenance.git_commit or UNKNOWN}{changed}",
        "platform": provenance.platform,
        "versions": ", ".join(f"{name} {version}" for name, version in versions),
    }


def _reranking(record: ResultRecord) -> str:
    """Return what re-ranked a result, with all its settings; nothing where nothing did."""
    used = record.protocol.reranker
    if used is None:
        return ""
    words = (used.id, *reranker_settings(record), used.package or "")
    return ", ".join(filter(None, words))
