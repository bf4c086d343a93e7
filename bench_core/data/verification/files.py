"""What is wrong with the files of a dataset: damaged, copied, misplaced, of the other modality."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from bench_core.contracts.images import INFRARED, VISIBLE
from bench_core.data.verification.findings import Finding, Severity
from bench_core.data.verification.inspection import ImageFacts
from bench_core.data.verification.walking import FoundFiles

COLOURED = 5.0
"""An infrared image with more colour than this (see `ImageFacts.colour`) is not infrared."""
GRAY = 1.0
"""A visible image with less colour than this looks like an infrared one."""

PATHS_SHOWN_OF_A_COPY = 3

FAULTS: Mapping[str, str] = {
    "unreadable": "files that are missing or cannot be read; restore them",
    "empty": "files of 0 bytes; restore them from the dataset's archive",
    "truncated": "files that end too early; restore them from the dataset's archive",
    "damaged": "files that are no image, or damaged; restore them from the dataset's archive",
}
"""What each fault of `ImageFileError` means."""


def check_links(found: FoundFiles) -> Iterator[Finding]:
    """Report symbolic links and folders that could not be followed."""
    yield from _finding(
        "broken link",
        "problem",
        "symbolic links that lead nowhere; mend or remove them",
        found.broken_links,
    )
    yield from _finding(
        "closed folder", "problem", "folders that may not be read", found.closed_folders
    )
    yield from _finding(
        "repeated link",
        "note",
        "symbolic links to folders that are there anyway, or that contain them; not followed",
        found.repeated_links,
    )


def check_other_files(found: FoundFiles) -> Iterator[Finding]:
    """Report files among the images that are none; split files lie elsewhere."""
    folders = {str(parent) for path in found.images for parent in PurePosixPath(path).parents[:-1]}
    others = [path for path in found.others if str(PurePosixPath(path).parent) in folders]
    yield from _finding("other files", "note", "files that are no images; ignored", others)


def check_decoding(
    facts: Sequence[ImageFacts], listed: frozenset[str] | None, found: FoundFiles
) -> Iterator[Finding]:
    """Report images that cannot be decoded; those that are never read are only noted.

    Args:
        facts: Of every image.
        listed: The paths of the image table; None where there is no table.
        found: Where links that lead nowhere were reported already.
    """
    broken = set(found.broken_links)
    for fault, meaning in FAULTS.items():
        faulty = [fact for fact in facts if fact.fault == fault and fact.path not in broken]
        read = [_with_reason(fact) for fact in faulty if listed is None or fact.path in listed]
        unread = [_with_reason(fact) for fact in faulty if listed and fact.path not in listed]
        yield from _finding(fault, "problem", meaning, read)
        yield from _finding(fault, "note", f"{meaning} (no split lists them)", unread)


def check_copies(images: pd.DataFrame) -> Iterator[Finding]:
    """Report images of the same bytes.

    A copy under another person, camera or modality is a wrong match or a query in the gallery; one
    beside its original is only noted.

    Args:
        images: Image table with the column `content`, None where a file cannot be read.
    """
    copied = images[images["content"].notna() & images.duplicated("content", keep=False)]
    columns = ["identity", "camera", "modality"]
    apart: list[str] = []
    together: list[str] = []
    for _, group in copied.groupby("content", sort=False):
        kind = together if len(group[columns].drop_duplicates()) == 1 else apart
        kind.append(_equal(group["path"].tolist()))
    yield from _finding(
        "copy elsewhere",
        "problem",
        "images of the same bytes under different people, cameras or modalities; restore the one "
        "that was overwritten",
        apart,
    )
    yield from _finding(
        "copy",
        "note",
        "images of the same bytes, of one person and camera",
        together,
    )


def check_copies_without_table(facts: Sequence[ImageFacts]) -> Iterator[Finding]:
    """Report images of the same bytes where nothing says whom they show."""
    by_content: dict[str, list[str]] = {}
    for fact in facts:
        if fact.content is not None:
            by_content.setdefault(fact.content, []).append(fact.path)
    copies = [_equal(paths) for paths in by_content.values() if len(paths) > 1]
    yield from _finding("copy", "note", "images of the same bytes", copies)


def check_modality(images: pd.DataFrame) -> Iterator[Finding]:
    """Report images whose colours do not fit their modality.

    Args:
        images: Image table with the column `colour`, NaN where a file cannot be decoded.
    """
    colour, modality = images["colour"], images["modality"]
    yield from _finding(
        "colour",
        "problem",
        "infrared images with colours: a visible image in their place, or modalities swapped",
        images.loc[(modality == INFRARED) & (colour > COLOURED), "path"],
    )
    yield from _finding(
        "no colour",
        "note",
        "visible images without colours: infrared ones in their place, or converted to gray",
        images.loc[(modality == VISIBLE) & (colour < GRAY), "path"],
    )


def check_places(found: FoundFiles, listed: frozenset[str]) -> Iterator[Finding]:
    """Report image files that the dataset does not list.

    Folders that look like the others but of which nothing is listed hold people of no split, which
    SYSU-MM01 has. Any other file that is not listed was moved from its place, or has a wrong name.
    """
    folders = {_folder(path) for path in listed}
    shapes = {_shape(folder) for folder in folders}
    unlisted: Counter[str] = Counter()
    misplaced: list[str] = []
    for path in found.images:
        if path not in listed:
            folder = _folder(path)
            if folder not in folders and _shape(folder) in shapes:
                unlisted[folder] += 1
            else:
                misplaced.append(path)
    yield from _finding(
        "misplaced",
        "problem",
        "image files where the dataset has none, which are not read; move them to their place or "
        "remove them",
        misplaced,
    )
    yield from _finding(
        "unlisted",
        "note",
        "folders of which no split lists an image; not read",
        [f"{folder} (images: {number})" for folder, number in sorted(unlisted.items())],
    )


def _finding(
    kind: str, severity: Severity, message: str, examples: Iterable[str]
) -> Iterator[Finding]:
    """Yield a finding where there is an example of it."""
    if found := tuple(examples):
        yield Finding(kind=kind, severity=severity, message=message, examples=found)


def _with_reason(facts: ImageFacts) -> str:
    return f"{facts.path} {facts.reason}"


def _equal(paths: Sequence[str]) -> str:
    shown = " = ".join(paths[:PATHS_SHOWN_OF_A_COPY])
    more = len(paths) - PATHS_SHOWN_OF_A_COPY
    return f"{shown} = {more} more" if more > 0 else shown


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _shape(folder: str) -> str:
    """Return a folder's name with every digit replaced: cam1/0007 and cam4/0123 look the same."""
    return re.sub(r"\d", "#", folder)
