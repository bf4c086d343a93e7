"""Whether a record may be submitted, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import UsageError
from bench_core.contracts.result import FOREIGN
from bench_core.results.disclosure import disclosures
from bench_core.results.foreign import check_name
from bench_core.results.provenance import NOT_INSTALLED
from bench_core.results.store import DIGEST_SINCE
from bench_core.system.files import hash_json

if TYPE_CHECKING:
    from pathlib import Path

    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.contracts.result import ResultRecord
    from bench_core.plugins import Registry

NEEDED_VERSIONS = ("python", "numpy", "vireid-bench")


@dataclass(frozen=True, kw_only=True)
class RecordChecks:
    """What was found of a record.

    Attributes:
        problems: What keeps it from being submitted, one line each.
        passed: What was checked and is as it must be.
        disclosed: What is to be said of it: never a reason to refuse it.
    """

    problems: tuple[str, ...]
    passed: tuple[str, ...]
    disclosed: tuple[str, ...]


def check_record(
    registry: Registry, record: ResultRecord, others: Mapping[Path, ResultRecord]
) -> RecordChecks:
    """Check a record that was read whole: its digest and its queries are what they must be.

    Args:
        registry: The plugins.
        record: The record.
        others: The other results, by their file.
    """
    problems = [
        *_schema_problems(record),
        *_protocol_problems(registry, record),
        *_provenance_problems(registry, record),
        *_duplicates(record, others),
    ]
    return RecordChecks(
        problems=tuple(problems),
        passed=() if problems else tuple(_passed(registry, record, len(others))),
        disclosed=tuple(_disclosed(registry, record)),
    )


def _schema_problems(record: ResultRecord) -> Iterator[str]:
    if record.schema_version < DIGEST_SINCE or not record.features:
        yield (
            f"schema {record.schema_version} names neither a digest nor the features: run it again "
            "with this version"
        )


def _protocol_problems(registry: Registry, record: ResultRecord) -> Iterator[str]:
    try:
        spec = registry.protocol(record.protocol.id)
    except UsageError as error:
        yield f"its protocol cannot be checked: {error}; install its plugin"
        return
    if spec.dataset != record.dataset.id:
        yield f"{spec.id} is a protocol of {spec.dataset}, and the record is of {record.dataset.id}"
    modalities = (record.protocol.query_modality, record.protocol.gallery_modality)
    if modalities != (spec.query_modality, spec.gallery_modality):
        yield f"{spec.id} searches {spec.gallery_modality} images by {spec.query_modality} ones"
    if record.origin.kind == "given":
        return  # what was drawn outside has its own table
    if record.protocol.convention not in spec.conventions:
        yield (
            f"{spec.id} does not define the convention {record.protocol.convention} (known: "
            f"{', '.join(spec.conventions)})"
        )
    if len(record.scores.trials) != spec.num_trials:
        yield f"{spec.id} has {spec.num_trials} trials, and the record {len(record.scores.trials)}"
    if not _is_incomplete(record):
        yield from _wrong_counts(spec, record)


def _wrong_counts(spec: ProtocolSpec, record: ResultRecord) -> Iterator[str]:
    """Yield where queries and gallery of real people are not as many as are published."""
    if record.dataset.synthetic:
        return
    scores = record.scores
    if spec.num_queries not in (None, scores.queries):
        yield f"{spec.id} has {spec.num_queries:,} queries, and the record {scores.queries:,}"
    others = {size for size in scores.gallery if size != spec.num_gallery}
    if spec.num_gallery is not None and others:
        yield (
            f"{spec.id} has {spec.num_gallery:,} gallery images, and a trial of the record "
            f"{min(others):,}"
        )


def _is_incomplete(record: ResultRecord) -> bool:
    """Whether the record itself says that its images are not all those of the dataset."""
    return record.dataset.evidence == "images" and bool(record.dataset.findings)


def _provenance_problems(registry: Registry, record: ResultRecord) -> Iterator[str]:
    versions = record.provenance.versions
    missing = [name for name in NEEDED_VERSIONS if versions.get(name) in (None, NOT_INSTALLED)]
    if missing:
        yield f"it does not say the version of {', '.join(missing)}: run it from an installed bench"
    if record.origin.kind in FOREIGN:
        try:
            check_name(record.method.title, list(registry.methods))
        except UsageError as error:
            yield str(error)


def _duplicates(record: ResultRecord, others: Mapping[Path, ResultRecord]) -> Iterator[str]:
    own = hash_json(record.row_key)
    for path, other in others.items():
        if hash_json(other.row_key) == own:
            if other.scores == record.scores:
                yield f"{path} holds this result already: leave one of them out"
        elif _same_search(record, other):
            yield (
                f"{path} ({other.label}) is of the same features under the same protocol: a result "
                "has one name"
            )


def _same_search(record: ResultRecord, other: ResultRecord) -> bool:
    return bool(record.features) and all(
        (
            record.features == other.features,
            record.protocol.row_key == other.protocol.row_key,
            record.dataset.fingerprint == other.dataset.fingerprint,
        )
    )


def _passed(registry: Registry, record: ResultRecord, num_others: int) -> Iterator[str]:
    yield f"schema {record.schema_version}; the digest is that of the content"
    yield "the scores of the queries give the means, of each camera, too"
    spec = registry.protocol(record.protocol.id)
    counted = "" if record.dataset.synthetic or _is_incomplete(record) else ", as published"
    if record.origin.kind != "given":
        known = spec.num_queries is not None and spec.num_gallery is not None
        yield (
            f"{len(record.scores.trials)} trials of {record.scores.queries:,} queries and "
            f"{_span(record)} gallery images{counted if known else ''}"
        )
    yield f"no duplicate among {num_others} other results"
    yield "versions, platform and command line are named"


def _span(record: ResultRecord) -> str:
    least, most = min(record.scores.gallery), max(record.scores.gallery)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _disclosed(registry: Registry, record: ResultRecord) -> Iterator[str]:
    if record.dataset.synthetic:
        yield "synthetic people, which compare with nothing published"
    yield from disclosures(record)
    provenance = record.provenance
    if provenance.git_commit is None:
        yield "the commit of the sources is not known"
    elif provenance.git_dirty:
        yield f"the sources had changes over the commit {provenance.git_commit[:12]}"
    known = {item.id for item in registry.methods.values()}
    if record.origin.kind not in FOREIGN and record.method.id not in known:
        yield f"the method {record.method.id} is not installed here"
    yield from (f"data: {finding}" for finding in record.dataset.findings)
    yield from (f"assumed: {assumption}" for assumption in record.protocol.assumptions)
