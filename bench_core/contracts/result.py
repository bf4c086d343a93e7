"""What a result is: one scored run, with all that is needed to compare it and to repeat it.

A record loads without torch, pandas or the plugin that made it. Fractions lie in [0, 1].
"""

# Annotations are evaluated when the classes are made, so this module does not postpone them.
import json
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue, field_validator, model_validator

from bench_core.contracts.degraded import CorruptionGrid, DegradationUsed
from bench_core.contracts.images import Modality
from bench_core.contracts.method import Fidelity, Precision, Selection
from bench_core.contracts.reranked import RerankerUsed
from bench_core.contracts.scores import Metrics, PositiveCount, RecordPart, Scores

SCHEMA_VERSION: Final = 3

Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
"""An id that is safe in file names."""
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hex."""
Count: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
Lines: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1, pattern=r"^[^\r\n]*$")], ...], Field(strict=False)
]
"""Remarks, each on one line."""
OriginKind: TypeAlias = Literal["trained-here", "trained-elsewhere", "features", "given"]
"""Where a model came from: trained by this program; a weights file, whose training is its author's
word; features from outside; or features whose gallery was drawn outside and cannot be redrawn."""
FOREIGN: Final = frozenset({"features", "given"})
"""Origins of which this program saw features or distances alone, and never the model."""
Evidence: TypeAlias = Literal["images", "features"]
"""What a fingerprint of images is of: of the images themselves; or of what features say of theirs,
which is their author's word."""
PositiveNumber: TypeAlias = Annotated[float, Field(gt=0)]
Duration: TypeAlias = Annotated[float, Field(ge=0)]
"""Seconds."""


