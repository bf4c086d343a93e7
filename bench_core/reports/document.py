"""A report as data, and as one HTML page that needs nothing besides."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from bench_core.figures.drawing import DPI

if TYPE_CHECKING:
    from collections.abc import Sequence

SCREEN_INCH = 120
"""CSS pixels of an inch of a picture: a page-wide one fills the text."""
PAGE_WIDE = 700
"""CSS pixels from which a picture is not shrunk to a telephone's width, but moved sideways."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="bench report">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; }}
body {{ padding: 0 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }}
h2 {{ font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid #ccc; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }}
th, td {{ padding: 0.15rem 0.9rem 0.15rem 0; text-align: right; vertical-align: top; }}
td {{ white-space: nowrap; }}
th:first-child, td:first-child, .text td, .text th {{ text-align: left; }}
.text td {{ white-space: normal; overflow-wrap: anywhere; }}
.text td:first-child {{ white-space: nowrap; }}
th {{ border-bottom: 1px solid #888; font-weight: 600; }}
figure {{ margin: 1.5rem 0; }}
figcaption, .note {{ color: #555; font-size: 0.9rem; }}
img {{ max-width: 100%; height: auto; }}
.synthetic {{ background: #fff3cd; border: 1px solid #b58900; padding: 0.6rem 1rem; }}
.numbers {{ overflow-wrap: normal; }}
@media (max-width: 40rem) {{
  body {{ margin: 1rem auto; }}
  .numbers th, .numbers td {{ padding-right: 0.5rem; font-size: 0.8rem; }}
  .text td, .text td:first-child {{ display: block; white-space: normal; padding: 0; }}
  .text td:first-child {{ color: #555; font-size: 0.9rem; margin-top: 0.5rem; }}
  .page {{ max-width: none; width: 36rem; }}
}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: its first column is text.

    Attributes:
        columns: Headings; none for a table of names and values.
        rows: As many cells as columns in each.
        text: Whether all columns are text; else those after the first are numbers.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...]
    text: bool = False


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


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a report, under a heading: text first, then tables, then pictures."""

    heading: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


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
    body = [f"<h1>{escape(title)}</h1>"]
    if notice:
        body.append(f'<p class="synthetic">{escape(notice)}</p>')
    body += [_part(part) for part in parts]
    if left_out:
        rows = tuple((item.what, item.why) for item in left_out)
        table = Table(columns=("what", "why"), rows=rows, text=True)
        body.append(_part(Part(heading="Left out", tables=(table,))))
    return _PAGE.format(title=escape(title), body="\n".join(body))


def _part(part: Part) -> str:
    return "\n".join(
        [
            f"<h2>{escape(part.heading)}</h2>",
            *(f"<p>{escape(text)}</p>" for text in part.text),
            *(_table(table) for table in part.tables),
            *(_figure(picture) for picture in part.pictures),
        ]
    )


def _table(table: Table) -> str:
    head = f"<thead>{_row(table.columns, 'th')}</thead>" if table.columns else ""
    body = "\n".join(_row(row, "td") for row in table.rows)
    kind = "text" if table.text else "numbers"
    return f'<div class="wide"><table class="{kind}">{head}<tbody>\n{body}\n</tbody></table></div>'


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _figure(picture: Picture) -> str:
    content = base64.b64encode(picture.png).decode()
    width = _width(picture.png) * SCREEN_INCH // DPI
    kind = ' class="page"' if width >= PAGE_WIDE else ""
    return (
        f'<figure><div class="wide"><img{kind} width="{width}" alt="{escape(picture.name)}" '
        f'src="data:image/png;base64,{content}"></div>'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _width(png: bytes) -> int:
    """Return the width of a PNG in pixels, from its header."""
    return int.from_bytes(png[16:20], "big")
