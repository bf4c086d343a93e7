"""Builds a report and writes its folder: the page, its pictures, and both as data."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.reports.document import LeftOut, Part, render_html
from bench_core.reports.generated_part import GeneratedPart, generated_part
from bench_core.reports.learning_part import learning_part
from bench_core.reports.plain_parts import cost_part, origin_part, scores_part
from bench_core.reports.search_part import search_part
from bench_core.reports.subjects import open_subject
from bench_core.system.files import (
    folder_written_whole,
    hash_file,
    write_bytes,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench_core.plugins import Registry
    from bench_core.reports.quality import Quality
    from bench_core.reports.subjects import Opened, ReportOptions, Subject

PAGE_FILE = "report.html"
DATA_FILE = "report.json"
FORMAT = "vireid-bench-report/2"
"""Written into the data file, which says what files the report consists of."""
PART_OF_REPORT = re.compile(r"report\.html|[a-z0-9-]+\.png")
"""Names that files of a report have, besides its data file."""
NO_PLUGIN = "no installed plugin knows the method; install it"
NO_RECORD = "it is part of a result record; report on that of the run"
SYNTHETIC_NOTICE = (
    "Synthetic data: these people are rendered. The numbers show that a method learns and compare "
    "with nothing published."
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report before it is written.

    Attributes:
        subject: What it is about.
        parts: Its parts.
        left_out: What it lacks, and why.
        quality: Measures of what was generated.
    """

    subject: Subject
    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]
    quality: tuple[Quality, ...]

    @property
    def title(self) -> str:
        """Heading of the page."""
        subject = self.subject
        kind = " (synthetic)" if subject.synthetic else ""
        return (
            f"{subject.label} on {subject.dataset}{kind}: {subject.protocol}, "
            f"{subject.convention} galleries"
        )

    def as_document(self) -> dict[str, Any]:
        """Return the report as JSON values, without its pictures."""
        subject = self.subject
        return {
            "format": FORMAT,
            "title": self.title,
            "synthetic": subject.synthetic,
            "protocol": subject.protocol,
            "convention": subject.convention,
            "rerank": subject.rerank,
            "mean": subject.scores.mean.by_name(),
            "pictures": {
                f"{picture.name}.png": picture.caption
                for part in self.parts
                for picture in part.pictures
            },
            "image_quality": [quality.as_document() for quality in self.quality],
            "left_out": [asdict(item) for item in self.left_out],
        }


def build_report(registry: Registry, path: Path, options: ReportOptions) -> Report:
    """Build the report on a result record or a trained model.

    Args:
        registry: The plugins.
        path: A result record (.json), a training's folder, or a model file.
        options: Where data, models and weights lie.

    Raises:
        BenchError: The path, the dataset or the model is not what it must be.
    """
    opened = open_subject(registry, path, options)
    subject, generated = opened.subject, _generated(opened, options)
    left_out = list(generated.left_out)
    parts = [scores_part(subject)]
    if opened.trained is not None:
        parts.append(search_part(subject, opened.trained))
    parts += generated.parts
    training = learning_part(opened.log)
    if isinstance(training, Part):
        parts.append(training)
    else:
        left_out.append(training)
    left_out += _left_out_of(subject)
    if subject.cost is not None:
        parts.append(cost_part(subject.cost))
    parts.append(origin_part(subject))
    return Report(
        subject=subject, parts=tuple(parts), left_out=tuple(left_out), quality=generated.quality
    )


def _left_out_of(subject: Subject) -> Iterator[LeftOut]:
    """Say what is not known of a subject."""
    if subject.paper is None:
        why = "the method came from outside" if subject.foreign else NO_PLUGIN
        yield LeftOut("paper", why)
    if subject.cost is None:
        why = "nobody can count it of features alone" if subject.foreign else NO_RECORD
        yield LeftOut("cost", why)


def default_folder(path: Path) -> Path:
    """Return where the report on a path lies: in a run's folder, else in the working directory."""
    if path.is_dir():
        return path / "report"
    return path.parent / "report" if path.suffix == ".safetensors" else Path(f"report-{path.stem}")


def check_folder(folder: Path) -> set[str]:
    """Refuse to replace anything but a report as it was written.

    Args:
        folder: Where a report shall lie.

    Returns:
        Names of the files of an older report there, which may be removed.

    Raises:
        UsageError: The path is a file, or a folder with something that belongs to no report.
        BenchError: The folder cannot be read.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file; name a folder")
    try:
        present = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        own = _files_of(folder)
    except OSError as error:
        raise BenchError(f"cannot read {folder}: {error.strerror}") from error
    if others := present - own:
        raise UsageError(
            f"--output {folder} holds {min(others)}, which is no part of a report, or was changed "
            "since, or is of an older version; name another folder, or move it away"
        )
    return own


def write_report(folder: Path, report: Report) -> Path:
    """Write a report, whole or not at all; an older report in its place is replaced.

    Args:
        folder: Where it shall lie.
        report: The report.

    Returns:
        The page.

    Raises:
        UsageError: The folder holds something that is no report.
        BenchError: A file cannot be written.
    """
    notice = SYNTHETIC_NOTICE if report.subject.synthetic else None
    with folder_written_whole(folder, replaced=check_folder(folder)) as temporary:
        for part in report.parts:
            for picture in part.pictures:
                write_bytes(temporary / f"{picture.name}.png", picture.png)
        page = render_html(report.title, notice, report.parts, report.left_out)
        write_text(temporary / PAGE_FILE, page)
        files = {path.name: hash_file(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / DATA_FILE, {**report.as_document(), "files": files})
    return folder / PAGE_FILE


def _generated(opened: Opened, options: ReportOptions) -> GeneratedPart:
    if opened.trained is None:
        missing = LeftOut("ranked lists, distances, generated images", opened.why_not)
        return GeneratedPart(left_out=(missing,))
    return generated_part(opened.trained, options)


def _files_of(folder: Path) -> set[str]:
    """Return the names of the files of the report in a folder; none where there is no report.

    The data file says which they are, but may be a stranger's: a file counts only where it is of
    the name and the content that the report was written with.
    """
    data = folder / DATA_FILE
    if data.is_symlink() or not data.is_file():
        return set()
    try:
        document = json.loads(data.read_bytes())
    except (ValueError, RecursionError):
        return set()
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return set()
    files = document.get("files")
    if not isinstance(files, dict):
        return set()
    return {DATA_FILE} | {name for name, digest in files.items() if _is_part(folder, name, digest)}


def _is_part(folder: Path, name: str, digest: object) -> bool:
    path = folder / name
    if not PART_OF_REPORT.fullmatch(name) or path.is_symlink() or not path.is_file():
        return False
    return hash_file(path) == digest
