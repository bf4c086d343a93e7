"""`bench features`, and `bench eval` of features that other programs wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from scipy.io import savemat

from bench_core.features.table import read_features
from bench_sysu.dataset import SysuMM01Reader

Bench = Callable[..., Result]

PROTOCOL = ["--protocol", "sysu-all-single"]


@pytest.fixture
def images(sysu_root: Path) -> pd.DataFrame:
    """The test images."""
    dataset = SysuMM01Reader().read(sysu_root)
    tested = dataset.images["identity"].isin(dataset.splits.test)  # type: ignore[attr-defined]
    return dataset.images[tested].reset_index(drop=True)


@pytest.fixture
def features(images: pd.DataFrame) -> np.ndarray:
    """Features in which people differ, but not so much that every draw scores the same."""
    rng = np.random.default_rng(0)
    made = rng.standard_normal((1000, 8))[images["identity"]]
    return (made + 1.5 * rng.standard_normal((len(images), 8))).astype(np.float32)


@pytest.fixture
def split(images: pd.DataFrame, features: np.ndarray) -> dict[str, Any]:
    """What scripts keep of the query and the gallery."""
    infrared = (images["modality"] == "infrared").to_numpy()
    return {
        f"{role}_{part}": values
        for role, rows in (("query", infrared), ("gallery", ~infrared))
        for part, values in (
            ("f", features[rows]),
            ("label", images["identity"][rows].tolist()),
            ("cam", images["camera"][rows].tolist()),
            ("path", [f"/data/{path}" for path in images["path"][rows]]),
        )
    }


@pytest.fixture
def own(images: pd.DataFrame, features: np.ndarray, tmp_path: Path) -> Path:
    """The features in our own form."""
    columns = {name: images[name].to_numpy() for name in ("identity", "camera", "index")}
    modality = images["modality"].to_numpy(dtype=np.str_)
    np.savez(tmp_path / "own.npz", features=features, modality=modality, **columns)
    return tmp_path / "own.npz"


def with_paths(folder: Path, split: dict[str, Any], images: pd.DataFrame) -> Path:
    for role in ("query", "gallery"):
        content = {
            "feat": split[f"{role}_f"],
            "ids": split[f"{role}_label"],
            "cam_ids": split[f"{role}_cam"],
            "img_path": split[f"{role}_path"],
        }
        savemat(folder / f"{role}-x.mat", content)
    return folder / "query-x.mat"


def hicmd(folder: Path, split: dict[str, Any], images: pd.DataFrame) -> Path:
    savemat(folder / "hicmd.mat", split)
    return folder / "hicmd.mat"


def array(folder: Path, split: dict[str, Any], images: pd.DataFrame) -> Path:
    with np.load(folder / "own.npz") as own:
        np.save(folder / "mine.npy", own["features"])
    images[["identity", "camera", "modality", "path"]].to_csv(folder / "mine.csv", index=False)
    return folder / "mine.npy"


def descending(folder: Path, split: dict[str, Any], images: pd.DataFrame) -> Path:
    """Write what AlignGAN and JSIA write."""
    with np.load(folder / "own.npz") as own:
        features = own["features"]
    (folder / "out").mkdir()
    for camera in range(1, 7):
        cell = np.empty((1, int(images["identity"].max())), dtype=object)
        for identity in range(1, cell.size + 1):
            rows = images[(images["camera"] == camera) & (images["identity"] == identity)]
            files = rows.sort_values("index", ascending=False).index
            cell[0, identity - 1] = features[files] if len(files) else np.zeros((1, 0))
        savemat(folder / "out" / f"feature_cam{camera}.mat", {"feature": cell})
    return folder / "out"


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


@pytest.mark.parametrize("convention", ["official", "agw"])
@pytest.mark.parametrize(
    ("write", "order"),
    [(with_paths, []), (hicmd, []), (array, []), (descending, ["--row-order", "descending"])],
)
def test_the_same_features_score_the_same_in_every_format(  # noqa: PLR0917
    bench: Bench,
    sysu_root: Path,
    tmp_path: Path,
    images: pd.DataFrame,
    split: dict[str, Any],
    own: Path,
    write: Callable[..., Path],
    order: list[str],
    convention: str,
) -> None:
    options = [*PROTOCOL, "--splits", sysu_root / "exp", "--convention", convention, "--json"]
    path = write(tmp_path, split, images)
    expected = document(bench("eval", *options, "--features", own))
    found = document(bench("eval", *options, *order, "--features", path))
    assert found["trials"] == expected["trials"]
    assert document(bench("features", "convert", path, "all.npz", *order, "--json"))["shape"]
    converted = document(bench("eval", *options, "--features", "all.npz"))
    assert converted == found


def test_the_order_of_rows_is_asked_for_and_said(
    bench: Bench,
    sysu_root: Path,
    tmp_path: Path,
    images: pd.DataFrame,
    split: dict[str, Any],
    own: Path,
) -> None:
    folder = descending(tmp_path, split, images)
    options = ["eval", *PROTOCOL, "--splits", sysu_root / "exp", "--features", folder]
    line = error_of(bench(*options), 2)
    assert "was not written by MATLAB" in line
    assert "AlignGAN's and JSIA's" in line
    right, wrong = (
        document(bench(*options, "--row-order", order, "--json"))
        for order in ("descending", "ascending")
    )
    assert right["trials"] != wrong["trials"]
    assert [note.split(" as ")[0] for note in (*right["assumptions"], *wrong["assumptions"])] == [
        f"the rows of out stand in {order} order of images,"
        for order in ("descending", "ascending")
    ]
    shown = bench(*options, "--row-order", "descending").stdout
    assert f"assumed: {right['assumptions'][0]}" in " ".join(shown.split())


def test_pytorch_result_is_scored_as_given(
    bench: Bench, sysu_root: Path, tmp_path: Path, split: dict[str, Any]
) -> None:
    savemat("pytorch_result.mat", {k: v for k, v in split.items() if not k.endswith("path")})
    options = ["eval", *PROTOCOL, "--splits", sysu_root / "exp", "--features"]
    found = document(bench(*options, "pytorch_result.mat", "--json"))
    assert found["convention"] == "given"
    assert len(found["trials"]) == 1
    assert found["assumptions"][0].startswith("query and gallery are as given: pytorch_result.mat")
    assert found["metric"] == "euclidean"
    shown = bench(*options, "pytorch_result.mat", "--metric", "cosine").stdout
    assert "sysu-all-single, given galleries, cosine distances\n" in shown
    assert f"gallery of {found['gallery'][0]} images, 1 trial\n" in shown
    told = document(bench("features", "convert", "pytorch_result.mat", "given.npz", "--json"))
    assert told["as_given"]
    again = document(bench(*options, "given.npz", "--convention", "given", "--json"))
    assert again["trials"] == found["trials"]
    line = error_of(bench(*options, "given.npz", "--convention", "official"), 2)
    assert "--convention official: given.npz does not say which images it is of" in line
    shown = bench("features", "convert", "pytorch_result.mat", "given.npz").stdout
    assert "query and gallery as given" in shown
    assert shown.splitlines()[-1] == "features given.npz"


def test_info_tells_what_features_are(
    bench: Bench, sysu_root: Path, own: Path, images: pd.DataFrame
) -> None:
    told = document(bench("features", "info", own, "--splits", sysu_root / "exp", "--json"))
    assert told["features"]["shape"] == [len(images), 1, 8]
    assert sum(camera["images"] for camera in told["features"]["cameras"]) == len(images)
    protocols = {each["protocol"]: each for each in told["protocols"]}
    assert protocols["sysu-all-single"]["conventions"] == ["official", "agw"]
    assert protocols["sysu-all-single"]["checked"]
    shown = bench("features", "info", own).stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    for word in (".npz of images", "float32", "not of unit length", "infrared", "sysu-all-multi"):
        assert word in shown
    assert "Galleries were not drawn: --splits DIR" in shown
    assert "no infrared image of camera 2 for the" in " ".join(shown.split())


def test_info_says_what_each_protocol_lacks(
    bench: Bench, sysu_root: Path, tmp_path: Path, own: Path
) -> None:
    table = read_features(own)
    kept = np.flatnonzero(table.table["index"] < 1)
    columns = {name: table.table[name].to_numpy()[kept] for name in ("identity", "camera", "index")}
    modality = table.table["modality"].to_numpy(dtype=np.str_)[kept]
    np.savez("few.npz", features=table.features[kept], modality=modality, **columns)
    told = document(bench("features", "info", "few.npz", "--splits", sysu_root / "exp", "--json"))
    (found,) = [each for each in told["protocols"] if each["protocol"] == "sysu-all-single"]
    assert found["conventions"] == []
    assert "images, but rand_perm_cam.mat permutes" in found["missing"]


def test_info_describes_a_folder_whose_order_nothing_shows(
    bench: Bench, tmp_path: Path, images: pd.DataFrame, split: dict[str, Any], own: Path
) -> None:
    told = document(bench("features", "info", descending(tmp_path, split, images), "--json"))
    assert told["features"]["notes"] == []
    assert told["features"]["shape"] == [len(images), 1, 8]
    assert all(each["conventions"] == [] for each in told["protocols"])
    (found,) = [each for each in told["protocols"] if each["protocol"] == "sysu-all-single"]
    assert "give --row-order" in found["missing"]


def test_mistakes_are_one_line(bench: Bench, own: Path, tmp_path: Path) -> None:
    assert "ends in .npz" in error_of(bench("features", "convert", own, "out.mat"), 2)
    line = error_of(bench("features", "convert", own, "o.npz", "--row-order", "ascending"), 2)
    assert "--row-order ascending: " in line
    assert "is not a folder" in error_of(bench("features", "info", own, "--splits", "none"), 2)
    (tmp_path / "empty").mkdir()
    line = error_of(bench("features", "info", own, "--splits", "empty"), 2)
    assert "--splits empty holds split files of no dataset" in line
    assert "No such file" in error_of(bench("features", "info", "none.npz"), 1)
    assert not (tmp_path / "o.npz").exists()