class Origin(RecordPart):
    """Where the scored model came from.

    Attributes:
        kind: One of `OriginKind`.
        files: SHA-256 of the weights or feature files that came from outside, in the order of
            trials, of features of several files each of them; none where the model was trained
            here, or where distances were handed over in memory.
    """

    kind: OriginKind = "trained-here"
    files: Annotated[tuple[Sha256, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _files_are_of_what_came_from_outside(self) -> Self:
        if self.kind != "given" and (self.kind == "trained-here") != (not self.files):
            raise ValueError("files are named for what came from outside, and for nothing else")
        return self


class MethodRun(RecordPart):
    """The method that ran.

    Attributes:
        id: Id of its `MethodSpec`; of a model from outside, made of the title.
        title: Name for people; of a model from outside, what its author calls it.
        variant: Name of the ablation; None for the full method.
        preset: Name of the preset that the configuration started from; None where it is unknown.
        overrides: Configuration keys that were set by hand over the preset.
        config: The whole configuration, as JSON; of a model from outside, what is known of it.
        seed: Seed of the training; None where it is unknown.
        fidelity: What the implementation rests on, as its `MethodSpec` says; None where it does
            not, of models from outside, and in older records.
    """

    id: Name
    title: Annotated[str, Field(min_length=1)]
    variant: Name | None = None
    preset: Name | None
    overrides: Annotated[tuple[str, ...], Field(strict=False)] = ()
    config: dict[str, JsonValue]
    seed: Count | None
    fidelity: Fidelity | None = None

    @field_validator("config")
    @classmethod
    def _config_is_finite(cls, config: dict[str, JsonValue]) -> dict[str, JsonValue]:
        json.dumps(config, allow_nan=False)  # NaN can neither be written nor compared
        return config

    @property
    def label(self) -> str:
        """The method as the command line names it: "xiv" or "xiv:baseline"."""
        return f"{self.id}:{self.variant}" if self.variant else self.id


class DatasetUsed(RecordPart):
    """The images that were scored.

    Attributes:
        id: Id of its `DatasetSpec`.
        title: Name for people, if it has one.
        fingerprint: SHA-256 of what decides the content of the dataset, as `evidence` says.
        evidence: What the fingerprint is of.
        synthetic: Whether the images were rendered by `bench data synth`; where the features are
            the evidence, whoever brought them said it.
        num_images: Images in the dataset, training images included; where the features are the
            evidence, those that were scored.
        findings: What differs from the published dataset without keeping it from being scored.
    """

    id: Name
    title: str | None = None
    fingerprint: Sha256
    evidence: Evidence = "images"
    synthetic: bool
    num_images: PositiveCount
    findings: Lines = ()


class ProtocolUsed(RecordPart):
    """How the run was scored.

    Attributes:
        id: Id of its `ProtocolSpec`.
        convention: How the galleries were drawn.
        rerank: Whether the distances were re-ranked.
        reranker: By what they were re-ranked; None where they were not. Of records of schema 1 and
            2 it is k-reciprocal re-ranking with its default settings, as there was no other.
        splits: SHA-256 of the split files, from `Splits.digest`.
        query_modality: Modality of the query images.
        gallery_modality: Modality of the gallery images.
        assumptions: What was taken on trust because nothing at hand could show it, such as that
            features cover every image that a gallery is drawn from.
        degradation: How images were made worse before they were scored; None where they were not,
            and in older records.
    """

    id: Name
    convention: Name
    rerank: bool
    reranker: RerankerUsed | None = None
    splits: Sha256
    query_modality: Modality
    gallery_modality: Modality
    assumptions: Lines = ()
    degradation: DegradationUsed | None = None

    @model_validator(mode="before")
    @classmethod
    def _older_records_name_no_reranker(cls, document: Any) -> Any:
        if isinstance(document, dict) and document.get("rerank") is True:
            return {"reranker": RerankerUsed.usual().model_dump(), **document}
        return document

    @model_validator(mode="after")
    def _a_reranker_is_named_where_there_was_one(self) -> Self:
        if self.rerank != (self.reranker is not None):
            raise ValueError(
                "reranker is named for distances that were re-ranked, and for no other"
            )
        return self

    @property
    def row_key(self) -> dict[str, JsonValue]:
        """Its part of the row key of a result."""
        own: dict[str, JsonValue] = {
            "id": self.id,
            "convention": self.convention,
            "rerank": self.rerank,
            "splits": self.splits,
        }
        own |= self.reranker.row_key if self.reranker else {}
        return own | (self.degradation.row_key if self.degradation else {})


class Cost(RecordPart):
    """What the method costs. Arithmetic and parameters are those of one image's extraction.

    Attributes:
        parameters: Parameters that extraction needs.
        macs: Multiply-adds of extracting one image, of the modality that needs more.
        macs_visible: Multiply-adds of extracting one visible image.
        macs_infrared: Multiply-adds of extracting one infrared image.
        flops: Two for each multiply-add.
        training_only_parameters: Parameters that only training needs, where they were counted.
        training_macs: Multiply-adds of a training step, forward and backward, for each image of
            its batch, of the costliest stage, where they were counted.
        images_per_second: Throughput of extraction on `device`, where it was measured.
        extraction_seconds: Wall time of extracting all images, where it was measured.
        training_seconds: Wall time of all trainings, where it was measured.
        device: Name of the processor or accelerator, such as "NVIDIA H200".
        precision: Number format of extraction, such as "float32", "tf32" or "bfloat16".
    """

    parameters: Count
    macs: Count
    flops: Count
    macs_visible: Count
    macs_infrared: Count
    training_only_parameters: Count | None = None
    training_macs: Count | None = None
    images_per_second: PositiveNumber | None = None
    extraction_seconds: Duration | None = None
    training_seconds: Duration | None = None
    device: Annotated[str, Field(min_length=1)]
    precision: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _flops_are_two_a_multiply_add(self) -> Self:
        if self.flops != 2 * self.macs:
            raise ValueError(f"flops {self.flops} is not twice macs {self.macs}")
        return self

    @model_validator(mode="after")
    def _macs_are_those_of_the_costlier_modality(self) -> Self:
        if self.macs != max(self.macs_visible, self.macs_infrared):
            raise ValueError(
                f"macs {self.macs} is not the larger of macs_visible {self.macs_visible} and "
                f"macs_infrared {self.macs_infrared}"
            )
        return self


class Provenance(RecordPart):
    """Where a result came from.

    Attributes:
        created: When the run was scored, in UTC.
        command: The command line, one argument an element.
        versions: Version of Python and of each distribution that had a part in it, by name.
        git_commit: Commit of the source tree, where the program ran from a git checkout.
        git_dirty: Whether that tree's Python sources differed from the commit.
        platform: Operating system and architecture.
        weights: What the backbone started from: "imagenet", "none" or "sha256:..." of a file; None
            where it is unknown.
        selection: Which state of each training was scored: that after the last epoch, or the best
            on validation people, who then were held out of the training; None where it is unknown.
        training_identities: Identity of each training that was scored, in the order of trials;
            none where the model was not trained here.
        training_format: Number format of the training steps; None where nothing was trained here,
            and in records of schema 1.
        training_threads: Processor threads of the training, which decide its bits; None where it
            ran on another device.
        training_processes: Processes that shared the batches of the training; of several trainings,
            the most. None where nothing was trained here, and in older records.
        training_parts: Parts of its share of a batch that each of them ran one after another;
            likewise.
        normalized_shares: Shares of a batch that were each normalised by their own statistics; None
            where all were by those of the whole batch.
    """

    created: AwareDatetime
    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    versions: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None
    platform: str
    weights: Annotated[str, Field(pattern=r"^(imagenet|none|sha256:[0-9a-f]{64})$")] | None
    selection: Selection | None = "last"
    training_identities: Annotated[tuple[Sha256, ...], Field(strict=False)]
    training_format: Precision | None = None
    training_threads: PositiveCount | None = None
    training_processes: PositiveCount | None = None
    training_parts: PositiveCount | None = None
    normalized_shares: PositiveCount | None = None

    @model_validator(mode="after")
    def _created_is_utc(self) -> Self:
        if self.created.utcoffset() != timedelta(0):
            raise ValueError("created is not in UTC")
        return self


class ResultRecord(RecordPart):
    """One run of one method under one protocol, as a file of the results folder holds it.

    Attributes:
        schema_version: Of the file's form.
        method: What ran.
        dataset: The images it was scored on.
        protocol: How it was scored.
        scores: Its scores.
        query_scores: SHA-256 of the file beside the record that holds the scores of each query.
        features: SHA-256 of the features that were scored, one for each model, in the order of
            trials; of what was handed over in memory, one for each trial; none in records of
            schema 1.
        origin: Where the model came from.
        digest: SHA-256 of all the rest, from `bench_core.results.store`; None in schema 1.
        cost: What it costs; None where that is unknown, of features and galleries from outside.
        provenance: Where it came from.
        corruption_grid: Scores by corruption and severity, of a corrupted protocol for which they
            were asked for; None otherwise, and in older records.
    """

    schema_version: Literal[1, 2, 3]
    method: MethodRun
    dataset: DatasetUsed
    protocol: ProtocolUsed
    scores: Scores
    query_scores: Sha256
    features: Annotated[tuple[Sha256, ...], Field(strict=False)] = ()
    origin: Origin = Origin()
    digest: Sha256 | None = None
    cost: Cost | None
    provenance: Provenance
    corruption_grid: CorruptionGrid | None = None

    @model_validator(mode="after")
    def _models_trained_here_name_their_trainings(self) -> Self:
        trained_here = self.origin.kind == "trained-here"
        if trained_here != bool(self.provenance.training_identities):
            raise ValueError(
                "provenance.training_identities are named for models trained here, and for no other"
            )
        return self

    @model_validator(mode="after")
    def _only_what_came_as_features_is_unknown(self) -> Self:
        unknown = {
            "cost": self.cost,
            "method.preset": self.method.preset,
            "method.seed": self.method.seed,
            "provenance.weights": self.provenance.weights,
            "provenance.selection": self.provenance.selection,
        }
        missing = [name for name, value in unknown.items() if value is None]
        if missing and not self.is_foreign:
            raise ValueError(
                f"{missing[0]} is missing, which only features and galleries from outside may lack"
            )
        if self.dataset.evidence == "features" and not self.is_foreign:
            raise ValueError("dataset.evidence is of features, but the model was run here")
        return self

    @property
    def is_foreign(self) -> bool:
        """Whether this program saw features or distances alone, and never the model."""
        return self.origin.kind in FOREIGN

    @property
    def name(self) -> str:
        """What people call the method: as the command line does, or as its author does."""
        return self.method.title if self.is_foreign else self.method.label

    @property
    def label(self) -> str:
        """The method with all that was done besides, such as "xiv:baseline + re-ranking"."""
        selected = self.provenance.selection == "validation"
        shares = self.provenance.normalized_shares
        return (
            self.name
            + (f" + statistics of {shares} shares" if shares else "")
            + (" + validation selection" if selected else "")
            + (f" + {self.protocol.reranker.label}" if self.protocol.reranker else "")
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that the scores are a mean over: the one of the training, where it is known."""
        return () if self.method.seed is None else (self.method.seed,)

    @property
    def seed_spread(self) -> Metrics | None:
        """Standard deviation over seeds; None where there are not several."""
        return None

    @property
    def row_key(self) -> dict[str, JsonValue]:
        """Everything that decides which row this is; a run with the same key replaces it.

        Device, versions and dates are no part of it: they must not change what is measured. How a
        model was selected is part of the identity of its training.
        """
        return {
            "method": self.method.model_dump(include={"id", "variant", "preset", "config", "seed"}),
            "dataset": self.dataset.model_dump(include={"id", "fingerprint", "synthetic"}),
            "protocol": self.protocol.row_key,
            "weights": self.provenance.weights,
            "training_identities": list(self.provenance.training_identities),
            "origin": self.origin.model_dump(mode="json"),
        }

    def as_document(self) -> dict[str, Any]:
        """Return the record as JSON values, in the spelling of files."""
        document: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        return document

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a record from a JSON document.

        Raises:
            pydantic.ValidationError: The document is not a record; the error names the fields.
        """
        return cls.model_validate_json(text)
