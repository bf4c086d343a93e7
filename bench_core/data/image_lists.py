"""Reads the text files in which datasets list their images (path and label) and identities."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench_core.contracts.errors import DataError
from bench_core.system.foreign_files import read_regular, recognise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LARGEST_LIST_BYTES = 1 << 26
"""64 MiB: the longest list of a dataset has some 3 MiB."""


@dataclass(frozen=True)
class ListedImage:
    """An image that a list names.

    Attributes:
        path: Relative to the dataset's root, with forward slashes and no "." or "..".
        label: Whole number from 0; what it means is the dataset's business.
        line: Line of the list, from 1.
    """

    path: str
    label: int
    line: int


def read_image_list(file: Path, root: Path) -> tuple[ListedImage, ...]:
    """Read a list of images.

    Each line holds a path, white space and a label; a path may contain spaces. Accepted as well:
    a byte order mark, Windows line ends, spaces at the ends of a line, empty lines, backslashes
    between folders. Whether the images exist is not looked up, see `check_images_exist`; links
    inside the root may point anywhere.

    Args:
        file: The list, UTF-8 text.
        root: The folder that its paths are relative to.

    Returns:
        The images in the order of the list; at least one.

    Raises:
        DataError: The list is missing, unreadable or empty; a line is malformed, its path leads
            out of the root, or it names an image a second time. The message names file and line.
    """
    lines = enumerate(_read_text(file).split("\n"), start=1)
    images = tuple(_parse(file, root, text.strip(), line) for line, text in lines if text.strip())
    if not images:
        raise DataError(f"{file} lists no image; restore the file from the dataset's archive")
    _check_distinct(file, images)
    return images


def read_identity_list(file: Path) -> tuple[int, ...]:
    """Read a list of identity numbers, separated by commas or white space.

    Args:
        file: The list, UTF-8 text with or without a byte order mark.

    Returns:
        The identities, ascending and each once; at least one.

    Raises:
        DataError: The list is missing, unreadable or empty, or holds something else.
    """
    entries = [entry for entry in re.split(r"[,\s]+", _read_text(file)) if entry]
    for entry in entries:
        if not re.fullmatch("[0-9]{1,9}", entry):
            raise DataError(f"{file}: '{entry[:40]}' is not an identity number")
    if not entries:
        raise DataError(f"{file} lists no identity; restore the file from the dataset's archive")
    return tuple(sorted({int(entry) for entry in entries}))


def check_images_exist(root: Path, paths: Iterable[str], source: Path) -> None:
    """Check that images are there.

    Args:
        root: The folder that the paths are relative to.
        paths: Relative to the root.
        source: The file that names them.

    Raises:
        DataError: At least one is not a file; the message gives their number and the first.
    """
    try:
        missing = [path for path in paths if not (root / path).is_file()]
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    if missing:
        there = " (which is there, but is no regular file)" if (root / missing[0]).exists() else ""
        raise DataError(
            f"{source}: {len(missing)} of its images are not in {root}, the first is "
            f"{missing[0]}{there}; the images are incomplete or the list belongs to another copy"
        )


def people_by_label(file: Path, images: Iterable[ListedImage], folder: str) -> dict[int, str]:
    """Tell whom each label of a list means, in a list where a label is a person.

    Args:
        file: The list, for messages.
        images: Its images, with paths of the form FOLDER/PERSON/IMAGE.
        folder: The folder that all of them lie in, such as "Visible".

    Returns:
        By label the name of the person's folder, in the order of the list.

    Raises:
        DataError: A path has another form, a label is given to two people or a person has two.
    """
    people: dict[int, str] = {}
    labels: dict[str, int] = {}
    for image in images:
        person = _person(file, image, folder)
        known = people.setdefault(image.label, person)
        label = labels.setdefault(person, image.label)
        if known != person or label != image.label:
            raise DataError(
                f"{file}:{image.line}: label {image.label} is given to the person '{person}', but "
                + (f"'{known}' has it" if known != person else f"they have the label {label}")
                + " above; a label is one person"
            )
    return people


def check_same_people(
    one: tuple[Path, Mapping[int, str]], other: tuple[Path, Mapping[int, str]]
) -> None:
    """Check that the lists of two modalities have the same labels for the same people.

    Args:
        one: A list and whom its labels mean, see `people_by_label`.
        other: The list of the other modality.

    Raises:
        DataError: A label is in only one of them, or means somebody else.
    """
    for (has, people), (lacks, others) in ((one, other), (other, one)):
        for label, person in people.items():
            if label not in others:
                raise DataError(
                    f"{has} has the label {label} ('{person}'), which {lacks.name} has not; both "
                    "must list the same people"
                )
            if others[label] != person:
                raise DataError(
                    f"{has}: label {label} is the person '{person}', but '{others[label]}' in "
                    f"{lacks.name}"
                )


def _read_text(file: Path) -> str:
    try:
        content = read_regular(file, LARGEST_LIST_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from error
    if content and (kind := recognise(content)):
        raise DataError(f"{file} is {kind}; restore it from the dataset's archive")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a text file in UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(file: Path, root: Path, text: str, line: int) -> ListedImage:
    *path, label = text.rsplit(maxsplit=1)
    if not path:
        raise DataError(f"{file}:{line}: '{text[:80]}' is not a path and a label")
    if not re.fullmatch("[0-9]{1,9}", label):
        raise DataError(
            f"{file}:{line}: label '{label[:40]}' of {path[0][:80]} is not a whole number"
        )
    return ListedImage(_relative(file, root, path[0], line), int(label), line)


def _relative(file: Path, root: Path, path: str, line: int) -> str:
    relative = posixpath.normpath(path.replace("\\", "/"))
    if relative.startswith("/") or relative.split("/")[0] == ".." or re.match("[A-Za-z]:", path):
        raise DataError(
            f"{file}:{line}: path '{path[:80]}' leads out of {root}; it must be relative to it"
        )
    return relative


def _person(file: Path, image: ListedImage, folder: str) -> str:
    parts = image.path.split("/")
    if len(parts) != 3 or parts[0] != folder:
        raise DataError(
            f"{file}:{image.line}: '{image.path}' is not {folder}/PERSON/IMAGE, as a list of "
            f"{folder} has it"
        )
    return parts[1]


def _check_distinct(file: Path, images: tuple[ListedImage, ...]) -> None:
    first: dict[str, int] = {}
    for image in images:
        if image.path in first:
            raise DataError(
                f"{file}:{image.line}: {image.path} is already listed in line {first[image.path]}"
            )
        first[image.path] = image.line
