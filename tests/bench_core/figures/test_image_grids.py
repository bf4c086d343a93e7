"""Grids show every image in its place, undistorted and no wider than a page."""

from __future__ import annotations

import numpy as np
import pytest

from bench_core.figures.drawing import PAGE_INCHES
from bench_core.figures.image_grids import Cells, draw_image_grid


def test_a_montage_has_each_image_in_its_cell_and_white_between() -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 5, 3), dtype=np.uint8)
    cells = Cells(height=4, width=5, gap_below=2, gap_right=1)
    whole = cells.montage(images)
    assert whole.shape == (2 * 6, 3 * 6, 3)
    for row in range(2):
        for column in range(3):
            cell = whole[row * 6 : row * 6 + 6, column * 6 : column * 6 + 6]
            assert np.array_equal(cell[:4, :5], images[row, column])
            assert (cell[4:] == 255).all()
            assert (cell[:, 5:] == 255).all()


@pytest.mark.parametrize("columns", [2, 10])
def test_images_keep_their_proportions_within_a_page(columns: int) -> None:
    images = np.zeros((columns, 96, 48, 3), dtype=np.uint8)
    figure = draw_image_grid({"visible": images, "fake infrared": images})
    (axes,) = figure.axes
    place = axes.get_position()
    shown = axes.images[0].get_array()
    assert shown is not None
    inches = place.width * figure.get_figwidth(), place.height * figure.get_figheight()
    assert inches[0] / shown.shape[1] == pytest.approx(inches[1] / shown.shape[0])
    assert figure.get_figwidth() <= PAGE_INCHES + 1e-9


def test_rows_and_columns_are_named() -> None:
    images = np.zeros((2, 8, 4, 3), dtype=np.uint8)
    (axes,) = draw_image_grid({"visible": images, "X": images}, ["first", "second"]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["visible", "X"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first", "second"]
    assert axes.get_yticks().tolist() == [4, 13]  # the middle of each row, a pixel apart
