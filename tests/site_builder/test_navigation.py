"""Every page has a place in the navigation, in the order that is written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from site_builder.navigation import navigation


def leaves(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from leaves(inner)


def test_pages_stand_in_their_order_and_missing_ones_leave_no_trace() -> None:
    made = navigation(["faq.md", "index.md", "methods/xiv.md", "methods/index.md", "cost.md"])
    assert made == [
        {"Start": ["index.md", "faq.md"]},
        {"Reference": [{"Definitions": ["cost.md"]}]},
        {"Methods": ["methods/index.md", "methods/xiv.md"]},
    ]


def test_pages_that_nobody_knows_are_kept() -> None:
    made = navigation(["how_to/new.md", "how_to/matrix.md", "new.md", "methods/new.md"])
    assert made == [
        {"How-to": ["how_to/matrix.md", "how_to/new.md"]},
        {"Methods": ["methods/new.md"]},
        {"About": [{"More": ["new.md"]}]},
    ]


def test_every_page_stands_there_once() -> None:
    places = ["index.md", "datasets.md", "datasets/get.md", "about/x.md", "reference/python/a.md"]
    assert sorted(leaves(navigation(places))) == sorted(places)
