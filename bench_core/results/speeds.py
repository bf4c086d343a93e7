"""The folder `speeds` of the results: one JSON file a measurement, written whole, read with care.

They say how fast methods were on a device and decide nothing else; see `docs/gpu.md`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench_core.contracts.errors import BenchError, DataError
from bench_core.contracts.speed import SPEED_SCHEMA_VERSION, SpeedRecord
from bench_core.results.store import first_defect
from bench_core.system.files import hash_json, write_json
from bench_core.system.foreign_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

RESTORE = "restore the file, or remove it and measure again with make gpu"
LARGEST_RECORD_BYTES = 1 << 24
"""16 MiB: a record has some 50 KiB."""


@dataclass(frozen=True)
class FoundSpeeds:
    """What a folder of measurements holds.

    Attributes:
        records: The good records, sorted by device, torch, and from the latest to the earliest.
        defects: An error for each file that is no good record, sorted by path; each names its file.
    """

    records: tuple[SpeedRecord, ...]
    defects: tuple[DataError, ...]


def speed_path(folder: Path, record: SpeedRecord) -> Path:
    """Return where a record lies: `<device>-<when it began>.json`.

    A later state of the same measurement replaces an earlier one.
    """
    device = re.sub(r"[^A-Za-z0-9]+", "-", record.device.name).strip("-").lower()
    return folder / f"{device[:80]}-{record.created:%Y%m%dT%H%M%SZ}.json"


def write_speeds(folder: Path, record: SpeedRecord) -> Path:
    """Write a record, with its digest.

    Args:
        folder: Such as `results/speeds`; it is created.
        record: What to write.

    Returns:
        Its file.

    Raises:
        BenchError: The file cannot be written; an old one stays whole.
    """
    document = record.as_document()
    path = speed_path(folder, record)
    write_json(path, {**document, "digest": _digest(document)})
    return path


def read_speeds(path: Path) -> SpeedRecord:
    """Read a record, and hold it to its digest.

    Raises:
        DataError: The file cannot be read, is no record, was written by a newer version, or was
            changed; the message names the file, what is wrong with it, and the way out.
    """
    try:
        content = read_regular(path, LARGEST_RECORD_BYTES)
    except OSError as error:
        raise DataError(f"cannot read the speeds {path}: {error.strerror or error}") from error
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}; {RESTORE}") from error
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > SPEED_SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema_version {version}, newer than {SPEED_SCHEMA_VERSION}, which this "
            "version reads: run pip install --upgrade vireid-bench"
        )
    try:
        record = SpeedRecord.model_validate_json(content)
    except ValidationError as error:
        raise DataError(
            f"{path} is no record of speeds: {first_defect(error)}; {RESTORE}"
        ) from None
    if record.digest != _digest(document):
        raise DataError(f"{path} was changed after it was written: its digest differs; {RESTORE}")
    return record


def find_speeds(folder: Path) -> FoundSpeeds:
    """Read all records of a folder; a bad one does not keep the others from being read.

    Args:
        folder: Such as `results/speeds`; one that does not exist holds none.
    """
    records, defects = [], []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            records.append(read_speeds(path))
        except BenchError as defect:
            defects.append(DataError(str(defect)))
    records.sort(key=lambda record: record.created, reverse=True)
    records.sort(key=lambda record: (record.device.name, record.device.versions["torch"]))
    return FoundSpeeds(tuple(records), tuple(defects))


def _digest(document: dict[str, Any]) -> str:
    return hash_json({name: value for name, value in document.items() if name != "digest"})
