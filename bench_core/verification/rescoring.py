"""A record held to its features: they are scored again as it says, and all is compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import BenchError, DataError, UsageError
from bench_core.contracts.scores import Scores
from bench_core.loading import load_protocol
from bench_core.results.foreign import claimed_images
from bench_core.results.query_scores import different_queries, load_query_table
from bench_core.scoring.feature_files import OpenedFeatures
from bench_core.scoring.images import check_images, scored_images
from bench_core.scoring.reranking import RerankerChoice, reopen_reranker
from bench_core.verification.differences import Difference, score_difference
from bench_core.verification.recorded_features import RecordedFeatures, read_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_core.contracts.protocol import EvaluationProtocol, ProtocolSpec
    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry
    from bench_core.results.store import ClaimedResult
    from bench_core.scoring.score import ProtocolScores
    from bench_core.verification.inputs import ScoringInputs

SHORT = 12
"""Hex digits of a hash that messages show."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What became of a record that was held to its features.

    Attributes:
        result: Its file.
        record: What it says.
        features: The features that were scored, in the order of trials.
        differences: What is not as it says; none of a record that proved itself.
        notes: What could not be compared, one line each.
    """

    result: Path
    record: ResultRecord
    features: tuple[Path, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    @property
    def recomputed(self) -> bool:
        """Whether the features give the record, to the last digit."""
        return not self.differences

    @property
    def sentence(self) -> str:
        """What became of it, in a line."""
        if self.differences:
            told = "; ".join(f"{found.part}: {found.text}" for found in self.differences)
            return f"{self.result} is not what its features give: {told}"
        scores, protocol = self.record.scores, self.record.protocol
        return (
            f"recomputed {self.result}: {self.record.label} on {protocol.id}, "
            f"{protocol.convention} galleries, {len(scores.trials)} trials of {scores.queries:,} "
            "queries, the same to the last digit"
        )

    def as_document(self) -> dict[str, Any]:
        """Return what `bench verify --json` prints."""
        return {
            "result": str(self.result),
            "recomputed": self.recomputed,
            "method": self.record.label,
            "protocol": self.record.protocol.id,
            "convention": self.record.protocol.convention,
            "features": [str(path) for path in self.features],
            "differences": [{"part": found.part, "text": found.text} for found in self.differences],
            "notes": list(self.notes),
        }


def check_rescorable(path: Path, record: ResultRecord) -> None:
    """Refuse a record of which nothing can be drawn again.

    Raises:
        DataError: Its galleries were drawn outside.
    """
    if record.origin.kind == "given":
        raise DataError(
            f"{path} cannot be recomputed: its galleries, or its distances, are as given, so that "
            "nothing can be drawn again"
        )


def verify_result(
    registry: Registry,
    path: Path,
    claimed: ClaimedResult,
    files: Sequence[Path],
    inputs: ScoringInputs,
) -> Verification:
    """Score the features of a record again and compare all that it says of them.

    Args:
        registry: The plugins.
        path: The record's file.
        claimed: What it says.
        files: Its features, one file a model, in any order; or a folder with a file for each
            training split.
        inputs: The split files, and the images where they are at hand.

    Raises:
        DataError: Nothing can be drawn again, or features are unreadable.
        UsageError: There are more or fewer files than models.
    """
    check_rescorable(path, claimed.record)
    rescoring = _Rescoring(registry, path, claimed.record, inputs)
    differences = [Difference("record", str(defect)) for defect in claimed.defects]
    opened, digests = rescoring.open(files)
    differences += rescoring.differences(opened, digests)
    return Verification(
        result=path,
        record=claimed.record,
        features=opened.files,
        differences=tuple(differences),
        notes=() if claimed.record.features else (NO_HASH,),
    )


NO_HASH = "the record is of schema 1, which names no features: their scores alone were compared"


class _Rescoring:
    """A record, and what it is scored again with."""

    def __init__(
        self, registry: Registry, path: Path, record: ResultRecord, inputs: ScoringInputs
    ) -> None:
        self._registry, self._path, self._record, self._inputs = registry, path, record, inputs
        self._protocol = load_protocol(protocol_of(registry, path, record), inputs.splits)

    def open(self, files: Sequence[Path]) -> tuple[OpenedFeatures, list[str]]:
        """Read the features, each under the training split of its model; return their digests."""
        splits = _training_splits(self._record, self._protocol)
        paths = _one_for_each(files, splits)
        dataset = self._registry.dataset(self._record.dataset.id)
        read = [read_recorded(dataset, path, self._record) for path in paths]
        ordered = _in_order(read, self._record)
        opened = OpenedFeatures(
            features=dict(zip(splits, (one.table for one in ordered), strict=True)),
            protocol=self._protocol,
            trials=None,
            files=tuple(one.path for one in ordered),
        )
        return opened, [one.digest for one in ordered]

    def differences(self, opened: OpenedFeatures, digests: Sequence[str]) -> Iterator[Difference]:
        """Yield all in which the record differs from its features, its splits and its images."""
        yield from self._of_splits()
        yield from self._of_known_images()
        if wrong := self._of_features(opened.files, digests):
            yield wrong  # other features have other scores
            return
        if self._record.protocol.convention not in self._protocol.spec.conventions:
            known = ", ".join(self._protocol.spec.conventions)
            yield Difference(
                "convention",
                f"{self._record.protocol.convention} is none of {self._protocol.spec.id}, which "
                f"defines {known}",
            )
            return
        try:
            yield from self._of_images(opened)
            yield from self._of_scores(opened)
        except BenchError as error:
            yield Difference("scores", f"they cannot be computed: {error}")

    def _of_splits(self) -> Iterator[Difference]:
        wanted = self._record.protocol.splits
        if wanted not in self._inputs.digests:
            found = " or ".join(sorted(digest[:SHORT] for digest in self._inputs.digests))
            yield Difference(
                "splits",
                f"those of {self._inputs.name} ({found}) are not the record's ({wanted[:SHORT]}); "
                "a folder must hold all lists that the record was made with",
            )

    def _of_known_images(self) -> Iterator[Difference]:
        images, dataset = self._inputs.images, self._record.dataset
        if images is None or dataset.evidence != "images":
            return
        if images.fingerprint != dataset.fingerprint:
            yield Difference(
                "dataset",
                f"the images of {self._inputs.name} (fingerprint {images.fingerprint[:SHORT]}) are "
                f"not the record's ({dataset.fingerprint[:SHORT]})",
            )
        if images.dataset.synthetic != dataset.synthetic:
            kind = "rendered" if images.dataset.synthetic else "not rendered"
            yield Difference("dataset", f"the people of {self._inputs.name} are {kind}")

    def _of_features(self, files: Sequence[Path], digests: Sequence[str]) -> Difference | None:
        wanted = self._record.features or digests  # of schema 1 nothing names them
        if len(wanted) != len(digests):
            return Difference(
                "features", f"the record names {len(wanted)} models, not {len(digests)}"
            )
        pairs = zip(files, digests, wanted, strict=True)
        wrong = [(path, found, named) for path, found, named in pairs if found != named]
        if not wrong:
            return None
        path, found, named = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return Difference(
            "features",
            f"{path} holds those of another model (hash {found[:SHORT]}, the record names "
            f"{named[:SHORT]}){more}",
        )

    def _of_images(self, opened: OpenedFeatures) -> Iterator[Difference]:
        """Hold the images that features say they are of to the record and to those at hand."""
        record, inputs = self._record, self._inputs
        convention = record.protocol.convention
        if inputs.images is not None:
            try:
                check_images(opened, convention, inputs.images.dataset)
            except DataError as error:
                yield Difference("dataset", str(error))
        if record.dataset.evidence == "features":
            found = claimed_images(
                self._registry.dataset(record.dataset.id),
                [scored_images(opened, convention)],
                synthetic=record.dataset.synthetic,
            )
            if found.fingerprint != record.dataset.fingerprint:
                yield Difference("dataset", "the features are of other images than the record's")

    def _of_scores(self, opened: OpenedFeatures) -> Iterator[Difference]:
        record = self._record
        convention, reranker = record.protocol.convention, _reranker_of(self._registry, record)
        found = opened.score(convention, reranker)
        wrong = self._score_difference(found)
        if wrong is None or wrong.part == "environment":
            yield from filter(None, (wrong, self._query_difference(found, wrong)))
            return
        yield wrong
        for other in self._protocol.spec.conventions:
            if other != convention and self._agree(opened.score(other, reranker)):
                yield Difference(
                    "convention",
                    f"it says {convention}, but its scores are those of {other} galleries",
                )

    def _score_difference(self, found: ProtocolScores) -> Difference | None:
        scores = Scores.model_validate(found.as_document())
        return score_difference(self._record.scores, scores, self._record.provenance)

    def _agree(self, found: ProtocolScores) -> bool:
        wrong = self._score_difference(found)
        return wrong is None or wrong.part == "environment"

    def _query_difference(
        self, found: ProtocolScores, wrong: Difference | None
    ) -> Difference | None:
        """Compare the file beside the record; one that cannot be read is a defect told already."""
        try:
            kept = load_query_table(self._path, self._record)
        except DataError:
            return None
        number = different_queries(kept, found.evaluation.query_table)
        if number == 0 or (number is not None and wrong is not None):
            return None  # where the means differ in the last digits, so do queries
        what = "other queries" if number is None else f"other scores of {number} queries"
        return Difference("queries", f"the file beside the record holds {what}")


def protocol_of(registry: Registry, path: Path, record: ResultRecord) -> ProtocolSpec:
    """Return the protocol of a record.

    Raises:
        DataError: No plugin registers it, or it is one of another dataset.
    """
    try:
        spec = registry.protocol(record.protocol.id)
    except UsageError as error:
        raise DataError(f"{path} cannot be recomputed: {error}; install its plugin") from error
    if spec.dataset != record.dataset.id:
        raise DataError(
            f"{path} cannot be recomputed: {spec.id} is a protocol of {spec.dataset}, and the "
            f"record is of {record.dataset.id}"
        )
    return spec


def _training_splits(record: ResultRecord, protocol: EvaluationProtocol) -> list[str]:
    """Return the training split of each model of a record, in the order of trials."""
    spec = protocol.spec
    splits = list(dict.fromkeys(map(protocol.training_split, range(spec.num_trials))))
    held_out = record.provenance.selection == "validation" and spec.validation_split
    return [held_out] if held_out else splits


def _one_for_each(files: Sequence[Path], splits: Sequence[str]) -> list[Path]:
    """Return the features of each model; a folder may hold those of all training splits."""
    if len(files) == 1 and len(splits) > 1 and files[0].is_dir():
        return [files[0] / f"{split}.npz" for split in splits]
    if len(files) != len(splits):
        raise UsageError(
            f"--features: the record is of {len(splits)} models, and {len(files)} files are given; "
            "give one for each, or a folder that holds one for each training split"
        )
    return list(files)


def _in_order(read: Sequence[RecordedFeatures], record: ResultRecord) -> Sequence[RecordedFeatures]:
    """Put features into the order of the record; those that it does not name take what is left."""
    by_digest = {one.digest: one for one in read}
    if len(record.features) != len(read) or len(by_digest) != len(read):
        return read
    others = (one for one in read if one.digest not in record.features)
    return [by_digest.get(digest) or next(others) for digest in record.features]


def _reranker_of(registry: Registry, record: ResultRecord) -> RerankerChoice | None:
    used = record.protocol.reranker
    return reopen_reranker(registry, used, record.protocol.id) if used else None
