"""A small RegDB tree: six people, of whom three train and three test in each of ten trials."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

PEOPLE = ("3", "7", "12", "20", "101", "412")
NUM_IMAGES = 2
FOLDERS = {"visible": "Visible", "thermal": "Thermal"}

MakeRoot = Callable[[tuple[str, ...]], Path]


def people_of(role: str, number: int, people: tuple[str, ...] = PEOPLE) -> list[str]:
    """Return the people who train or test in a trial (from 1), in order of their labels."""
    drawn = random.Random(number).sample(people, len(people))
    return drawn[: len(people) // 2] if role == "train" else drawn[len(people) // 2 :]


def image_path(kind: str, person: str, index: int) -> str:
    return f"{FOLDERS[kind]}/{person}/male_front_{kind[0]}_{index:05d}_{person}.bmp"


def list_lines(role: str, kind: str, number: int, people: tuple[str, ...] = PEOPLE) -> list[str]:
    """Return the lines of a list; the labels of a list count from 0."""
    return [
        f"{image_path(kind, person, index)} {label}"
        for label, person in enumerate(people_of(role, number, people))
        for index in range(NUM_IMAGES)
    ]


def build_root(root: Path, people: tuple[str, ...] = PEOPLE) -> Path:
    """Write a root in which each person has a colour."""
    for kind in FOLDERS:
        for place, person in enumerate(people):
            for index in range(NUM_IMAGES):
                path = root / image_path(kind, person, index)
                path.parent.mkdir(parents=True, exist_ok=True)
                shade = 40 * place + 5 * index
                colour = (shade, 255 - shade, 80) if kind == "visible" else (shade,) * 3
                Image.new("RGB", (8, 16), colour).save(path)
    (root / "idx").mkdir()
    for number in range(1, 11):
        for role in ("train", "test"):
            for kind in FOLDERS:
                lines = list_lines(role, kind, number, people)
                text = "".join(f"{line}\n" for line in lines)
                (root / "idx" / f"{role}_{kind}_{number}.txt").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def make_root(tmp_path: Path) -> MakeRoot:
    """Make a root of people of other names."""
    return lambda people: build_root(tmp_path / "made", people)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root that a test may damage."""
    return build_root(tmp_path / "RegDB")


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that tests must not change."""
    return build_root(tmp_path_factory.mktemp("regdb") / "RegDB")
