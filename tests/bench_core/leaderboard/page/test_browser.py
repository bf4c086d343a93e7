"""The page in Chromium. Each test also fails on a request, a complaint or a foreign script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

OpenPage: TypeAlias = "Callable[..., Page]"

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
HOSTILE = ("</script><script>window.ran = 1</script>", "<img src=x onerror='window.ran = 1'>")
FIRST = "section.table:has(h3:has-text('official'))"
NAMES = f"{FIRST} .results tbody .name a"


def names(page: Page) -> list[str]:
    return page.locator(NAMES).all_text_contents()


def fill_filter(page: Page, text: str) -> None:
    """Type a filter, and wait until it acts."""
    page.locator("#filter").fill(text)
    acts = "text => (new URLSearchParams(location.hash.slice(1)).get('filter') ?? '') === text"
    page.wait_for_function(acts, arg=text)


def test_rows_stand_by_rank_and_those_not_told_apart_share_a_number(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    assert names(page) == ["xiv", "agw", "DDAG", "xiv + re-ranking"]
    ranks = page.locator(f"{FIRST} td.rank").all_inner_texts()
    assert [text.split("\u00d7")[0] for text in ranks] == ["1", "1", "3", "r1"]
    assert "shared by 2 rows" in page.locator(f"{FIRST} td.rank").first.text_content()
    caption = page.locator(f"{FIRST} caption").first.text_content()
    assert caption == page.locator(f"{FIRST} h3").text_content()


def test_a_press_on_a_heading_sorts_and_another_turns_it_round(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    heading = page.locator(f"{FIRST} th", has=page.get_by_role("button", name="mAP", exact=True))
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(page) == ["xiv + re-ranking", "agw", "xiv", "DDAG"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["DDAG", "xiv", "agw", "xiv + re-ranking"]
    assert page.locator(f"{FIRST} .results th[aria-sort]").count() == 1


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_what_was_not_measured_stands_last_and_is_a_dash(open_page: OpenPage, order: str) -> None:
    page = open_page(f"#tab=sysu-mm01.sysu-all-single&sort=macs&order={order}")
    assert names(page)[-1] == "DDAG"
    assert page.locator(f"{FIRST} tbody td.giga").last.text_content() == "\N{EN DASH}"


FILTERS = {
    "AGW": ["agw"],
    "-xiv": ["agw", "DDAG"],
    "rank-1>=58 -re-ranking": ["xiv", "agw"],
    "map<40": ["DDAG"],
    "features": ["DDAG"],
    "macs<5 agw": ["agw"],
    "nothing": [],
    "": ["xiv", "agw", "DDAG", "xiv + re-ranking"],
}


def test_the_filter_takes_words_and_bounds(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    for text, expected in FILTERS.items():
        fill_filter(page, text)
        assert names(page) == expected, text
        said = f"{len(expected)} of 4 rows pass the filter." if text else "4 rows."
        assert page.locator(f"{FIRST} .about [role=status]").inner_text() == said


def test_a_tab_is_a_protocol_and_synthetic_ones_say_so(open_page: OpenPage) -> None:
    page = open_page()
    tabs = page.get_by_role("tab")
    assert tabs.all_inner_texts() == [
        "sysu-all-single",
        "sysu-all-single-corrupted",
        "sysu-indoor-single",
        "sysu-all-singlesynthetic",
        "regdb-visible-to-thermalpublished",
    ]
    tabs.nth(3).click()
    assert page.get_by_role("tab", selected=True).inner_text() == "sysu-all-singlesynthetic"
    assert page.locator("#panel h2").inner_text() == "Synthetic data: sysu-all-single"
    assert "compare with nothing published" in page.locator("#panel .notice").inner_text()
    assert page.locator(".published").count() == 0
    headings = page.locator("section.table h3").all_inner_texts()
    assert all(text.startswith("Synthetic ") for text in headings)


def test_published_rows_are_a_block_of_their_own(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    block = page.locator(".published")
    assert "not measured here" in block.locator("h3").inner_text()
    first, second = block.locator("tbody tr").all()
    assert first.inner_text().split("\t")[:3] == [HOSTILE[1], "47.5[1]", ""]
    assert second.inner_text().split("\t")[:3] == ["xiv", "49.92", "50.73"]
    assert [row.get_attribute("class") for row in (first, second)] == ["unchecked", None]
    assert block.locator(".notes").inner_text() == f"[1] {HOSTILE[1]}"
    assert block.locator(".rank").count() == 0
    assert block.evaluate("block => getComputedStyle(block).borderTopStyle") == "dashed"


def test_published_rows_are_sorted_and_filtered_like_measured_ones(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single&sort=rank-1&order=descending")
    names_there = page.locator(".published tbody .name")
    assert names_there.all_inner_texts() == ["xiv", HOSTILE[1]]
    fill_filter(page, "rank-1<48")
    assert names_there.all_inner_texts() == [HOSTILE[1]]
    assert "1 of 2 rows pass the filter." in page.locator(".published [role=status]").inner_text()
    fill_filter(page, "mAP>0 xiv")
    assert page.locator(".published .notes li").count() == 0


def test_a_measured_row_says_how_far_it_is_from_its_paper(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    page.locator(NAMES).first.click()
    table = page.locator("details[open] table", has_text="Against its paper")
    rows = [row.split("\t")[:4] for row in table.locator("tbody tr").all_inner_texts()]
    assert rows == [
        ["rank-1", "49.92", "60.00", "+10.08"],
        ["mAP", "50.73", "50.00", "\N{MINUS SIGN}0.73"],
    ]


def test_a_protocol_with_published_rows_alone_has_a_tab_without_columns(
    open_page: OpenPage,
) -> None:
    page = open_page("#tab=regdb.regdb-visible-to-thermal")
    assert page.locator("section.table, .columns").count() == 0
    assert "Nobody has measured this protocol" in page.locator("#panel").inner_text()
    assert page.locator(".published tbody tr").count() == 1


def test_a_synthetic_tab_has_a_link_to_published_numbers_and_none_of_them(
    open_page: OpenPage,
) -> None:
    page = open_page("#tab=synthetic.sysu-mm01.sysu-all-single")
    assert page.locator(".published").count() == 0
    page.get_by_role("link", name="Published numbers of this protocol").click()
    page.wait_for_selector(".published")
    assert page.locator(".published tbody tr").count() == 2
    assert page.get_by_role("tab", selected=True).inner_text() == "sysu-all-single"


def test_the_address_restores_the_view(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="mAP", exact=True).last.click()
    page.locator(".columns summary").click()
    page.locator('[data-column="rank-20"]').check()
    page.locator('[data-column="parameters"]').uncheck()
    fill_filter(page, "xiv")
    page.locator(f"{FIRST} .results tbody input").nth(1).check()
    page.get_by_label("Accuracy").first.select_option("mINP")
    shown = page.locator("#sections").inner_html()
    assert_chosen(page)
    page = open_page(page.evaluate("location.hash"))
    assert_chosen(page)
    assert page.locator("#sections").inner_html() == shown
    page.get_by_role("button", name="Usual view").click()
    assert page.evaluate("location.hash") == "#tab=sysu-mm01.sysu-all-single"
    assert len(names(page)) == 4


def assert_chosen(page: Page) -> None:
    assert names(page) == ["xiv + re-ranking", "xiv"]
    heads = page.locator(f"{FIRST} .results thead button").all_inner_texts()
    assert "rank-20" in heads
    assert "params (M)" not in heads
    checked = page.locator(".results input:checked")
    assert str(checked.get_attribute("aria-label")).startswith("Show the curve of xiv, ")
    assert page.locator("#filter").input_value() == "xiv"
    assert page.get_by_label("Accuracy").first.input_value() == "mINP"


def test_an_address_that_the_page_does_not_have_shows_the_usual_view(open_page: OpenPage) -> None:
    page = open_page("#tab=<b>&sort=constructor&columns=__proto__,x&rows=nobody&open=nothing&x=y")
    assert page.get_by_role("tab", selected=True).inner_text() == "sysu-all-single"
    assert len(names(page)) == 4


def test_chosen_rows_have_curves_and_a_colour_of_their_own(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    key = page.locator(f"{FIRST} .key tbody .name")
    assert key.count() == 4
    for place in (0, 2):
        page.locator(f"{FIRST} .results tbody input").nth(place).check()
    assert key.count() == 2
    assert page.locator(f"{FIRST} figure path.curve").count() == 2 + 2  # curves and their key
    strokes = page.locator(f"{FIRST} .key path.curve").evaluate_all(
        "paths => paths.map(path => getComputedStyle(path).stroke)"
    )
    assert len(set(strokes)) == 2
    page.locator(FIRST).get_by_role("img", name="CMC curves").press("ArrowRight")
    assert page.locator(f"{FIRST} .key thead th").last.inner_text() == "rank-2"


def test_the_plot_says_what_a_point_is_and_leaves_out_what_has_no_cost(
    open_page: OpenPage,
) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    figure = page.locator(f"{FIRST} figure").first
    assert "2 of 4 rows are re-ranked or lack one" in figure.locator("figcaption").inner_text()
    place = figure.locator("path.sign").first
    place.hover(force=True)
    assert "rank-1 60.00 [30.0, 60.0]" in figure.locator(".readout").inner_text()
    place.click(force=True)
    assert page.locator(f"{FIRST} .results input:checked").count() == 1


def test_a_result_has_a_section_with_settings_provenance_and_trials(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single")
    page.locator(NAMES).first.click()
    opened = page.locator("details.result[open]")
    assert opened.locator("caption").all_inner_texts() == [
        "Scores (%)", "Against its paper (%)", "Trials (%)", "Cost", "Configuration", "Protocol",
        "Data", "Provenance",
    ]  # fmt: skip
    trials = opened.get_by_role("table", name="Trials (%)").locator("tbody tr")
    assert trials.count() == 2
    assert trials.first.inner_text().split("\t")[:3] == ["1", "301", "60.00"]
    assert opened.get_by_role("row", name="fingerprint").inner_text().endswith("a" * 64)
    summary = opened.locator("summary").inner_text()
    again = open_page(page.evaluate("location.hash"))
    assert again.locator("details.result[open] summary").inner_text() == summary


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_and_the_switch_over_it(
    open_page: OpenPage, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    grounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}
    assert page.evaluate(ground) == grounds[scheme]
    other = {"light": "dark", "dark": "light"}[scheme]
    page.get_by_label("Theme").select_option(other)
    assert page.evaluate(ground) == grounds[other]
    page.reload()
    assert page.evaluate(ground) == grounds[other]


CONTRAST = """(selectors) => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length === 3) return colour;
    }
    return [255, 255, 255];
  };
  return selectors.flatMap((selector) => [...document.querySelectorAll(selector)].map((node) => {
    const style = getComputedStyle(node);
    const colour = node instanceof SVGElement ? style.stroke : style.color;
    const [a, b] = [light(numbers(colour)), light(ground(node))].sort((x, y) => y - x);
    return [selector, (a + 0.05) / (b + 0.05)];
  }));
}"""
TEXTS = ["a", "td", "th", "button", "p", ".interval", ".shared", ".quiet", ".badge", "figcaption"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_curves_stand_out_from_their_ground(open_page: OpenPage, scheme: str) -> None:
    rows = "#tab=synthetic.sysu-mm01.sysu-all-single"
    ids = "all => all.map(row => row.dataset.row)"
    chosen = open_page(rows).locator(".results tbody tr").evaluate_all(ids)
    page = open_page(f"{rows}&rows={','.join(chosen)}", color_scheme=scheme)
    texts = page.evaluate(CONTRAST, TEXTS)
    assert {selector for selector, _ in texts} == set(TEXTS)
    assert min(texts, key=lambda pair: pair[1])[1] >= 4.5  # WCAG 2, AA
    curves = page.evaluate(CONTRAST, ["path.curve", ".front"])
    assert len(curves) > 7
    assert min(curves, key=lambda pair: pair[1])[1] >= 3


@pytest.mark.parametrize(
    "tab", ["sysu-mm01.sysu-all-single", "synthetic.sysu-mm01.sysu-all-single"]
)
def test_on_a_phone_nothing_but_tables_is_moved_sideways(open_page: OpenPage, tab: str) -> None:
    page = open_page(f"#tab={tab}", viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".columns summary").click()
    page.locator(NAMES).first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    tables = "nodes => nodes.every(node => node.scrollWidth <= innerWidth || node.tabIndex === 0)"
    assert page.locator(".wide").evaluate_all(tables)


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.textContent")


def test_the_keyboard_reaches_everything_and_keeps_its_place(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the results"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "panel"
    page.get_by_role("tab").first.focus()
    page.keyboard.press("ArrowLeft")
    assert (
        page.get_by_role("tab", selected=True).inner_text() == "regdb-visible-to-thermalpublished"
    )
    assert focused(page) == "regdb-visible-to-thermalpublished"
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "filter"
    heading = page.get_by_role("button", name="mINP").last
    heading.focus()
    page.keyboard.press("Enter")
    assert focused(page).startswith("mINP")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.locator(f"{FIRST} .results tbody input").first.focus()
    page.keyboard.press("Space")
    assert page.locator(".results input:checked").count() == 1
    assert page.evaluate("document.activeElement.checked")
    page.get_by_role("img", name="rank-1 against").last.focus()
    page.keyboard.press("ArrowRight")
    assert "MACs (G)" in page.locator(f"{FIRST} .readout").inner_text()
    page.keyboard.press("Enter")
    assert page.locator(".results input:checked").count() != 1


def test_hostile_names_are_shown_as_they_are(open_page: OpenPage) -> None:
    page = open_page("#tab=synthetic.sysu-mm01.sysu-all-single&columns=device,title")
    assert (
        page.locator("section.table h3")
        .first.text_content()
        .startswith("Synthetic \u2028window.ran = 1")
    )
    shown = page.locator(".results td.text").all_text_contents()
    assert HOSTILE[0] in shown
    page.locator(".results tr", has_text="onerror").locator(".name a").click()
    settings = page.get_by_role("table", name="Configuration").locator("tr")
    assert settings.last.locator("th, td").all_text_contents() == [HOSTILE[1], HOSTILE[1]]
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0


def test_the_policy_lets_nothing_else_run(open_page: OpenPage, complaints: list[str]) -> None:
    page = open_page()
    refused = page.evaluate(
        """() => new Promise((settle) => {
          const told = (event) => settle(event.effectiveDirective);
          document.addEventListener("securitypolicyviolation", told);
          const script = document.createElement("script");
          script.textContent = "window.ran = 1";
          document.body.append(script);
        })"""
    )
    assert refused == "script-src-elem"
    assert "violates the following Content Security Policy" in complaints.pop()


def test_ten_times_as_many_rows_are_shown_a_hundred_at_a_time(
    open_page: OpenPage, make_record: Callable[..., Any], tmp_path: Path
) -> None:
    from bench_core.leaderboard.page.document import html_page
    from bench_core.leaderboard.rows import sections

    records = [make_record(0.5, method__seed=seed) for seed in range(120)]
    path = tmp_path / "many.html"
    path.write_text(html_page(sections(records, lambda _first, _second: False)))
    page = open_page(path=path)
    rows = page.locator(".results tbody tr")
    assert rows.count() == 100
    page.get_by_role("button", name="Show 20 more").click()
    assert rows.count() == 120
    assert page.get_by_role("button", name="more").count() == 0


def test_without_results_the_page_says_how_to_make_one(open_page: OpenPage, tmp_path: Path) -> None:
    from bench_core.leaderboard.page.document import html_page

    path = tmp_path / "empty.html"
    path.write_text(html_page([]))
    assert "bench run --method xiv" in open_page(path=path).locator("#panel").inner_text()


def test_corrupted_results_have_a_table_of_robustness_that_the_filter_narrows(
    open_page: OpenPage,
) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single-corrupted")
    table = page.locator("table:has(caption:has-text('Scores by kind of corruption')) tbody tr")
    assert table.locator("th").all_inner_texts() == ["xiv", "agw"]
    fill_filter(page, "agw")
    assert table.all_inner_texts() == ["agw\t50.00\t20.00\t40.00\t20.00\t20.00\t20.00\t20.00"]


def test_a_corrupted_result_has_its_grid(open_page: OpenPage) -> None:
    page = open_page("#tab=sysu-mm01.sysu-all-single-corrupted&filter=agw")
    page.locator("details.result summary").click()
    grid = page.locator("table:has(caption:has-text('by corruption and severity')) tbody tr")
    grid.first.wait_for()
    assert grid.count() == 20
    assert grid.first.inner_text() == "gaussian noise" + 6 * "\t20.00"
