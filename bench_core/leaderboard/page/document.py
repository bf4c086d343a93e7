"""The page around the data: one file, which loads nothing and lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench_core.leaderboard.page.data import END, MARK, embedded, page_data
from bench_core.leaderboard.speeds import LEGEND, TEXT_COLUMNS, speed_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench_core.contracts.speed import SpeedRecord
    from bench_core.leaderboard.rows import Section
    from bench_core.published.registry import Published

STYLE = "page.css"
SCRIPTS = (
    "elements.js",
    "values.js",
    "filter.js",
    "address.js",
    "table.js",
    "axes.js",
    "scatter.js",
    "curves.js",
    "published.js",
    "robustness.js",
    "details.js",
    "panel.js",
    "page.js",
)
"""Of the folder assets, in the order in which they rely on each other."""

_TEMPLATES = Environment(
    loader=PackageLoader("bench_core.leaderboard.page", "assets"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def html_page(
    tables: Sequence[Section],
    speeds: Sequence[SpeedRecord] = (),
    published: Published | None = None,
) -> str:
    """Render all sections as one page, which works from disk and without a network.

    Args:
        tables: From `bench_core.leaderboard.rows.sections`.
        speeds: Measurements of devices, shown behind the results.
        published: Numbers of papers, shown apart.

    Returns:
        An HTML document, ending in a newline; the same arguments give the same bytes.
    """
    style, script = _asset(STYLE), _script()
    return _TEMPLATES.get_template("page.html").render(
        policy=_policy(style, script),
        style=style,
        script=script,
        data=f"{MARK}{embedded(page_data(tables, published))}{END}",
        speeds=speed_blocks(speeds),
        speed_legend=LEGEND,
        text_columns=TEXT_COLUMNS,
    )


def _asset(name: str) -> str:
    return (files("bench_core.leaderboard.page") / "assets" / name).read_text(encoding="utf-8")


def _script() -> str:
    """Return the scripts as one, whose names nothing outside sees."""
    body = "\n".join(_asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def _policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: this style and this script, and nothing from anywhere."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
