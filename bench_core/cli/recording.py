"""`bench eval --record`: features of somebody else as a row of the leaderboard."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import click

from bench_core.cli.options import Option
from bench_core.contracts.errors import DataError, UsageError

KINDS: Mapping[bool, str] = MappingProxyType({True: "--synthetic", False: "--real"})
"""How one says what the images are."""

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import DatasetSpec, Splits
    from bench_core.contracts.protocol import Convention, ProtocolSpec
    from bench_core.contracts.reranked import RerankerUsed
    from bench_core.contracts.result import DatasetUsed, ProtocolUsed
    from bench_core.features.given import Role
    from bench_core.pipeline.image_evidence import ImageEvidence
    from bench_core.plugins import Registry
    from bench_core.scoring.feature_files import OpenedFeatures
    from bench_core.scoring.score import ProtocolScores


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """What becomes of the scores; each option says what it means."""

    record: Annotated[bool, Option(
        "--record", is_flag=True,
        help="Write a result record, too: a row of the leaderboard, marked as features from "
        "outside.",
    )]  # fmt: skip
    name: Annotated[str | None, Option(
        "--name", metavar="TEXT", help="With --record: what the method is called in tables.",
    )]  # fmt: skip
    results: Annotated[Path | None, Option(
        "--results", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
        help="With --record: folder that the record is written to. [default: results]",
    )]  # fmt: skip
    synthetic: Annotated[bool | None, Option(
        "--synthetic/--real", default=None,
        help="With --record and --splits: whether the images are rendered people or the "
        "dataset's own, where nothing at hand shows it. Such rows have tables of their own; with "
        "--data they stand beside those that are trained here.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """A record that will be written.

    Attributes:
        registry: The plugins.
        name: What the method is called.
        results: Folder of the record.
        evidence: What shows which images are scored.
    """

    registry: Registry
    name: str
    results: Path
    evidence: ImageEvidence

    def images_used(
        self, opened: OpenedFeatures, dataset: DatasetSpec, convention: Convention
    ) -> DatasetUsed:
        """Describe the images of features, and refuse those that make no row.

        Raises:
            UsageError: The features are scored on one trial of several.
            DataError: They are not of the images that are at hand, or a camera is missing.
        """
        from bench_core.scoring.images import check_images, scored_images

        if opened.trials is not None:
            raise UsageError(
                "--record: a row is the mean of all trials; leave --trial out, and give the "
                "features of all models"
            )
        _check_cameras(opened, dataset)
        if self.evidence.inputs is not None:
            check_images(opened, convention, self.evidence.inputs.dataset)
        return self.evidence.describe([scored_images(opened, convention)], given=opened.is_given)

    def write(
        self,
        opened: OpenedFeatures,
        images: DatasetUsed,
        scores: ProtocolScores,
        splits: Splits,
        convention: Convention,
        reranker: RerankerUsed | None,
    ) -> Path:
        """Write the record.

        Args:
            opened: The features.
            images: From `images_used`.
            scores: Their scores.
            splits: The split files that they were scored with.
            convention: How galleries were drawn.
            reranker: By what distances were re-ranked; None where they were not.

        Returns:
            Its file.

        Raises:
            BenchError: It cannot be written.
        """
        from bench_core.contracts.result import Origin
        from bench_core.features.digest import features_digest
        from bench_core.pipeline.outside_report import known_model
        from bench_core.results.foreign import ForeignResult, write_foreign
        from bench_core.system.files import hash_file

        tables = list(opened.features.values())
        features = tuple(map(features_digest, tables))
        inputs = self.evidence.inputs
        model = known_model(opened.files, features, inputs.fingerprint if inputs else None)
        result = ForeignResult(
            name=self.name,
            origin=Origin(
                kind="given" if opened.is_given else "features",
                files=tuple(map(hash_file, opened.files)),
            ),
            dataset=images,
            protocol=self._protocol_used(opened, scores, splits, convention, reranker),
            scores=scores,
            features=features,
            config={"metric": tables[0].metric, **(model.config if model else {})},
            weights=model.weights if model else None,
        )
        command = ["bench", *sys.argv[1:]]  # as typed, without the folder of the program
        packages = self.registry.participants(
            result.protocol.id, reranker_id=reranker.id if reranker else None
        )
        return write_foreign(self.results, result, command, packages)

    def _protocol_used(
        self,
        opened: OpenedFeatures,
        scores: ProtocolScores,
        splits: Splits,
        convention: Convention,
        reranker: RerankerUsed | None,
    ) -> ProtocolUsed:
        from bench_core.contracts.degraded import DegradationUsed
        from bench_core.contracts.result import ProtocolUsed

        spec = opened.protocol.spec
        return ProtocolUsed(
            id=spec.id,
            convention=convention,
            rerank=reranker is not None,
            reranker=reranker,
            splits=self.evidence.splits_digest(splits),
            query_modality=spec.query_modality,
            gallery_modality=spec.gallery_modality,
            degradation=DegradationUsed.of(spec.degradation),
            assumptions=scores.assumptions,
        )


def open_recording(
    registry: Registry,
    protocol: ProtocolSpec,
    options: RecordOptions,
    root: Path | None,
    splits: Path | None,
) -> Recording | None:
    """Look at what a record needs before anything is scored; None where none is asked for.

    Args:
        registry: The plugins.
        protocol: The protocol.
        options: What was asked for.
        root: Root of the dataset, if that is given.
        splits: Folder of split files, if that is given instead.

    Raises:
        UsageError: An option is missing, contradicts what is at hand, or goes with --record alone.
        BenchError: The results folder cannot be written, or the dataset cannot be read.
    """
    if not options.record:
        _refuse_alone(options)
        return None
    from bench_core.pipeline.image_evidence import Place, gather_evidence
    from bench_core.results.foreign import check_name
    from bench_core.system.files import check_writable

    if options.name is None:
        raise UsageError("--record needs --name TEXT, what the method is called in tables")
    try:
        name = check_name(options.name, list(registry.methods))
    except UsageError as error:
        raise UsageError(f"--name: {error}") from error
    results = options.results or Path("results")
    check_writable(results)
    place = Place(root=root, splits=splits, synthetic=options.synthetic, words=KINDS)
    return Recording(
        registry=registry,
        name=name,
        results=results,
        evidence=gather_evidence(registry, protocol, place),
    )


def _refuse_alone(options: RecordOptions) -> None:
    for option, given in (
        ("--name", options.name),
        ("--results", options.results),
        (KINDS[bool(options.synthetic)], options.synthetic),
    ):
        if given is not None:
            raise UsageError(f"{option} goes with --record, which writes a result record; add it")


def _check_cameras(opened: OpenedFeatures, dataset: DatasetSpec) -> None:
    """Refuse a gallery as given that lacks a camera: it is that of another protocol."""
    from bench_core.scoring.given import absent_camera

    if not opened.is_given:
        return
    (features,) = opened.features.values()
    rows = opened.protocol.trial(features.table, opened.protocol.spec.conventions[0], 0)
    camera = features.table["camera"].to_numpy(dtype="int64")
    cameras: dict[Role, NDArray[np.int64]] = {
        "query": camera[rows.query],
        "gallery": camera[rows.gallery],
    }
    if problem := absent_camera(cameras, dataset, opened.protocol.spec):
        raise DataError(
            f"{opened.files[0]} makes no row of {opened.protocol.spec.id}: {problem}; name the "
            "protocol that it is of"
        )
