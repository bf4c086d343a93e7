"""A search in somebody's own images: from folders to what is nearest to each query."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.image_search import (
    FoundImage,
    QueryFound,
    SearchDocument,
    SearchedGallery,
    SearchedModel,
    SearchSeconds,
    SkippedFile,
)
from bench_core.contracts.images import INFRARED, VISIBLE, Modality
from bench_core.evaluation.nearest import Nearest, find_nearest
from bench_core.image_search.extraction import (
    ExtractionWay,
    FolderFeatures,
    features_of,
    identity_of,
)
from bench_core.image_search.inspection import SeenFile
from bench_core.image_search.kept_features import SEARCHES_FOLDER, FeatureShelf
from bench_core.image_search.listing import (
    IMAGE_SUFFIXES,
    Listing,
    UnreadableFile,
    list_files,
    list_folder,
    path_text,
)
from bench_core.pipeline.attribution import attributed
from bench_core.pipeline.opened_models import OpenedModel
from bench_core.plugins import Registry
from bench_core.system.escaping import terminal_line


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What is searched for, and where.

    Attributes:
        model_path: Where the model is, for the report.
        gallery: The folder that is searched.
        queries: Image files, and folders of such.
        query_modality: What the queries are taken as.
        gallery_modality: What the pictures of the gallery are taken as.
        top: How many to find for each query.
        keep_same_file: Whether files that have the very bytes of the query are found, too.
        skip_unreadable: Whether files that give no picture are left out; else they are an error.
        cache: Folder for the features; None to keep none.
        device: Where features are extracted.
        threads: Processor threads of that.
    """

    model_path: Path
    gallery: Path
    queries: tuple[Path, ...]
    query_modality: Modality
    gallery_modality: Modality
    top: int
    keep_same_file: bool
    skip_unreadable: bool
    cache: Path | None
    device: torch.device
    threads: int


@dataclass(frozen=True, kw_only=True)
class SearchOutcome:
    """What was found.

    Attributes:
        document: It, for people and programs.
        files: By each path as the document has it, the file: names of other bytes than UTF-8 are
            no text.
    """

    document: SearchDocument
    files: Mapping[str, Path]


def search(
    registry: Registry, model: OpenedModel, request: SearchRequest, model_seconds: float
) -> SearchOutcome:
    """Search a folder for the pictures that are nearest to each query.

    Args:
        registry: The plugins.
        model: The model.
        request: What is searched for, and where.
        model_seconds: How long it took to load the model.

    Raises:
        UsageError: A folder or a query is not there.
        DataError: There is no picture, one cannot be read, or has no distance.
        PluginError: The method breaks its contract.
        BenchError: Features cannot be kept.
    """
    started = time.perf_counter()
    query_listings = _query_listings(request.queries)
    gallery_listing = _gallery_listing(request.gallery)
    identity = identity_of(registry, model)
    with attributed(registry, model.facts["method"]):
        queries = [
            _features(listing, model, identity, request, request.query_modality)
            for listing in query_listings
        ]
        gallery = _features(gallery_listing, model, identity, request, request.gallery_modality)
    for found, what in ((queries, "query"), ([gallery], "picture of the gallery")):
        if not any(folder.files for folder in found):
            raise DataError(f"no {what} can be read; the lines above name the files")
    extracted = time.perf_counter()
    answers, files = _answers(queries, gallery, model, request)
    finished = time.perf_counter()
    document = SearchDocument(
        model=SearchedModel(
            path=path_text(request.model_path),
            method=model.facts["method"],
            variant=model.facts["variant"],
            identity=identity,
            metric=model.method.metric,
        ),
        gallery=SearchedGallery(
            folder=path_text(request.gallery),
            modality=request.gallery_modality,
            images=len(gallery.files),
            extracted=gallery.num_extracted,
        ),
        query_modality=request.query_modality,
        top=request.top,
        queries=tuple(answers),
        skipped=_skipped([*queries, gallery]),
        warnings=tuple(_warnings(queries, gallery, request)),
        seconds=SearchSeconds(
            model=round(model_seconds, 3),
            features=round(extracted - started, 3),
            search=round(finished - extracted, 3),
        ),
    )
    return SearchOutcome(document=document, files=files)


def _skipped(folders: Sequence[FolderFeatures]) -> tuple[SkippedFile, ...]:
    return tuple(
        SkippedFile(path=path_text(item.path), reason=item.reason)
        for folder in folders
        for item in folder.unreadable
    )


def _query_listings(paths: Sequence[Path]) -> list[Listing]:
    """List the queries: each folder, and neighbouring files together.

    Raises:
        UsageError: A path is not there.
        DataError: A folder holds no pictures.
    """
    listings: list[Listing] = []
    files: list[Path] = []
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(f"--query {path}: there is no such file or folder")
        if not path.is_dir():
            files.append(path)
            continue
        listings += [list_files(files)] if files else []
        files = []
        listings.append(_not_empty(list_folder(path), "--query"))
    return [*listings, list_files(files)] if files else listings


def _gallery_listing(folder: Path) -> Listing:
    if not folder.is_dir():
        is_file = os.path.lexists(folder)
        what = "is not a folder" if is_file else "does not exist; name a folder of pictures"
        raise UsageError(f"--gallery {folder} {what}")
    return _not_empty(list_folder(folder), "--gallery")


