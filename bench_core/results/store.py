"""The results folder: one JSON file a run, written whole, read with every defect named.

Beside each record `<its stem>.queries.npz` holds the scores of each query; the record has its hash,
and its means are recomputed from them whenever it is read.
Below the folder every `*.json` is a record, except what the harness itself keeps there: the file
`leaderboard.json`, the folders `published/` and `speeds/` (all directly in the results folder), and
files and folders whose name begins with a dot.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench_core.contracts.errors import BenchError, DataError
from bench_core.contracts.result import SCHEMA_VERSION, ResultRecord
from bench_core.system.files import hash_json, remove_abandoned, write_bytes, write_json
from bench_core.system.foreign_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from bench_core.results.remembered import RememberedAnswers

RESTORE = "restore the file, or remove it and run it again"
"""The way out of a damaged record."""
DIGEST_SINCE = 2
"""The first schema version whose records hold a digest."""
LARGEST_RECORD_BYTES = 1 << 25
"""32 MiB: a record has some 30 KiB."""
LARGEST_QUERIES_BYTES = 1 << 30
NOT_RECORDS = frozenset({"leaderboard.json", "published", "speeds"})
"""Names directly in the results folder that hold no records."""


@dataclass(frozen=True)
class FoundResults:
    """What a results folder holds.

    Attributes:
        records: The good records by path, sorted by it.
        defects: An error for each file that is no good record, sorted by path; each names its file.
    """

    records: dict[Path, ResultRecord]
    defects: tuple[DataError, ...]


def result_path(folder: Path, record: ResultRecord) -> Path:
    """Return where a record lies in a results folder.

    The name is `<protocol>/<method>[-variant]-<preset>-<convention>[-validation][-rerank]` and
    `-seed<N>-<hash>.json`, the hash being 8 hex digits over `ResultRecord.row_key`: the same run
    has the same path. What is not known of a model from outside is left out. Behind "rerank"
    stands the re-ranker's id, unless it is the usual one.

    Raises:
        BenchError: The protocol's id is a name that the results folder keeps for itself.
    """
    method, protocol, selection = record.method, record.protocol, record.provenance.selection
    if protocol.id in NOT_RECORDS:
        raise BenchError(
            f"results of protocol '{protocol.id}' cannot be stored: {folder / protocol.id} is "
            "reserved; rename the protocol in its plugin"
        )
    parts = (
        method.id,
        method.variant,
        method.preset,
        protocol.convention,
        selection if selection != "last" else None,
        protocol.reranker.slug if protocol.reranker else None,
        None if method.seed is None else f"seed{method.seed}",
        hash_json(record.row_key)[:8],
    )
    return folder / protocol.id / ("-".join(part for part in parts if part) + ".json")


def query_scores_path(path: Path) -> Path:
    """Return where the scores of each query lie, given the path of the record."""
    return path.with_suffix(".queries.npz")


def write_result(folder: Path, record: ResultRecord, query_scores: bytes) -> Path:
    """Write a record into a results folder; an earlier record of the same run is replaced.

    The scores of the queries are written first: a crash between the two files leaves an older
    record that does not fit them, which reading them reports.

    Args:
        folder: The results folder; it is created.
        record: What to write.
        query_scores: Content of the file beside it, from
            `bench_core.results.query_scores.encode_query_table`.

    Returns:
        The record's file.

    Raises:
        BenchError: A file cannot be written, such as on a full disk; an old one stays whole. Or
            nobody could read the record back.
        ValueError: The record has another hash than the scores of the queries.
    """
    if _hash(query_scores) != record.query_scores:
        raise ValueError("the record has another hash than the scores of its queries")
    path = result_path(folder, record)
    document = with_digest(record.as_document())
    _check_readable(path, document)
    remove_abandoned(path.parent)
    write_bytes(query_scores_path(path), query_scores)
    write_json(path, document)
    return path


def update_result(path: Path, record: ResultRecord) -> ResultRecord:
    """Write a record over its own file with more in it than before; the queries' scores stay.

    Returns:
        The record as it is now stored.

    Raises:
        BenchError: The file cannot be written, or nobody could read the record back.
    """
    document = with_digest(record.as_document())
    _check_readable(path, document)
    write_json(path, document)
    return ResultRecord.model_validate_json(json.dumps(document))


def with_digest(document: dict[str, Any]) -> dict[str, Any]:
    """Return a record's document with the SHA-256 of all the rest as its `digest`.

    Args:
        document: Of a record of schema 2 or later; an earlier one has none and is returned as it
            is.
    """
    if document["schema_version"] < DIGEST_SINCE:
        return document
    return {**document, "digest": _digest(document)}


def read_result(path: Path, remembered: RememberedAnswers | None = None) -> ResultRecord:
    """Read one record, and hold it to its digest and to the scores of its queries.

    Args:
        path: Its file.
        remembered: Knows the records that passed before, by their content, and learns of this one.

    Raises:
        DataError: The file cannot be read, is no record, was written by a newer version, was
            changed, or contradicts the scores of the queries beside it; the message names the
            file, what is wrong with it, and the way out.
    """
    content = _content(path)
    if remembered is not None and remembered.get(_hash(content)):
        record = ResultRecord.from_json(content)
        read_query_scores(path, record)
        return record
    return _checked(path, content, remembered)


@dataclass(frozen=True)
class ClaimedResult:
    """A record as it stands, whether or not it is what was written.

    Attributes:
        record: What the file says.
        defects: What shows that it was changed; none of a whole record.
    """

    record: ResultRecord
    defects: tuple[DataError, ...]


def read_claimed(path: Path) -> ClaimedResult:
    """Read a record that may have been changed, for those who hold it to its features.

    Args:
        path: Its file.

    Raises:
        DataError: The file cannot be read, is no record, or was written by a newer version.
    """
    from bench_core.results.query_scores import check_scores

    document, record = _parse(path, _content(path))
    defects = []
    if not _has_own_digest(document, record):
        defects.append(_changed(path))
    try:
        check_scores(path, record)
    except DataError as error:
        defects.append(error)
    return ClaimedResult(record, tuple(defects))


def read_query_scores(path: Path, record: ResultRecord) -> bytes:
    """Read the file with the scores of each query of a record, as it was written.

    Args:
        path: The record's file.
        record: What it holds.

    Raises:
        DataError: The file cannot be read, or is not the one that was written with the record.
    """
    beside = query_scores_path(path)
    remedy = f"restore it beside {path.name}, or run the method again"
    try:
        content = read_regular(beside, LARGEST_QUERIES_BYTES)
    except OSError as error:
        raise DataError(
            f"cannot read the scores of the queries {beside}: {error.strerror or error}; {remedy}"
        ) from error
    if _hash(content) != record.query_scores:
        raise DataError(f"{beside} is not the file that {path.name} was written with; {remedy}")
    return content


def find_results(folder: Path, remembered: RememberedAnswers | None = None) -> FoundResults:
    """Read all records below a results folder; a bad one does not keep the others from being read.

    Of two files that hold the same run, the second by path is a defect.

    Args:
        folder: The results folder; one that does not exist holds no records.
        remembered: See `read_result`.

    Raises:
        DataError: `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"the results folder {folder} is a file; name a folder")
    records: dict[Path, ResultRecord] = {}
    defects: list[DataError] = []
    first: dict[str, Path] = {}
    seen: dict[Any, Any] = {}
    for path in _record_paths(folder):
        try:
            record = read_result(path, remembered)
        except DataError as defect:
            defects.append(defect)
            continue
        other = first.setdefault(hash_json(record.row_key), path)
        if other is path:
            records[path] = _sharing(record, seen)
        else:
            defects.append(DataError(f"{other} and {path} hold the same run; remove one of them"))
    return FoundResults(records, tuple(defects))


def _sharing(record: ResultRecord, seen: dict[Any, Any]) -> ResultRecord:
    """Give a record the parts of an earlier one where they are the same: many have few."""
    method, provenance = record.method, record.provenance
    config = seen.setdefault(repr(method.config), method.config)
    versions = seen.setdefault(repr(provenance.versions), provenance.versions)
    return record.model_copy(
        update={
            "method": method.model_copy(update={"config": config}),
            "provenance": provenance.model_copy(update={"versions": versions}),
            **{
                name: seen.setdefault(part, part)
                for name, part in (
                    ("dataset", record.dataset),
                    ("protocol", record.protocol),
                    ("cost", record.cost),
                )
            },
        }
    )


def _checked(path: Path, content: bytes, remembered: RememberedAnswers | None) -> ResultRecord:
    from bench_core.results.query_scores import check_scores

    document, record = _parse(path, content)
    _check_digest(path, document, record)
    check_scores(path, record)
    if remembered is not None:
        remembered.keep(True, _hash(content))  # noqa: FBT003 - that it is good
    return record


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST_RECORD_BYTES)
    except OSError as error:
        hint = "; give the file of a record, as --record and 'bench run' print it"
        hint = hint if isinstance(error, FileNotFoundError) else ""
        raise DataError(f"cannot read result {path}: {error.strerror or error}{hint}") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _record_paths(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*.json")
        if _may_be_record(path.relative_to(folder)) and path.is_file()
    )


def _may_be_record(relative: Path) -> bool:
    hidden = any(part.startswith(".") for part in relative.parts)
    return not hidden and relative.parts[0] not in NOT_RECORDS


def _parse(path: Path, content: bytes) -> tuple[Any, ResultRecord]:
    document = _load(path, content)
    try:
        record = ResultRecord.from_json(content)
    except ValidationError as error:
        raise DataError(
            f"{path} is not a result record: {first_defect(error)}; {RESTORE}"
        ) from error
    return document, record


def _check_digest(path: Path, document: Any, record: ResultRecord) -> None:
    if not _has_own_digest(document, record):
        raise _changed(path)


def _has_own_digest(document: Any, record: ResultRecord) -> bool:
    return record.schema_version < DIGEST_SINCE or record.digest == _digest(document)


def _changed(path: Path) -> DataError:
    return DataError(f"{path} was changed after it was written: its digest differs; {RESTORE}")


def _load(path: Path, content: bytes) -> Any:
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}; {RESTORE}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {version}, newer than {SCHEMA_VERSION}, which this "
            "version reads: run pip install --upgrade vireid-bench"
        )
    return document


def _check_readable(path: Path, document: dict[str, Any]) -> None:
    """Refuse to write what could not be read: text that is no Unicode, such as a folder's name."""
    try:
        _check_digest(path, *_parse(path, json.dumps(document).encode()))
    except DataError as error:
        raise BenchError(
            f"the result cannot be written so that it could be read: {error}"
        ) from error


def _digest(document: dict[str, Any]) -> str:
    return hash_json({name: value for name, value in document.items() if name != "digest"})


def first_defect(error: ValidationError) -> str:
    """Return what is wrong with the first field of a document, and how many others are, too."""
    details = error.errors(include_url=False)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return _describe(details[0]) + more


def _describe(details: ErrorDetails) -> str:
    field = ".".join(str(part) for part in details["loc"]) or "the document"
    message = details["msg"].removeprefix("Value error, ")
    given = details["input"]
    got = (
        f", got {reprlib.repr(given)}" if isinstance(given, bool | int | float | str | None) else ""
    )
    return f"{field}: {message}{got}".replace("\n", " ")
