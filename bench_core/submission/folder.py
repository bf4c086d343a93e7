"""The files of a pull request: records, the scores of their queries, a description."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.results.store import query_scores_path, result_path
from bench_core.submission.description import describe_submission
from bench_core.system.files import folder_written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench_core.submission.submitted import Submission

DESCRIPTION = "pull_request.md"
RESULTS, FEATURES = "results", "features"
"""Folders of a pull request, at the root of the repository: of records, and of their features."""


def write_submission(
    output: Path, submission: Submission, attached: Mapping[Path, Sequence[Path]]
) -> list[Path]:
    """Write the files of a pull request into a new folder, whole or not at all.

    Args:
        output: The folder; it must not exist, or be empty.
        submission: What is submitted.
        attached: For each result, the features that are copied into the folder, too.

    Returns:
        The files and folders that were written, sorted; records keep their bytes.

    Raises:
        BenchError: They cannot be written.
    """
    with folder_written_whole(output) as folder:
        for one in submission.records:
            target = result_path(folder / RESULTS, one.record)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one.path, target)
            shutil.copyfile(query_scores_path(one.path), query_scores_path(target))
            for number, features in enumerate(attached.get(one.path, ()), start=1):
                _copy(features, folder / FEATURES / f"{target.stem}-{number}{features.suffix}")
        text = describe_submission(submission.records, submission.changes)
        (folder / DESCRIPTION).write_text(text, encoding="utf-8", errors="backslashreplace")
        names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [output / name for name in names]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