def _not_empty(listing: Listing, option: str) -> Listing:
    if listing.files or listing.unreadable:
        return listing
    others = f"; it holds {listing.num_others:,} other files" if listing.num_others else ""
    raise DataError(
        f"{option} {listing.folder} holds no pictures, files whose names end in "
        f"{', '.join(IMAGE_SUFFIXES)}{others}"
    )


def _features(
    listing: Listing,
    model: OpenedModel,
    identity: str,
    request: SearchRequest,
    modality: Modality,
) -> FolderFeatures:
    """Return the features of a listing; those of single files are not kept."""
    way = ExtractionWay(
        model=model,
        identity=identity,
        modality=modality,
        device=request.device,
        threads=request.threads,
        judge=_leave_out if request.skip_unreadable else _refuse,
    )
    shelf = None
    if request.cache is not None and listing.complete:
        shelf = request.cache / SEARCHES_FOLDER / way.key_of(listing.folder)
    return features_of(listing, way, FeatureShelf(shelf))


def _leave_out(unreadable: Sequence[UnreadableFile]) -> None:
    """Name files that give no picture, a line each."""
    for item in unreadable:
        sys.stderr.write(f"Skipped: {terminal_line(str(item))}\n")


def _refuse(unreadable: Sequence[UnreadableFile]) -> None:
    """Refuse files that give no picture.

    Raises:
        DataError: There is one.
    """
    if unreadable:
        more = f" (and {len(unreadable) - 1:,} more)" if len(unreadable) > 1 else ""
        raise DataError(
            f"{unreadable[0]}{more}; mend or remove it, or give --skip-unreadable to leave out "
            "what cannot be read"
        )


def _answers(
    queries: Sequence[FolderFeatures],
    gallery: FolderFeatures,
    model: OpenedModel,
    request: SearchRequest,
) -> tuple[list[QueryFound], dict[str, Path]]:
    """Search for all queries, of which each file counts once; return the files by path, too."""
    files = gallery.files
    copies: dict[bytes, list[int]] = {}
    for row, seen in enumerate(files):
        copies.setdefault(seen.digest, []).append(row)
    asked = {
        folder.listing.folder / seen.file.name: (seen, row)
        for folder in queries
        for seen, row in _in_order(folder)
    }
    features = np.stack([row for _, row in asked.values()])
    same = [np.array(copies.get(seen.digest, ()), dtype=np.int64) for seen, _ in asked.values()]
    nothing = np.empty(0, dtype=np.int64)
    found = find_nearest(
        features,
        [part.searchable for part in gallery.parts],
        model.method.metric,
        request.top,
        order=_places(files),
        hidden=[nothing if request.keep_same_file else rows for rows in same],
    )
    answers, paths = [], {path_text(path): path for path in asked}
    for path, nearest, rows in zip(asked, found, same, strict=True):
        shown = [request.gallery / files[row].file.name for row in nearest.rows.tolist()]
        paths |= {path_text(image): image for image in shown}
        answers.append(
            QueryFound(
                path=path_text(path),
                left_out=0 if request.keep_same_file else len(rows),
                results=_found_images(nearest, shown, set(rows.tolist())),
            )
        )
    return answers, paths


def _in_order(folder: FolderFeatures) -> list[tuple[SeenFile, NDArray[np.float32]]]:
    """Return files with their features in the order of the listing."""
    rows = {
        seen.file.name: (seen, row)
        for part in folder.parts
        for seen, row in zip(part.files, part.features, strict=True)
    }
    return [rows[file.name] for file in folder.listing.files if file.name in rows]


def _places(files: Sequence[SeenFile]) -> NDArray[np.int64]:
    """Return the place of each row in the order of names, by which equal distances are ordered."""
    places = np.empty(len(files), dtype=np.int64)
    places[sorted(range(len(files)), key=lambda row: files[row].file.name)] = np.arange(len(files))
    return places


def _found_images(
    nearest: Nearest, paths: Sequence[Path], same: set[int]
) -> tuple[FoundImage, ...]:
    triples = zip(nearest.rows.tolist(), nearest.distances.tolist(), paths, strict=True)
    return tuple(
        FoundImage(rank=rank, path=path_text(path), distance=distance, same_file=row in same)
        for rank, (row, distance, path) in enumerate(triples, start=1)
    )


def _warnings(
    queries: Sequence[FolderFeatures], gallery: FolderFeatures, request: SearchRequest
) -> list[str]:
    """Say where pictures do not look like what they were taken as."""
    sides = (
        ("query", [seen for folder in queries for seen in folder.files], request.query_modality),
        ("gallery", gallery.files, request.gallery_modality),
    )
    lines = []
    for side, files, modality in sides:
        odd = sum(seen.gray != (modality == INFRARED) for seen in files)
        if odd:
            other = VISIBLE if modality == INFRARED else INFRARED
            looks = "have colours" if modality == INFRARED else "have three equal channels"
            lines.append(
                f"{odd:,} of {len(files):,} {side} pictures {looks}, as {other} ones do, and are "
                f"taken as {modality} ones; if that is wrong, give --{side}-modality {other}, or "
                "pictures of one kind"
            )
    return lines
