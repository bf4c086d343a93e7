"""The learning curve: a panel for each kind of value, over the epochs of all stages."""

from __future__ import annotations

from bench_core.figures.drawing import png_bytes
from bench_core.figures.learning_curve import Curve, LearningPanel, draw_learning_curves


def curve(name: str, *values: float, start: int = 1) -> Curve:
    epochs = tuple(range(start, start + len(values)))
    return Curve(name=name, epochs=epochs, values=values)


def test_each_panel_shows_its_values_over_all_epochs() -> None:
    panels = [
        LearningPanel(title="identity", curves=(curve("identity", 4.0, 3.0, 2.0),)),
        LearningPanel(title="triplet", curves=(curve("triplet", 1.0, start=3),)),
    ]
    first, second = draw_learning_curves(panels, [1, 3]).axes
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["identity", "triplet"]
    assert list(first.lines[0].get_ydata()) == [4.0, 3.0, 2.0]
    assert second.lines[0].get_marker() == "o"
    assert first.get_xlim() == second.get_xlim() == (0.5, 3.5)


def test_a_line_stands_where_a_stage_begins() -> None:
    panels = [LearningPanel(title="a", curves=(curve("a", 1.0, 2.0, 3.0),))]
    (axes,) = draw_learning_curves(panels, [1, 3]).axes
    assert [list(line.get_xdata()) for line in axes.lines[1:]] == [[2.5, 2.5]]


def test_rates_are_logarithmic_where_none_is_zero() -> None:
    for lowest, scale in ((1e-4, "log"), (0.0, "linear")):
        curves = (curve("one", 0.1, lowest), curve("two", 0.2, 0.1))
        panel = LearningPanel(title="learning rate", curves=curves, logarithmic=True)
        (axes,) = draw_learning_curves([panel], [1]).axes
        assert axes.get_yscale() == scale
        assert len({line.get_linestyle() for line in axes.lines}) == 2
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two"]


def test_names_are_no_mathematics() -> None:
    panels = [LearningPanel(title=r"$\frac{$", curves=(curve(r"$\frac{$", 1.0), curve("$b", 2.0)))]
    assert png_bytes(draw_learning_curves(panels, [1])).startswith(b"\x89PNG")
