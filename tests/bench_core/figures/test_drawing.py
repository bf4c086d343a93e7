"""Figures become files that are the same wherever they are drawn, and leave matplotlib alone."""

from __future__ import annotations

import os
import subprocess
import sys

import matplotlib as mpl
import pytest
from PIL import Image

from bench_core.figures.drawing import (
    DPI,
    PALETTE,
    add_axes,
    new_figure,
    png_bytes,
    style,
    svg_bytes,
)

DRAWING = """
import sys
from bench_core.figures.cmc import draw_cmc
from bench_core.figures.drawing import svg_bytes
sys.stdout.buffer.write(svg_bytes(draw_cmc([[0.25] * 20, [0.5] * 20], {1: (0.1, 0.6)})))
"""


def test_a_size_is_in_inches() -> None:
    import io

    image = Image.open(io.BytesIO(png_bytes(new_figure(2, 1))))
    assert image.size == (2 * DPI, DPI)


def test_axes_lie_where_they_were_put() -> None:
    figure = new_figure(4, 2)
    place = add_axes(figure, 1, 0.5, 2, 1).get_position()
    assert (place.x0, place.y0, place.width, place.height) == (0.25, 0.25, 0.5, 0.5)


@pytest.mark.slow
def test_an_svg_is_the_same_in_every_process() -> None:
    drawn = [
        subprocess.run(
            [sys.executable, "-c", DRAWING],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith(b"<?xml")


def test_an_svg_names_neither_date_nor_program_and_keeps_text() -> None:
    figure = new_figure(1, 1)
    figure.text(0.1, 0.1, "rank-1 of xiv")
    svg = svg_bytes(figure).decode()
    assert "dc:date" not in svg
    assert "Matplotlib" not in svg
    assert ">rank-1 of xiv</text>" in svg


def test_the_settings_of_the_caller_come_back() -> None:
    with mpl.rc_context({"font.size": 31}):
        with style():
            assert mpl.rcParams["font.size"] == 8
        png_bytes(new_figure(1, 1))
        assert mpl.rcParams["font.size"] == 31


def test_the_settings_of_the_caller_change_no_figure() -> None:
    plain = svg_bytes(_labelled())
    with mpl.rc_context({"font.size": 31, "axes.facecolor": "red", "savefig.transparent": True}):
        assert svg_bytes(_labelled()) == plain


def test_no_two_colours_are_alike() -> None:
    assert len(set(PALETTE)) == len(PALETTE)


def _labelled() -> mpl.figure.Figure:
    with style():
        figure = new_figure(2, 2)
        add_axes(figure, 0.5, 0.5, 1, 1).set_title("a title")
    return figure
