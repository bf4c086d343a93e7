"""The page is one file: nothing is loaded, and its policy names what it holds."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser

from bench_core.contracts.result import ResultRecord
from bench_core.contracts.speed import SpeedRecord
from bench_core.leaderboard.page.document import html_page
from bench_core.leaderboard.rows import sections

MakeRecord = Callable[..., ResultRecord]


class Elements(HTMLParser):
    """Collects what a page holds: tags with their attributes, and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._within, []).append(data)


def page_of(*records: ResultRecord, speeds: tuple[SpeedRecord, ...] = ()) -> str:
    return html_page(sections(records, lambda _first, _second: False), speeds)


def test_nothing_is_loaded_from_anywhere(make_record: MakeRecord) -> None:
    elements = Elements(page_of(make_record()))
    for tag, attributes in elements.tags:
        assert not {"src", "srcset", "action", "style"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert attributes.get("href", "#").startswith(("#", "data:,")), tag
    assert "url(" not in "".join(elements.texts["style"])
    assert "@import" not in "".join(elements.texts["style"])


def test_the_policy_names_the_script_and_the_style_by_their_hashes(
    make_record: MakeRecord,
) -> None:
    page = page_of(make_record())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src &#39;none&#39;; ")
    for kind in ("style", "script"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy


def test_the_same_records_give_the_same_bytes(make_record: MakeRecord) -> None:
    records = [make_record(0.2), make_record(0.4), make_record(dataset__synthetic=True)]
    assert page_of(*records) == page_of(*reversed(records))


def test_speeds_are_escaped(
    make_record: MakeRecord, make_speeds: Callable[..., SpeedRecord]
) -> None:
    speeds = make_speeds()
    device = speeds.device.model_copy(update={"name": "<script>alert(1)</script>"})
    page = page_of(make_record(), speeds=(speeds.model_copy(update={"device": device}),))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, PyTorch" in page
    assert [tag for tag, _ in Elements(page).tags].count("script") == 2


def test_templates_are_loaded_for_the_page_alone() -> None:
    code = (
        "import sys; from bench_core.leaderboard.render import render; "
        "render([], 'markdown', None); assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
