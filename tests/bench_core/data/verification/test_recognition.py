"""Recognising a dataset by its folders, and what is said of folders that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import DataError
from bench_core.data.verification.recognition import recognize
from bench_core.plugins import Registry


def spec(name: str, *folders: str) -> DatasetSpec:
    return DatasetSpec(
        id=name,
        title=name.upper(),
        paper="",
        source="",
        synthetic=None,
        reader="nowhere:Reader",
        folders=folders,
    )


BIRDS, FISH = spec("birds", "wings", "beaks", "lists"), spec("fish", "fins", "lists")
NOWHERE = spec("nowhere")
SPECS = (BIRDS, FISH, NOWHERE)


def make(root: Path, *folders: str) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return root


def test_a_complete_copy_is_recognised(tmp_path: Path) -> None:
    make(tmp_path / "a", "wings", "beaks", "lists", "more")
    make(tmp_path / "b", "fins", "lists")
    assert recognize(tmp_path / "a", SPECS) is BIRDS
    assert recognize(tmp_path / "b", SPECS) is FISH


def test_a_copy_that_lacks_a_folder_is_recognised(tmp_path: Path) -> None:
    assert recognize(make(tmp_path, "wings", "lists"), SPECS) is BIRDS


def test_linked_folders_count(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "fins")
    root = make(tmp_path / "root", "lists")
    (root / "fins").symlink_to(tmp_path / "elsewhere" / "fins")
    assert recognize(root, SPECS) is FISH


def test_the_user_knows_better(tmp_path: Path) -> None:
    assert recognize(make(tmp_path, "fins", "lists"), SPECS, NOWHERE) is NOWHERE


def test_an_unknown_folder_is_answered_with_what_is_known(tmp_path: Path) -> None:
    make(tmp_path, "lists", "something")
    with pytest.raises(DataError) as caught:
        recognize(tmp_path, SPECS)
    assert str(caught.value) == (
        f"{tmp_path} is no dataset that is known; expected the folders of BIRDS (wings, beaks, "
        "lists), or of FISH (fins, lists); --dataset ID names one"
    )


@pytest.mark.parametrize(("given", "meant"), [(".", "FISH-2020"), ("FISH-2020/fins", "FISH-2020")])
def test_the_folder_above_or_below_is_pointed_out(tmp_path: Path, given: str, meant: str) -> None:
    make(tmp_path / "FISH-2020", "fins", "lists")
    with pytest.raises(DataError, match=rf"known \(did you mean {tmp_path / meant}\?\)"):
        recognize(tmp_path / given, SPECS)


def test_two_that_fit_equally_are_both_named(tmp_path: Path) -> None:
    make(tmp_path, "fins", "lists", "wings", "beaks")
    with pytest.raises(DataError, match="may be birds or fish; say which with --dataset ID"):
        recognize(tmp_path, SPECS)


@pytest.mark.parametrize("named", [None, FISH])
def test_a_file_or_nothing_is_no_folder(tmp_path: Path, named: DatasetSpec | None) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "nothing"):
        with pytest.raises(DataError, match=f"{name} is not a folder"):
            recognize(tmp_path / name, SPECS, named)


def test_every_installed_dataset_says_how_it_looks(registry: Registry) -> None:
    for installed in registry.datasets.values():
        assert len(installed.folders) > 1
        assert installed.published
