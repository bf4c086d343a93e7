"""Each format of features is known by its content, whatever its name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.images import Modality
from bench_core.features.formats import FORMATS, read_any
from bench_core.features.given import GivenFeatures
from bench_core.features.reading import ReadingChoices, RowOrderError

CAMERAS: dict[int, Modality] = {1: "visible", 3: "infrared"}
CHOICES = ReadingChoices(dataset="Toy", camera_modalities=CAMERAS)
FEATURES = np.arange(4, dtype=np.float32).reshape(2, 2)
COLUMNS: dict[str, Any] = {
    "identity": [6, 6],
    "camera": [1, 3],
    "modality": ["visible", "infrared"],
}
PATHS = ["cam1/0006/0001.jpg", "cam3/0006/0001.jpg"]
GIVEN = {
    f"{role}_{part}": value
    for row, role in ((1, "query"), (0, "gallery"))
    for part, value in (("f", FEATURES[[row]]), ("label", [6]), ("cam", [COLUMNS["camera"][row]]))
}


def official(path: Path) -> None:
    path.mkdir()
    for camera, row in ((1, 0), (3, 1)):
        cell = np.empty((6, 1), dtype=object)
        cell[:, 0] = [np.zeros((0, 0))] * 5 + [FEATURES[[row]]]
        savemat(path / f"mine_cam{camera}.mat", {"feature": cell})
        with (path / f"mine_cam{camera}.mat").open("r+b") as file:
            file.write(b"MATLAB 5.0 MAT-file, Platform: GLNXA64")


def with_paths(path: Path) -> None:
    savemat(path, {"feat": FEATURES, "ids": [6, 6], "cam_ids": [1, 3], "img_path": PATHS},
            appendmat=False)  # fmt: skip


def folder_with_paths(path: Path) -> None:
    path.mkdir()
    with_paths(path / "all.mat")


def hicmd(path: Path) -> None:
    paths = {"query_path": PATHS[1:], "gallery_path": PATHS[:1]}
    savemat(path, {**GIVEN, **paths, "query_modal": [2]}, appendmat=False)


def given(path: Path) -> None:
    savemat(path, {**GIVEN, "mquery_f": FEATURES}, appendmat=False)


def array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, FEATURES)
    rows = "\n".join(["6,1,visible,0", "6,3,infrared,0"])
    path.with_suffix(".csv").write_text(f"identity,camera,modality,index\n{rows}\n")


def given_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, features=FEATURES, identity=[6, 6], camera=[1, 3], role=["gallery", "query"])


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, features=FEATURES, index=[0, 0], **COLUMNS)


WRITERS: list[tuple[Callable[[Path], None], str, str]] = [
    (official, "official folder", "a file NAME_camC.mat for each camera"),
    (
        folder_with_paths,
        "MATLAB files with paths",
        "MATLAB files with feat, ids, cam_ids, img_path",
    ),
    (with_paths, "MATLAB files with paths", "the variables feat, ids, cam_ids, img_path"),
    (hicmd, "MATLAB file of query and gallery with paths", "and query_path, gallery_path"),
    (given, "MATLAB file of query and gallery, as given", "gallery_cam, and no paths"),
    (array, "array with a manifest", "a single array, with the manifest thing.csv"),
    (given_npz, ".npz of query and gallery, as given", "the array role in the place of"),
    (npz, ".npz of images", "the array features among named ones"),
]


@pytest.mark.parametrize(("write", "title", "evidence"), WRITERS)
def test_a_format_is_known_by_its_content_under_any_name(
    tmp_path: Path, write: Callable[[Path], None], title: str, evidence: str
) -> None:
    write(tmp_path / "thing.bin")
    found = read_any(tmp_path / "thing.bin", CHOICES)
    assert found.format.title.startswith(title)
    assert evidence in found.evidence
    table = found.features.table.sort_values("camera")
    assert table["camera"].tolist() == [1, 3]
    np.testing.assert_array_equal(found.features.features[table.index, 0], FEATURES)
    if isinstance(found.features, GivenFeatures):
        assert table["role"].tolist() == ["gallery", "query"]
    else:
        assert table["modality"].tolist() == ["visible", "infrared"]
        assert table["index"].tolist() == [0, 0]


def test_every_format_is_tried_here() -> None:
    titles = [title for _, title, _ in WRITERS]
    assert all(any(each.title.startswith(title) for title in titles) for each in FORMATS)


@pytest.mark.parametrize("write", [write for write, *_ in WRITERS])
def test_a_row_order_that_does_nothing_is_refused(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "thing")
    choices = ReadingChoices(dataset="Toy", camera_modalities=CAMERAS, row_order="descending")
    if write is official:
        assert read_any(tmp_path / "thing", choices).features.notes
    else:
        with pytest.raises(UsageError, match=r"^--row-order descending: .* leave the option out"):
            read_any(tmp_path / "thing", choices)


@pytest.mark.parametrize("write", [official, with_paths, hicmd])
def test_formats_that_need_the_modality_of_cameras_say_so(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "thing")
    with pytest.raises(UsageError, match=r"thing is .*: cameras of Toy see both modalities, so"):
        read_any(tmp_path / "thing", ReadingChoices(dataset="Toy"))


def test_an_official_folder_of_scipy_needs_the_order(tmp_path: Path) -> None:
    official(tmp_path / "thing")
    savemat(tmp_path / "thing" / "mine_cam1.mat", {"feature": np.empty((0, 0), dtype=object)})
    with pytest.raises(RowOrderError):
        read_any(tmp_path / "thing", CHOICES)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Harmful()), "it is a Python pickle, which is never loaded"),
        (b"<!DOCTYPE html>", "it is a web page"),
        (b"", "it is empty"),
        (b"PK\x03\x04 and no more", "the archive is cut short or damaged"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "thing.mat").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_any(tmp_path / "thing.mat", CHOICES)


def test_a_manifest_sends_to_its_array(tmp_path: Path) -> None:
    array(tmp_path / "mine.npy")
    with pytest.raises(DataError, match=r"mine\.csv is a manifest: name the array beside it"):
        read_any(tmp_path / "mine.csv", CHOICES)
    (tmp_path / "mine.npy").unlink()
    with pytest.raises(DataError, match=r"mine\.csv is no \.npz of plain arrays"):
        read_any(tmp_path / "mine.csv", CHOICES)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"gallery_features": FEATURES}, r"features of a known form: it holds 'gallery_features'$"),
        (
            {"feature": FEATURES},
            r"it holds 'feature'; for the official layout name the folder, not",
        ),
        ({"feat": FEATURES, "ids": [6, 6]}, r"holds no variable 'cam_ids'; it holds 'feat', 'ids'"),
        ({"gallery_f": FEATURES}, r"holds no variable 'query_f'; it holds 'gallery_f'"),
    ],
)
def test_matlab_files_with_other_variables_say_what_they_hold(
    tmp_path: Path, variables: dict[str, Any], message: str
) -> None:
    savemat(tmp_path / "thing.mat", variables)
    with pytest.raises(DataError, match=message):
        read_any(tmp_path / "thing.mat", CHOICES)


@pytest.mark.parametrize("part", [with_paths, given])
def test_files_that_were_cut_are_refused(tmp_path: Path, part: Callable[[Path], None]) -> None:
    path = tmp_path / "thing.mat"
    part(path)
    content = path.read_bytes()
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DataError, match="it ends within a variable"):
            read_any(path, CHOICES)


def to_hdf5(path: Path, variables: dict[str, Any]) -> None:
    """Write what MATLAB writes with -v7.3: transposed arrays, texts as numbers, cells apart."""
    h5py = pytest.importorskip("h5py", reason="the extra 'hdf5' is not installed")

    def put(file: Any, name: str, value: Any) -> Any:
        if isinstance(value, list) and isinstance(value[0], str):
            codes = np.array([[ord(letter) for letter in text] for text in value], dtype="u2")
            kind, stored = "char", codes.T
        elif isinstance(value, np.ndarray) and value.dtype == object:
            entries = [put(file, f"#refs#/{name}{n}", entry) for n, entry in enumerate(value)]
            references = np.array([entry.ref for entry in entries], dtype=h5py.ref_dtype)
            kind, stored = "cell", references.reshape(1, -1)
        else:
            kind, stored = "double", np.atleast_2d(np.asarray(value, dtype=float)).T
        item = file.create_dataset(name, data=stored)
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        if kind == "double" and not np.size(value):
            del file[name]
            item = file.create_dataset(name, data=np.array([0, 0], dtype="u8"))
            item.attrs["MATLAB_class"], item.attrs["MATLAB_empty"] = np.bytes_(kind), 1
        return item

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            put(file, name, value)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def test_files_of_version_7_3_say_the_same(tmp_path: Path) -> None:
    to_hdf5(tmp_path / "given.mat", GIVEN)
    found = read_any(tmp_path / "given.mat", CHOICES).features
    assert found.table["role"].tolist() == ["query", "gallery"]
    np.testing.assert_array_equal(found.features[::-1, 0], FEATURES)
    content = {"feat": FEATURES, "ids": [6, 6], "cam_ids": [1, 3], "img_path": PATHS}
    to_hdf5(tmp_path / "paths.mat", content)
    paths = read_any(tmp_path / "paths.mat", CHOICES).features
    assert paths.table["modality"].tolist() == ["visible", "infrared"]
    np.testing.assert_array_equal(paths.features[:, 0], FEATURES)


def test_an_official_folder_of_version_7_3_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    cell = np.empty(2, dtype=object)
    cell[:] = [np.zeros((0, 0)), FEATURES]
    to_hdf5(tmp_path / "thing" / "mine_cam3.mat", {"feature": cell})
    found = read_any(tmp_path / "thing", CHOICES).features
    assert found.table["identity"].tolist() == [2, 2]
    np.testing.assert_array_equal(found.features[:, 0], FEATURES)
    assert found.notes == ()
