"""A page of invented records in a real browser, which may reach nothing and complain of nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.page.document import html_page
from bench_core.leaderboard.rows import sections
from bench_core.published.registry import Published
from bench_core.published.schema import (
    PublishedConflict,
    PublishedMethod,
    PublishedRow,
    PublishedSource,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MakeRecord = Callable[..., ResultRecord]

HOSTILE = (
    "</script><script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "\u2028window.ran = 1\u2029//",
    "javascript:window.ran=1",
    "<!--<script>",
    '" onfocus="window.ran = 1" autofocus x="',
)


def printed_row(source: str, method: str, protocol: str, **values: str) -> PublishedRow:
    """Make a row of a paper; `rank_1` is the rank-1."""
    return PublishedRow(
        source=source, table=f"Table {HOSTILE[1]}", row=method, method=method, protocol=protocol,
        direction="unknown", gallery="unknown", rerank="none", flip="unknown", selection="unknown",
        values={name.replace("_", "-"): value for name, value in values.items()}, line=1,
    )  # fmt: skip


PRINTED = Published(
    rows=(
        printed_row("xiv", "xiv", "sysu-all-single", rank_1="49.92", mAP="50.73"),
        printed_row("agw-paper", "agw", "sysu-all-single", rank_1="47.5"),
        printed_row("agw-paper", "agw", "regdb-visible-to-thermal", rank_1="70.05"),
    ),
    sources=(
        PublishedSource(id="xiv", title=HOSTILE[0], evidence="paper", introduces=("xiv",)),
        PublishedSource(id="agw-paper", title="AGW", evidence="unchecked"),
    ),
    methods=(PublishedMethod(id="agw", names=(HOSTILE[1],)),),
    conflicts=(
        PublishedConflict(
            methods=("agw",), protocol="sysu-all-single", metrics=("rank-1",),
            reading=HOSTILE[1], line=1,
        ),
    ),
)  # fmt: skip
"""Two papers on a protocol that was measured and one that was not, with hostile names."""


def told_apart(first: ResultRecord, second: ResultRecord) -> bool:
    """Tell rows apart whose rank-1 differs by more than 5 %."""
    return first.scores.mean.rank_1 - second.scores.mean.rank_1 > 0.05


def invented(make: MakeRecord, corrupted: MakeRecord) -> list[ResultRecord]:
    """Make rows of two real protocols and a synthetic one, some without a cost, some hostile."""
    giga = 10**9
    cost = {"cost__flops": 2 * giga, "cost__macs": giga, "cost__macs_visible": giga}
    features = make(0.40, 0.30, method__id="ddag", method__title="DDAG", origin="features")
    return [
        make(0.60, 0.50, **cost, cost__macs_infrared=giga),
        make(0.58, 0.55, method__id="agw", method__title="AGW", method__seed=1),
        features.model_copy(update={"cost": None}),
        make(0.70, 0.65, protocol__rerank=True),
        make(0.50, 0.45, protocol__convention="agw", dataset__findings=[HOSTILE[1]]),
        make(0.30, 0.20, protocol__id="sysu-indoor-single", method__title=HOSTILE[0]),
        make(0.90, 0.80, dataset__synthetic=True, dataset__title=HOSTILE[2]),
        corrupted(make(0.40, 0.40), 0.30),
        corrupted(make(0.50, 0.50, method__id="agw", method__title="AGW"), 0.20),
        *(
            make(0.2, 0.2, dataset__synthetic=True, cost__device=text, method__config={text: text})
            for text in HOSTILE
        ),
    ]


@pytest.fixture(scope="session")
def page_file(
    make_record: MakeRecord, corrupted: MakeRecord, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A page of invented records, with a row that a paper printed."""
    tables = sections(invented(make_record, corrupted), told_apart)
    path = tmp_path_factory.mktemp("page") / "leaderboard.html"
    path.write_text(html_page(tables, (), PRINTED))
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window; one for all tests of a process."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none
        with driver.chromium.launch(executable_path=program, args=options) as started:
            yield started


@pytest.fixture(scope="session")
def usual_page(browser: Browser, page_file: Path) -> Page:
    """A page that tests use one after another, as starting one takes longer than most of them."""
    return browser.new_context().new_page()


@pytest.fixture
def complaints() -> list[str]:
    """What pages asked for, complained of or said in dialogs; nothing, when a test ends."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, usual_page: Page, page_file: Path, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open the page at an address' end; afterwards it must have loaded and complained of nothing.

    With further arguments, which are those of a browser's context such as `color_scheme`, it is
    opened in a context of its own.
    """
    pages: list[Page] = []
    listeners = {
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "dialog": lambda dialog: complaints.append(dialog.message),
    }

    def opened(fragment: str = "", path: Path = page_file, **options: Any) -> Page:
        page = browser.new_context(**options).new_page() if options else usual_page
        page.set_default_timeout(10_000)
        page.goto("about:blank")  # so that the same address is loaded anew
        page.route("**/*", lambda route: _only(path, route, complaints))
        for event, listener in listeners.items():
            page.on(event, listener)
        pages.append(page)
        page.goto(f"{path.as_uri()}{fragment}")
        return page

    yield opened
    for page in pages:
        assert page.evaluate("window.ran") is None, "a hostile string ran"
        page.unroute_all()
        if page is usual_page:
            for event, listener in listeners.items():
                page.remove_listener(event, listener)
        else:
            page.context.close()
    assert complaints == []


def _only(path: Path, route: Any, complaints: list[str]) -> None:
    if route.request.url.partition("#")[0] == path.as_uri():
        route.continue_()
    else:
        complaints.append(f"asked for {route.request.url}")
        route.abort()
