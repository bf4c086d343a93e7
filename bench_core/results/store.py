"""The results folder: one JSON file a run, written whole, read with every defect named.

Beside each record `<its stem>.queries.npz` holds the scores of each query; the record has its hash.
Below the folder every `*.json` is a record, except what the harness itself keeps there: the file
`leaderboard.json`, the folder `published/` (both directly in the results folder), and files and
folders whose name begins with a dot.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench_core.contracts.errors import BenchError, DataError
from bench_core.contracts.result import SCHEMA_VERSION, ResultRecord
from bench_core.files import hash_json, write_bytes, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

NOT_RECORDS = frozenset({"leaderboard.json", "published"})
"""Names directly in the results folder that hold no records."""


def result_path(folder: Path, record: ResultRecord) -> Path:
    """Return where a record lies in a results folder.

    The name is `<protocol>/<method>[-variant]-<preset>-<convention>[-validation][-rerank]` and
    `-seed<N>-<hash>.json`, the hash being 8 hex digits over `ResultRecord.row_key`: the same run
    has the same path.

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
        "rerank" if protocol.rerank else None,
        f"seed{method.seed}",
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
        BenchError: A file cannot be written, such as on a full disk; an old one stays whole.
        ValueError: The record has another hash than the scores of the queries.
    """
    if _hash(query_scores) != record.query_scores:
        raise ValueError("the record has another hash than the scores of its queries")
    path = result_path(folder, record)
    write_bytes(query_scores_path(path), query_scores)
    write_json(path, record.as_document())
    return path


def read_result(path: Path) -> ResultRecord:
    """Read one record.

    Raises:
        DataError: The file cannot be read, is no record, or was written by a newer version; the
            message names the file, the field and what is wrong with it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read result {path}: {error.strerror or error}") from error
    _refuse_newer_schema(path, content)
    try:
        return ResultRecord.from_json(content)
    except ValidationError as error:
        raise DataError(
            f"{path} is not a result record: {_first_defect(error)}; "
            "restore the file, or remove it and run it again"
        ) from error


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
        content = beside.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read the scores of the queries {beside}: {error.strerror or error}; {remedy}"
        ) from error
    if _hash(content) != record.query_scores:
        raise DataError(f"{beside} is not the file that {path.name} was written with; {remedy}")
    return content


def read_results(folder: Path) -> list[ResultRecord]:
    """Read all records below a results folder, sorted by path; see `find_results`."""
    return list(find_results(folder).values())


def find_results(folder: Path) -> dict[Path, ResultRecord]:
    """Read all records below a results folder, by path and sorted by it.

    Args:
        folder: The results folder; one that does not exist holds no records.

    Raises:
        DataError: A file is no record (see `read_result`), two files hold the same run, or
            `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"the results folder {folder} is a file; name a folder")
    paths = {path: read_result(path) for path in _record_paths(folder)}
    _refuse_duplicates(paths)
    return paths


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


def _refuse_newer_schema(path: Path, content: bytes) -> None:
    try:
        document: Any = json.loads(content)
    except ValueError as error:
        raise DataError(
            f"{path} is not JSON: {error}; restore the file, or remove it and run it again"
        ) from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {version}, newer than {SCHEMA_VERSION}, which this "
            "version reads: run pip install --upgrade vireid-bench"
        )


def _refuse_duplicates(records: dict[Path, ResultRecord]) -> None:
    first: dict[str, Path] = {}
    for path, record in records.items():
        key = hash_json(record.row_key)
        if key in first:
            raise DataError(f"{first[key]} and {path} hold the same run; remove one of them")
        first[key] = path


def _first_defect(error: ValidationError) -> str:
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
