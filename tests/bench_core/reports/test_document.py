"""The page: everything in it is text that was escaped, and pictures that need no other file."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from bench_core.figures.drawing import new_figure, png_bytes
from bench_core.reports.document import SCREEN_INCH, LeftOut, Part, Picture, Table, render_html

SHARP = '<b>"xiv" & friends</b>'


class Outline(HTMLParser):
    """Collects tags, and fails on tags that are not closed in order."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> list[str]:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser.seen


def test_a_page_is_well_formed_whatever_the_text() -> None:
    picture = Picture(name="cmc", caption=SHARP, png=png_bytes(new_figure(1, 1)))
    table = Table(columns=(SHARP, "b"), rows=((SHARP, "1"), ("c", SHARP)))
    part = Part(heading=SHARP, text=(SHARP,), tables=(table,), pictures=(picture,))
    page = render_html(SHARP, SHARP, [part], [LeftOut(SHARP, SHARP)])
    assert "b" not in outline(page)
    assert "<b>" not in page
    assert outline(page).count("img") == 1


def test_a_picture_is_part_of_the_page_at_its_size_in_inches() -> None:
    picture = Picture(name="cmc", caption="a curve", png=png_bytes(new_figure(3, 1)))
    page = render_html("title", None, [Part(heading="Scores", pictures=(picture,))], [])
    assert 'src="data:image/png;base64,' in page
    assert f'width="{3 * SCREEN_INCH}"' in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_what_is_missing_is_said_last_with_the_reason() -> None:
    page = render_html("title", None, [Part(heading="Scores")], [LeftOut("cost", "not measured")])
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Scores", "Left out"]
    assert "<td>cost</td><td>not measured</td>" in page


def test_a_complete_report_says_nothing_of_gaps() -> None:
    assert "Left out" not in render_html("title", None, [Part(heading="Scores")], [])


def test_a_notice_stands_before_all_parts() -> None:
    page = render_html("title", "these people are rendered", [Part(heading="Scores")], [])
    assert page.index("these people are rendered") < page.index("Scores</h2>")
    assert 'class="synthetic"' not in render_html("title", None, [], [])


def test_a_page_wide_picture_moves_sideways_on_a_telephone_and_others_shrink() -> None:
    pictures = [
        Picture(name=name, caption="", png=png_bytes(new_figure(width, 1)))
        for name, width in (("narrow", 5.2), ("wide", 7.2))
    ]
    page = render_html("title", None, [Part(heading="Searches", pictures=tuple(pictures))], [])
    assert re.findall(r'<img( class="page")? width="\d+" alt="(\w+)"', page) == [
        ("", "narrow"),
        (' class="page"', "wide"),
    ]
    assert '<meta name="viewport" content="width=device-width">' in page


def test_the_darker_a_cell_the_more_and_its_text_stays_readable() -> None:
    table = Table(title="<i>", rows=(("a", "1", "2", "-"),), shades=((None, 0.0, 1.0, None),))
    styles = [style for _, style in table.cells[0]]
    assert styles[0] == styles[3] == ""
    assert styles[1:3] == [
        "background:hsl(205 50% 97%);color:#000",
        "background:hsl(205 50% 37%);color:#fff",
    ]
    page = render_html("t", None, [Part(heading="h", tables=(table,))], [])
    assert "<h3>&lt;i&gt;</h3>" in page
    assert f'<td>a</td><td class="shaded" style="{styles[1]}">1</td>' in page
