"""A script's trials become one row of the leaderboard, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench_core import DataError, UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.dropin import Record, eval_llcm, eval_regdb, eval_sysu, mpanet
from bench_core.results.store import read_result
from bench_sysu.dataset import SysuMM01Reader

ALL = "sysu-all-single"
Search = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def images(sysu_root: Path) -> pd.DataFrame:
    """The images of the people who are tested."""
    dataset = SysuMM01Reader().read(sysu_root)
    tested = dataset.images["identity"].isin(dataset.splits.test)  # type: ignore[attr-defined]
    return dataset.images[tested].reset_index(drop=True)


def search(images: pd.DataFrame, trial: int = 0, cameras: tuple[int, ...] = (1, 2, 4, 5)) -> Search:
    """Distances and labels of one trial, as a script of the AGW family has them."""
    query = images[images["camera"].isin([3, 6])]
    gallery = images[images["camera"].isin(cameras)].groupby(["identity", "camera"]).head(1)
    distances = np.random.default_rng(trial).random((len(query), len(gallery)))
    distances += query["identity"].to_numpy()[:, None] != gallery["identity"].to_numpy()
    labels = [part[name].to_numpy() for name in ("identity", "camera") for part in (query, gallery)]
    return distances, *labels  # type: ignore[return-value]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def record(sysu_root: Path, folder: Path) -> Record:
    return Record("LbA", ALL, splits=sysu_root / "exp", results=folder)


def test_ten_calls_and_two_lines_make_a_row(
    images: pd.DataFrame, sysu_root: Path, folder: Path
) -> None:
    record = Record("LbA", ALL, data=sysu_root, results=folder)
    found = []
    for trial in range(10):
        cmc, precision, _ = eval_sysu(*search(images, trial), record=record)
        found.append((cmc[0], precision))
        assert not list(folder.rglob("*.json"))
    path = record.write()
    stored = read_result(path)
    assert path.parent == folder / ALL
    assert stored.method.title == "LbA"
    assert (stored.origin.kind, stored.origin.files) == ("given", ())
    assert (stored.protocol.convention, stored.cost) == ("given", None)
    assert (stored.dataset.synthetic, stored.dataset.evidence) == (True, "images")
    assert len(stored.scores.trials) == len(set(stored.features)) == 10
    assert stored.scores.mean.rank_1 == pytest.approx(np.mean([one for one, _ in found]))
    assert stored.scores.mean.mean_average_precision == pytest.approx(
        np.mean([one for _, one in found])
    )
    assert stored.scores.similarity is None
    assert set(stored.scores.by_query_camera) == {"3", "6"}


def test_the_tuple_is_the_same_with_a_record(images: pd.DataFrame, record: Record) -> None:
    for max_rank in (5, 20, 30):
        plain = eval_sysu(*search(images), max_rank)
        recorded = eval_sysu(*search(images), max_rank, record=record)
        assert plain[0].tolist() == recorded[0].tolist()
        assert plain[1:] == recorded[1:]
    assert {len(trial.cmc) for trial in read_result(record.write()).scores.trials} == {20}


def test_fewer_trials_are_said_and_share_no_table_with_all(
    images: pd.DataFrame, sysu_root: Path, folder: Path
) -> None:
    stored: list[ResultRecord] = []
    for count in (1, 2):
        record = Record("LbA", ALL, splits=sysu_root / "exp", results=folder / str(count))
        for trial in range(count):
            eval_sysu(*search(images, trial), record=record)
        stored.append(read_result(record.write()))
    assert "1 of 10 trials stand for all of them" in stored[0].protocol.assumptions
    assert stored[0].dataset.fingerprint != stored[1].dataset.fingerprint


def test_re_ranked_distances_are_marked_where_the_script_says_so(
    images: pd.DataFrame, sysu_root: Path, folder: Path
) -> None:
    record = Record("LbA", ALL, splits=sysu_root / "exp", rerank=True, results=folder)
    eval_sysu(*search(images), record=record)
    assert read_result(record.write()).label == "LbA + unknown re-ranking"


def test_a_script_that_fails_leaves_nothing(
    images: pd.DataFrame, record: Record, folder: Path
) -> None:
    eval_sysu(*search(images), record=record)
    distances, *labels = search(images, 1)
    distances[3, 4] = np.nan
    with pytest.raises(DataError, match="is nan; only finite"):
        eval_sysu(distances, *labels, record=record)
    assert not list(folder.rglob("*.json"))


def test_a_record_is_written_once_and_never_empty(images: pd.DataFrame, record: Record) -> None:
    with pytest.raises(UsageError, match="the record of 'LbA' has no trial"):
        record.write()
    eval_sysu(*search(images), record=record)
    record.write()
    with pytest.raises(UsageError, match=r"was written to .*; make another one"):
        record.write()
    with pytest.raises(UsageError, match="make another one"):
        eval_sysu(*search(images), record=record)


def test_more_calls_than_trials_are_refused(images: pd.DataFrame, record: Record) -> None:
    for trial in range(10):
        eval_sysu(*search(images, trial), record=record)
    with pytest.raises(UsageError, match="has all 10 trials of sysu-all-single"):
        eval_sysu(*search(images), record=record)


def test_a_gallery_of_another_protocol_is_refused(
    images: pd.DataFrame, record: Record, sysu_root: Path, folder: Path
) -> None:
    with pytest.raises(DataError, match=r"trial 1 is none of sysu-all-single: the gallery has no"):
        eval_sysu(*search(images, cameras=(1, 2)), record=record)
    indoor = Record("LbA", "sysu-indoor-single", splits=sysu_root / "exp", results=folder)
    with pytest.raises(DataError, match="gallery images are of cameras that sysu-indoor-single"):
        eval_sysu(*search(images), record=indoor)
    eval_sysu(*search(images, cameras=(1, 2)), record=indoor)


def test_people_who_are_not_tested_are_refused(images: pd.DataFrame, record: Record) -> None:
    distances, query, *labels = search(images)
    others = np.where(query == query[0], 3000, query)
    with pytest.raises(DataError, match="queries are of people whom sysu-all-single does not test"):
        eval_sysu(distances, others, *labels, record=record)


def test_more_images_than_the_dataset_has_are_refused(
    images: pd.DataFrame, sysu_root: Path, folder: Path
) -> None:
    record = Record("LbA", ALL, data=sysu_root, results=folder)
    twice = pd.concat([images] * 5, ignore_index=True)
    with pytest.raises(DataError, match=r"infrared query images of identity .* of which there are"):
        eval_sysu(*search(twice), record=record)


def test_a_function_scores_by_the_rules_of_its_dataset_alone(
    images: pd.DataFrame, record: Record, sysu_root: Path, folder: Path
) -> None:
    distances, query, gallery, *cameras = search(images)
    with pytest.raises(UsageError, match="the record is of sysu-all-single, but this function"):
        eval_llcm(distances, query, gallery, *cameras, record=record)
    with pytest.raises(UsageError, match="scores by the rules of regdb"):
        eval_regdb(distances, query, gallery, record=record)
    within = Record("LbA", "sysu-ir-to-ir", splits=sysu_root / "exp", results=folder)
    with pytest.raises(UsageError, match=r"whether queries of camera . meet images of camera ."):
        eval_sysu(
            np.random.default_rng(0).random((len(query), len(query))),
            *(query, query, cameras[0], cameras[0]),
            record=within,
        )


@pytest.mark.parametrize(
    ("name", "protocol", "more", "message"),
    [
        (" ", ALL, {}, "the name is empty"),
        ("a\nb", ALL, {}, "holds a line break"),
        ("xiv", ALL, {}, "that of an installed method"),
        ("LbA", "sysu-all", {}, "unknown protocol 'sysu-all'"),
        ("LbA", ALL, {"splits": None}, "give data=ROOT or splits=FOLDER"),
        ("LbA", ALL, {"data": "."}, "give data=ROOT or splits=FOLDER"),
        ("LbA", ALL, {"splits": "nowhere"}, "^splits=nowhere is not a folder$"),
        ("LbA", ALL, {"splits": None, "data": "nowhere"}, "^data=nowhere is not a folder$"),
        ("LbA", ALL, {"synthetic": False}, "synthetic=False contradicts"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_trial(
    sysu_root: Path, folder: Path, name: str, protocol: str, more: dict[str, object], message: str
) -> None:
    options: dict[str, object] = {"splits": sysu_root / "exp", "results": folder, **more}
    with pytest.raises(UsageError, match=message):
        Record(name, protocol, **options)  # type: ignore[arg-type]
    assert not folder.exists()


def test_mpanet_s_call_is_all_trials_at_once(
    images: pd.DataFrame, record: Record, sysu_root: Path
) -> None:
    from scipy.io import loadmat

    perm = loadmat(sysu_root / "exp" / "rand_perm_cam.mat")["rand_perm_cam"]
    features = np.random.default_rng(0).random((len(images), 4))
    query, gallery = (images["camera"].isin(own).to_numpy() for own in ([3, 6], [1, 2, 4, 5]))
    sides = [
        part
        for rows in (query, gallery)
        for part in (
            features[rows],
            images["identity"].to_numpy()[rows],
            images["camera"].to_numpy()[rows],
        )
    ]
    paths = images["path"][gallery].tolist()
    found = mpanet.eval_sysu(*sides, paths, perm, record=record)
    with pytest.raises(UsageError, match="is of sysu-all-single, but this call is of sysu-indoor"):
        mpanet.eval_sysu(*sides, paths, perm, mode="indoor", record=record)
    stored = read_result(record.write())
    assert 100 * stored.scores.mean.rank_1 == pytest.approx(found[1])
    assert len(stored.scores.trials) == 10
