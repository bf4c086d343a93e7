"""Which files of the repository are pages of the site, where they lie there, and their links."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bench_core.contracts.errors import DataError
from site_builder.markdown import code, fenced, title_of, with_deep_lists, with_links

PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "about/contributing.md",
    "CHANGELOG.md": "about/changelog.md",
    "LICENSE": "about/license.md",
    "CITATION.cff": "about/citation.md",
    "results/leaderboard.md": "about/leaderboard.md",
}
"""Where pages of the repository lie that are not in `docs`, by their paths."""
PICTURES = frozenset({".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp"})
LANGUAGES = {".py": "python", ".toml": "toml", ".md": "markdown", ".yml": "yaml", ".yaml": "yaml"}
LEFT_OUT = re.compile(r"(^|/)(\.[^/]*|__pycache__|[^/]*\.egg-info)(/|$)")
"""What a folder holds that is no part of its sources."""
_ABROAD = re.compile(r"[a-z][a-z0-9+.-]*:|//|#")


@dataclass
class Pages:
    """The pages that are made of files of a repository.

    Attributes:
        root: The repository.
        texts: Markdown by place, such as "methods/xiv.md".
        pictures: Files by place.
    """

    root: Path
    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, Path] = field(default_factory=dict)
    _sources: dict[str, str] = field(default_factory=dict)

    def add_repository(self) -> None:
        """Add what `docs` holds, the files of `PLACES`, and all that these link to.

        Raises:
            DataError: A link names nothing, or two files have one place.
        """
        documents = sorted(self.root.glob("docs/**/*.md"))
        for path in [*(self.root / name for name in PLACES), *documents]:
            self.add(path.relative_to(self.root).as_posix())

    def add(self, source: str) -> str:
        """Add a file or folder of the repository, once, and return its place in the site."""
        place = place_of(source, is_folder=(self.root / source).is_dir())
        if self._sources.setdefault(place, source) != source:
            raise DataError(f"{source} and {self._sources[place]} would both be the page {place}")
        path = self.root / source
        if place in self.texts or place in self.pictures:
            return place
        if path.suffix in PICTURES:
            self.pictures[place] = path
        elif path.suffix == ".md" and path.is_file():
            self.texts[place] = ""  # it is there, for pages that link to each other
            self.texts[place] = self._of_markdown(source, place)
        else:
            self.texts[place] = self._of_code(source)
        return place

    def _of_markdown(self, source: str, place: str) -> str:
        def rewrite(text: str, target: str) -> tuple[str, str]:
            if _ABROAD.match(target):
                return text, target
            name, sharp, anchor = target.partition("#")
            linked = posixpath.normpath(posixpath.join(posixpath.dirname(source), name))
            if linked.startswith("..") or not (self.root / linked).exists():
                raise DataError(f"{source} links to {target}, which is not there; mend the link")
            there = self.add(linked)
            shown = self._title(linked) if text in {name, PurePosixPath(name).name} else text
            return shown, f"{relative(there, place)}{sharp}{anchor}"

        return with_deep_lists(with_links((self.root / source).read_text(), rewrite))

    def _title(self, source: str) -> str:
        """Return what stands for a path where a link shows nothing else."""
        path = self.root / source
        title = title_of(path.read_text()) if path.suffix == ".md" else None
        return title or code(source)

    def _of_code(self, source: str) -> str:
        """Return a page that shows a file that is no Markdown, or all those of a folder."""
        path = self.root / source
        name = source if path.is_dir() or source not in PLACES else path.stem.capitalize()
        parts = [f"# {name}\n"]
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for each in files:
            inside = each.relative_to(path).as_posix() if path.is_dir() else ""
            if each.is_dir() or LEFT_OUT.search(inside):
                continue
            heading = f"## {code(inside)}\n\n" if inside else ""
            parts.append(heading + fenced(each.read_text(), LANGUAGES.get(each.suffix, "text")))
        return "\n".join(parts)

    def generate(self, place: str, text: str) -> None:
        """Add a page that no file of the repository is.

        Raises:
            DataError: There is one of that place.
        """
        if place in self.texts:
            raise DataError(f"{self._sources.get(place, place)} takes the place of {place}")
        self.texts[place] = text

    def write(self, folder: Path) -> None:
        """Write all pages below a folder, and remove what else is there."""
        wanted = {folder / place for place in [*self.texts, *self.pictures]}
        for old in folder.rglob("*"):
            if old.is_file() and old not in wanted:
                old.unlink()
        contents = {place: text.encode() for place, text in self.texts.items()}
        contents |= {place: path.read_bytes() for place, path in self.pictures.items()}
        for place, content in contents.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:  # else it is not built again
                path.write_bytes(content)


def place_of(source: str, *, is_folder: bool = False) -> str:
    """Return where a file or folder of the repository lies in the site."""
    if source in PLACES:
        return PLACES[source]
    path = PurePosixPath(source)
    if path.parts[0] == "docs":
        return path.relative_to("docs").as_posix()
    if not is_folder and path.suffix in PICTURES:
        return f"about/{path.name}"
    return f"sources/{source if is_folder or path.suffix != '.md' else path.with_suffix('')}.md"


def relative(place: str, beside: str) -> str:
    """Return the way from one page to another."""
    return os.path.relpath(place, posixpath.dirname(beside) or ".").replace(os.sep, "/")
