"""The site of this repository: built strictly, complete, and without anything from a network."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from bench_core.cli.main import BUILT_IN_COMMANDS
from bench_core.contracts import hooks
from bench_core.contracts.errors import BenchError
from bench_core.file_schemas import FILE_SCHEMAS
from bench_core.plugins import Registry
from site_builder import building
from site_builder.navigation import navigation
from site_builder.pages import Pages, place_of
from site_builder.python_reference import DOORS, offered

pytest.importorskip("zensical", reason="pip install 'vireid-bench[docs]'")
pytestmark = pytest.mark.slow

ROOT = building.ROOT
STRUCTURE = frozenset({"blockquote", "h2", "h3", "li", "ol", "pre", "table", "tr", "ul"})
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
LOADED_LATER = ('class="mermaid', 'class="glightbox', 'data-md-component="source"', "pyodide")
"""For which the theme's script would fetch another from a network."""


class Elements(HTMLParser):
    """Counts elements, of a page of the site those of its article, and notes what is loaded."""

    def __init__(self, html: str, *, is_page: bool) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.loaded: list[str] = []
        self._counts = not is_page
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._counts = self._counts or tag == "article"
        if self._counts and tag in STRUCTURE:
            self.counts[tag] += 1
        if value := dict(attrs).get(LOADED.get(tag, "")):
            self.loaded.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._counts = False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    building.write_pages(ROOT, folder / "stage")
    building.build(folder / "stage", folder / "site")
    return folder / "site"


def html(site: Path, place: str) -> str:
    return (site / place).with_suffix(".html").read_text()


def test_nothing_is_loaded_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        text = page.read_text()
        elements = Elements(text, is_page=True)
        assert elements.loaded
        assert [url for url in elements.loaded if re.match(r"(?i)([a-z]+:)?//", url)] == []
        assert [name for name in LOADED_LATER if name in text] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", sheet.read_text())


def test_pages_have_the_structure_that_the_forge_shows(site: Path) -> None:
    sources = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    for source in sources:
        forge = MarkdownIt("gfm-like", {"linkify": False}).render(source.read_text())
        page = html(site, place_of(source.relative_to(ROOT).as_posix()))
        shown = Elements(page, is_page=True).counts
        assert shown == Elements(forge, is_page=False).counts, source


def test_every_command_has_a_page_with_its_options(site: Path) -> None:
    for command in BUILT_IN_COMMANDS:
        page = html(site, f"reference/commands/{command.name}")
        options = [name for each in command.params for name in each.opts if name.startswith("--")]
        assert all(f"<code>{option}" in page or f"{option} " in page for option in options)


def test_every_name_of_every_door_is_explained(site: Path) -> None:
    for door in DOORS:
        page = html(site, f"reference/python/{door.module}.md")
        missing = [
            home for home in offered(ROOT, door.module).values() if f'id="{home}"' not in page
        ]
        assert missing == [], door.module
    hooks_page = html(site, "reference/python/hooks")
    names = [name for name in vars(hooks) if name.startswith("bench_")]
    assert len(names) >= 7
    assert all(f'id="{hooks.__name__}.{name}"' in hooks_page for name in names)


def test_every_form_and_every_method_is_listed(site: Path, registry: Registry) -> None:
    for form in FILE_SCHEMAS:
        assert f'href="{form.name}.html"' in html(site, "reference/files/index")
        assert "json-schema.org" in html(site, f"reference/files/{form.name}")
    methods = html(site, "methods/index")
    for spec in registry.methods.values():
        assert all(f"<code>{spec.label(variant)}</code>" in methods for variant in spec.variants)
        assert all(f"<code>{preset.name}</code>" in methods for preset in spec.presets)


def stage_of_one_page(folder: Path, text: str) -> Path:
    pages = Pages(folder)
    pages.generate("index.md", text)
    pages.write(folder / "pages")
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    del configuration["theme"]["assets"], configuration["extra_css"]
    configuration["plugins"][1]["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT)]
    configuration |= {"docs_dir": "pages", "site_dir": "site", "nav": navigation(["index.md"])}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(configuration))
    return folder


@pytest.mark.parametrize(
    "text",
    ["[x](nothing.md), [x](#nothing)", "::: bench_core.contracts.errors.Nothing"],
    ids=["links", "name"],
)
def test_what_leads_nowhere_is_no_site(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = stage_of_one_page(tmp_path, f"# Home\n\n{text}\n")
    with pytest.raises(BenchError, match="the site cannot be built"):
        building.build(stage, tmp_path / "built")
    told = capsys.readouterr().err
    assert "errors.Nothing" in told or {"page", "anchor"} <= set(
        re.findall(r"Warning: (page|anchor) does not exist", told)
    )
    assert not (tmp_path / "built").exists()
