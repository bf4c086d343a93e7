"""The order of the pages. A page that is not there yet is left out, and none is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

Pattern: TypeAlias = str
Section: TypeAlias = Mapping[str, "tuple[Pattern, ...] | Section"]

SECTIONS: Section = {
    "Start": {
        "": ("index.md", "tutorial.md", "get_the_datasets.md", "faq.md"),
    },
    "How-to": {
        "": (
            "how_to/score_my_features.md",
            "how_to/score_my_checkpoint.md",
            "how_to/score_in_my_script.md",
            "how_to/real_data.md",
            "how_to/regdb_trainings.md",
            "how_to/gpu.md",
            "how_to/resume.md",
            "how_to/matrix.md",
            "how_to/submit.md",
            "how_to/search_my_images.md",
            "how_to/write_a_method.md",
            "how_to/*.md",
        ),
        "Scoring": ("features.md", "checkpoints.md", "dropin.md", "xray.md"),
        "Training": ("training.md", "gpu.md", "matrix.md", "cluster.md", "scale.md"),
        "Results": (
            "reports.md", "leaderboard.md", "verification.md", "published.md", "lint_table.md",
        ),
        "Searching": ("search.md",),
        "Extending": ("plugins.md", "sources/examples/*.md"),
    },
    "Reference": {
        "Definitions": (
            "evaluation.md", "uncertainty.md", "reranking.md", "corruption.md", "cost.md",
        ),
        "Command line": ("command_line.md", "reference/commands/*.md"),
        "Files": ("reference/files/index.md", "reference/files/*.md"),
        "Python": (
            "reference/python/index.md",
            "reference/python/hooks.md",
            "reference/python/bench_core.md",
            "reference/python/*.md",
        ),
    },
    "Methods": {"": ("methods/index.md", "methods/*.md")},
    "Datasets": {
        "": (
            "datasets.md", "sysu.md", "regdb.md", "llcm.md", "analysis_protocols.md",
            "synthetic.md", "exchange.md", "datasets/*.md",
        ),
    },
    "About": {
        "": (
            "about/leaderboard.md", "about/changelog.md", "about/contributing.md",
            "about/license.md", "about/*.md",
        ),
        "More": ("*",),
    },
}  # fmt: skip
"""Patterns of places by section, the first match takes a page; those of "" stand at its top."""


def navigation(places: Collection[str]) -> list[Any]:
    """Return the navigation of the pages that are there, as the configuration has it.

    Args:
        places: Of all pages.
    """
    owners = _owners(places)
    return list(_entries(SECTIONS, (), owners))


def _entries(
    section: Section, way: tuple[str, ...], owners: Mapping[tuple[str, ...], list[str]]
) -> Iterator[Any]:
    for name, content in section.items():
        inner = (*way, name)
        entries: list[Any] = (
            list(owners.get(inner, ()))
            if isinstance(content, tuple)
            else list(_entries(content, inner, owners))
        )
        if not name:
            yield from entries
        elif entries:
            yield {name: entries}


def _owners(places: Collection[str]) -> dict[tuple[str, ...], list[str]]:
    """Give each page to the pattern that names it, or else to the first that fits."""
    patterns = list(_patterns(SECTIONS, ()))
    named = {pattern for _, pattern in patterns}
    left = sorted(places)
    owned: dict[tuple[str, ...], list[str]] = {}
    for way, pattern in patterns:
        taken = [
            place
            for place in left
            if place == pattern or (place not in named and fnmatchcase(place, pattern))
        ]
        owned.setdefault(way, []).extend(taken)
        left = [place for place in left if place not in taken]
    return owned


def _patterns(section: Section, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Pattern]]:
    for name, content in section.items():
        inner = (*way, name)
        if isinstance(content, tuple):
            yield from ((inner, pattern) for pattern in content)
        else:
            yield from _patterns(content, inner)
