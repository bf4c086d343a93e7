"""Pages find their places, and their links lead there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.errors import DataError
from site_builder.pages import PLACES, Pages, place_of, relative


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in PLACES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {path.stem}\n")
    (tmp_path / "docs" / "methods").mkdir(parents=True)
    (tmp_path / "docs" / "cost.md").write_text("# Cost\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pages_of(root: Path) -> Pages:
    pages = Pages(root)
    pages.add_repository()
    return pages


def test_links_of_the_forge_lead_to_the_places_of_the_site(root: Path) -> None:
    write(root, "README.md", "# Home\n\n[docs/cost.md](docs/cost.md), [how](docs/cost.md#x)\n")
    write(root, "docs/methods/a.md", "# A\n\n[up](../../README.md) [log](../../CHANGELOG.md)\n")
    pages = pages_of(root)
    assert "[Cost](cost.md), [how](cost.md#x)" in pages.texts["index.md"]
    assert "[up](../index.md) [log](../about/changelog.md)" in pages.texts["methods/a.md"]


def test_other_links_stay_as_they_are(root: Path) -> None:
    line = "[a](https://example.org/a.md) [b](#b) [c](mailto:c@example.org)"
    write(root, "docs/cost.md", f"# Cost\n\n{line}\n")
    assert line in pages_of(root).texts["cost.md"]


def test_what_is_linked_outside_of_the_documentation_becomes_a_page(root: Path) -> None:
    write(root, "example/run.py", "print('hello')\n")
    write(root, "example/.git/config", "secret\n")
    write(root, "docs/cost.md", "# Cost\n\n[the example](../example) ![p](../results/p.svg)\n")
    write(root, "results/p.svg", "<svg/>")
    pages = pages_of(root)
    assert "[the example](sources/example.md) ![p](about/p.svg)" in pages.texts["cost.md"]
    shown = pages.texts["sources/example.md"]
    assert "## `run.py`\n\n```python\nprint('hello')\n```" in shown
    assert "secret" not in shown
    assert pages.pictures["about/p.svg"] == root / "results" / "p.svg"


@pytest.mark.parametrize("target", ["nothing.md", "../../outside.md"])
def test_a_link_to_nothing_is_refused_with_its_page(root: Path, target: str) -> None:
    write(root, "docs/cost.md", f"# Cost\n\n[x]({target})\n")
    with pytest.raises(DataError, match=f"docs/cost.md links to {target}"):
        pages_of(root)


def test_pages_that_link_to_each_other_are_added_once(root: Path) -> None:
    write(root, "docs/cost.md", "# Cost\n\n[b](gpu.md)\n")
    write(root, "docs/gpu.md", "# GPU\n\n[a](cost.md)\n")
    pages = pages_of(root)
    assert "[a](cost.md)" in pages.texts["gpu.md"]
    with pytest.raises(DataError, match="takes the place"):
        pages.generate("gpu.md", "# Other\n")


def test_two_files_of_one_place_are_refused(root: Path) -> None:
    write(root, "docs/about/license.md", "# Another\n")
    with pytest.raises(DataError, match=r"would both be the page about/license\.md"):
        pages_of(root)


def test_writing_removes_what_is_no_page_any_more(root: Path, tmp_path: Path) -> None:
    pages = pages_of(root)
    folder = tmp_path / "stage"
    write(folder, "old.md", "# Old\n")
    pages.write(folder)
    unchanged = (folder / "cost.md").stat().st_mtime_ns
    pages.write(folder)
    assert not (folder / "old.md").exists()
    assert (folder / "cost.md").read_text() == "# Cost\n"
    assert (folder / "cost.md").stat().st_mtime_ns == unchanged


def test_places() -> None:
    assert place_of("docs/methods/xiv.md") == "methods/xiv.md"
    assert place_of("examples/x", is_folder=True) == "sources/examples/x.md"
    assert place_of("plugins/x/README.md") == "sources/plugins/x/README.md"
    assert relative("index.md", "methods/xiv.md") == "../index.md"
    assert relative("methods/xiv.md", "index.md") == "methods/xiv.md"
