"""What was found as one HTML page with its pictures in it; it loads nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from bench_core.contracts.errors import UsageError
from bench_core.contracts.image_search import QueryFound, SearchDocument
from bench_core.data.decoding import ImageFileError, decode, read_image_file
from bench_core.system.escaping import terminal_name

THUMBNAIL_SIZE = (240, 320)
"""Width and height in pixels at most: twice those that are shown, for screens of fine pixels."""
MOST_PICTURES = 5_000
"""Of a page: more are 40 MB and more, which browsers show slowly."""
_QUALITY = 82

_TEMPLATES = Environment(
    loader=PackageLoader("bench_core.image_search"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture of a page.

    Attributes:
        path: Where it is.
        name: The part of that which is shown below it.
        label: Its rank, or what it is.
        distance: From the query; none where empty.
        same_file: Whether it has the very bytes of the query.
        jpeg: A small copy in base64; None where the file is gone.
    """

    path: str
    name: str
    label: str
    distance: str
    same_file: bool
    jpeg: str | None


def check_pictures(num_queries: int, top: int) -> None:
    """Refuse a page that no browser likes.

    Raises:
        UsageError: It would have more than `MOST_PICTURES` pictures.
    """
    if num_queries * (top + 1) > MOST_PICTURES:
        raise UsageError(
            f"--page: {num_queries:,} queries with {top:,} pictures each are more than "
            f"{MOST_PICTURES:,} pictures; give fewer queries or a smaller --top"
        )


def render_page(document: SearchDocument, files: Mapping[str, Path]) -> str:
    """Render what was found.

    Args:
        document: It.
        files: The file of each path of the document.
    """
    folder = document.gallery.folder.rstrip("/") + "/"
    rows = [
        (_query(query, files), _found(query, files, folder), query.left_out)
        for query in document.queries
    ]
    return _TEMPLATES.get_template("search.html").render(
        document=document, rows=rows, name=terminal_name
    )


def _query(query: QueryFound, files: Mapping[str, Path]) -> Shown:
    return _shown(query.path, files, name=query.path, label="query")


def _found(query: QueryFound, files: Mapping[str, Path], folder: str) -> list[Shown]:
    return [
        _shown(
            found.path,
            files,
            name=found.path.removeprefix(folder),
            label=f"{found.rank}",
            distance=f"{found.distance:.4f}",
            same_file=found.same_file,
        )
        for found in query.results
    ]


def _shown(
    path: str,
    files: Mapping[str, Path],
    *,
    name: str,
    label: str,
    distance: str = "",
    same_file: bool = False,
) -> Shown:
    return Shown(
        path=terminal_name(path),
        name=terminal_name(name),
        label=label,
        distance=distance,
        same_file=same_file,
        jpeg=_thumbnail(files[path]),
    )


def _thumbnail(path: Path) -> str | None:
    """Return a small copy of a picture as base64; None where the file is gone by now."""
    try:
        image = decode(read_image_file(path), path)
    except ImageFileError:
        return None
    image.thumbnail(THUMBNAIL_SIZE, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()
