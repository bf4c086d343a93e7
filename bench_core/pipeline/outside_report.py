"""What made features outside: written beside them, and read back where they are recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, with_config

from bench_core.contracts.errors import DataError
from bench_core.contracts.result import Sha256
from bench_core.system.escaping import terminal_line
from bench_core.system.files import hash_json
from bench_core.system.foreign_files import read_regular

MOST_BYTES = 1 << 20


@with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
@dataclass(frozen=True, kw_only=True)
class OutsideReport:
    """What made features outside, as it is written beside them.

    Attributes:
        method: Name of the model.
        config: All that is declared of it, with the identity of its code.
        weights: "sha256:..." of the weights file; None where the script has its own.
        script: SHA-256 of the script that ran.
        versions: What the script says that it ran with, by name.
        dataset: Id of the dataset.
        fingerprint: SHA-256 of its content.
        split: The training split whose test images these are.
        num_images: Number of images.
        features: Digest of the features.
        seconds: Wall time, with all that the script did before.
    """

    method: str
    config: dict[str, JsonValue]
    weights: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None
    script: Sha256
    versions: Mapping[str, str]
    dataset: str
    fingerprint: Sha256
    split: str
    num_images: int
    features: Sha256
    seconds: float

    def as_document(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


_REPORT = TypeAdapter(OutsideReport)


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """What reports say of the model, or the models of several trials, that made features.

    Attributes:
        config: The declaration, and with what it was run.
        weights: "sha256:..." of the weights file, or of the list of several; None where no report
            names one.
    """

    config: dict[str, JsonValue]
    weights: str | None


def report_path(features: Path) -> Path:
    """Return where the report on a feature file lies."""
    return features.with_suffix(".json")


def known_model(
    files: Sequence[Path], features: Sequence[str], fingerprint: str | None
) -> KnownModel | None:
    """Return what the reports beside feature files say of the model that made them.

    Args:
        files: The feature files.
        features: Digest of the features of each.
        fingerprint: That of the dataset that is at hand; None where none is.

    Returns:
        None where a file has no report beside it that is of its features.

    Raises:
        DataError: A report is of these features, but of another dataset, or the models of several
            trials were declared differently.
    """
    if len(files) != len(features):
        return None
    reports = []
    for file, digest in zip(files, features, strict=True):
        report = _report_on(file, digest, fingerprint)
        if report is None:
            return None
        reports.append(report)
    configs = [{**report.config, "script": report.script} for report in reports]
    if any(config != configs[0] for config in configs):
        raise DataError(
            f"{report_path(files[0])} and the reports beside it declare different models; a row "
            "is of one"
        )
    labels = list(dict.fromkeys(report.weights for report in reports if report.weights))
    several = f"sha256:{hash_json(labels)}" if labels else None
    return KnownModel(
        config={**configs[0], "versions": dict(reports[0].versions)},
        weights=labels[0] if len(labels) == 1 else several,
    )


def _report_on(file: Path, digest: str, fingerprint: str | None) -> OutsideReport | None:
    """Return the report that is of these features, if there is one."""
    path = report_path(file)
    report = _read(path)
    if report is not None and report.features != digest:
        sys.stderr.write(
            terminal_line(f"Note: {path} is of other features than {file}, and is left out") + "\n"
        )
        return None
    if report is not None and fingerprint not in (None, report.fingerprint):
        raise DataError(
            f"{path} says that the features were extracted from another dataset (fingerprint "
            f"{report.fingerprint[:12]}); name its root"
        )
    return report


def _read(path: Path) -> OutsideReport | None:
    """Return a report; None where there is none, or somebody else's file of that name."""
    try:
        report = _REPORT.validate_json(read_regular(path, MOST_BYTES))
        json.dumps(report.as_document(), allow_nan=False)
    except (OSError, ValueError):  # of which pydantic's errors are one
        return None
    return report
