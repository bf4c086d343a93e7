"""A report as data, and as one HTML page that needs nothing besides."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench_core.figures.drawing import DPI

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCREEN_INCH = 120
"""CSS pixels of an inch of a picture: a page-wide one fills the text."""
PAGE_WIDE = 700
"""CSS pixels from which a picture is not shrunk to a telephone's width, but moved sideways."""

_TEMPLATES = Environment(
    loader=PackageLoader("bench_core.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: its first column is text.

    Attributes:
        columns: Headings; none for a table of names and values.
        rows: As many cells as columns in each.
        text: Whether all columns are text; else those after the first are numbers.
        title: What it shows; none where empty.
        shades: How dark each cell is, from 0 to 1, None for white, as many as `rows` has cells;
            empty for a table that is white.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...]
    text: bool = False
    title: str = ""
    shades: tuple[tuple[float | None, ...], ...] = ()

    @property
    def cells(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The text and the CSS of each cell, by rows."""
        shades = self.shades or tuple((None,) * len(row) for row in self.rows)
        return tuple(
            tuple(zip(row, map(_shading, shade), strict=True))
            for row, shade in zip(self.rows, shades, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with what it shows.

    Attributes:
        name: Name of its file, without suffix.
        caption: What it shows, in a sentence or two.
        png: Its content.
    """

    name: str
    caption: str
    png: bytes

    @property
    def width(self) -> int:
        """Its width in CSS pixels, from its header."""
        return int.from_bytes(self.png[16:20], "big") * SCREEN_INCH // DPI

    @property
    def page_wide(self) -> bool:
        """Whether a telephone moves it sideways instead of shrinking it."""
        return self.width >= PAGE_WIDE

    @property
    def base64(self) -> str:
        """Its content as text."""
        return base64.b64encode(self.png).decode()


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a report, under a heading: text first, then tables, then pictures.

    Attributes:
        heading: Its heading.
        text: Its paragraphs.
        tables: Its tables.
        pictures: Its pictures.
        data: What it says as JSON values, by names of its own, for the data file.
    """

    heading: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """What a report lacks, and why."""

    what: str
    why: str


def render_html(
    title: str, notice: str | None, parts: Sequence[Part], left_out: Sequence[LeftOut]
) -> str:
    """Render a report as one HTML page with its pictures in it.

    Args:
        title: Heading of the page.
        notice: What a reader must know first; none where None.
        parts: In order.
        left_out: What is missing, for the last part.
    """
    if left_out:
        rows = tuple((item.what, item.why) for item in left_out)
        table = Table(columns=("what", "why"), rows=rows, text=True)
        parts = [*parts, Part(heading="Left out", tables=(table,))]
    page = _TEMPLATES.get_template("report.html")
    return page.render(title=title, notice=notice, parts=parts)


def _shading(shade: float | None) -> str:
    """Return the CSS of a cell: its lightness alone tells its shade, its text stays readable."""
    if shade is None:
        return ""
    lightness = 97 - 60 * shade
    return f"background:hsl(205 50% {lightness:.0f}%);color:{'#000' if lightness > 47 else '#fff'}"
