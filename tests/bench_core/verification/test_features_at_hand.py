"""Features are found by what they are, whatever they are called and however they are written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.result import ResultRecord
from bench_core.features.digest import features_digest
from bench_core.features.reading import RowOrder
from bench_core.features.table import FeatureTable, write_features
from bench_core.plugins import Registry
from bench_core.scoring.feature_files import FeatureSource, open_features
from bench_core.system.files import hash_file
from bench_core.verification.features_at_hand import feature_files, features_among
from bench_core.verification.recorded_features import read_recorded

EXAMPLE = Path(__file__).parents[1] / "contracts" / "records" / "schema-3-features.json"
MakeTable = Callable[[int], FeatureTable]


def make_features(seed: int) -> FeatureTable:
    """Invent features of two people, with two images by each camera of SYSU-MM01."""
    rows = [
        (person, camera, "infrared" if camera in (3, 6) else "visible", index)
        for person in (1, 2)
        for camera in range(1, 7)
        for index in (0, 1)
    ]
    return FeatureTable(
        features=np.random.default_rng(seed).standard_normal((len(rows), 1, 3)).astype(np.float32),
        table=pd.DataFrame(rows, columns=["identity", "camera", "modality", "index"]),
        metric="euclidean",
    )


def record_of(*features: str, files: tuple[Path, ...] = (), metric: str = "") -> ResultRecord:
    document = json.loads(EXAMPLE.read_text())
    document["features"] = list(features)
    document["method"]["config"] = {"metric": metric} if metric else {}
    document["dataset"]["id"] = "sysu-mm01"
    if files:
        document["origin"] = {"kind": "features", "files": [hash_file(path) for path in files]}
    return ResultRecord.from_json(json.dumps(document))


def write_folder(folder: Path) -> list[Path]:
    """Write features as another program than MATLAB writes the official folder."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for camera in range(1, 7):
        cell = np.empty((2, 1), dtype=object)
        for person in range(2):
            cell[person, 0] = rng.standard_normal((3, 4))
        savemat(folder / f"net_cam{camera}.mat", {"feature": cell})
    return sorted(folder.iterdir())


def test_files_are_found_in_any_folder_under_any_name(registry: Registry, tmp_path: Path) -> None:
    tables = [make_features(seed) for seed in range(3)]
    for seed, table in enumerate(tables):
        write_features(tmp_path / "a" / f"{seed}.npz", table)
    (tmp_path / "a" / "of.queries.npz").write_bytes(b"not looked at")
    (tmp_path / "a" / "broken.npz").write_bytes(b"PK\3\4")
    (tmp_path / "a" / ".hidden.npz").write_bytes(b"")
    (tmp_path / "a" / "readme.txt").write_text("")
    files = feature_files(tmp_path)
    assert [path.name for path in files] == ["0.npz", "1.npz", "2.npz", "broken.npz"]
    record = record_of(features_digest(tables[2]), features_digest(tables[0]))
    lost = record_of(features_digest(tables[1]), "0" * 64)
    found = features_among(registry, files, [record, lost])
    assert [path.name for path in found.of(record)] == ["2.npz", "0.npz"]
    assert found.of(lost) == ()


def test_the_report_of_a_run_saves_reading_other_features(
    registry: Registry, tmp_path: Path
) -> None:
    table = make_features(0)
    digest = features_digest(table)
    write_features(tmp_path / "features.npz", table)
    record, files = record_of(digest), [tmp_path / "features.npz"]
    for content, known in (
        (json.dumps({"features": digest}), True),
        (json.dumps({"features": "0" * 64}), False),
        ("[]", True),
        ("{", True),
    ):
        (tmp_path / "extraction.json").write_text(content)
        assert bool(features_among(registry, files, [record]).of(record)) is known, content


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_of_a_folder_the_order_of_rows_that_fits_the_record_is_taken(
    registry: Registry, tmp_path: Path, order: RowOrder
) -> None:
    files = write_folder(tmp_path / "official")
    dataset = registry.dataset("sysu-mm01")
    source = FeatureSource(path=tmp_path / "official", row_order=order)
    table = open_features(dataset, source)
    assert isinstance(table, FeatureTable)
    record = record_of(features_digest(table), files=tuple(files))
    shutil.move(tmp_path / "official", tmp_path / "elsewhere")
    found = features_among(registry, feature_files(tmp_path), [record])
    assert found.of(record) == (tmp_path / "elsewhere",)
    read = read_recorded(dataset, tmp_path / "elsewhere", record)
    assert read.digest == record.features[0]
    other = record_of("0" * 64, files=tuple(sorted((tmp_path / "elsewhere").iterdir())))
    assert features_among(registry, feature_files(tmp_path), [other]).of(other) == ()


def test_the_metric_of_a_file_that_names_none_is_that_of_the_record(
    registry: Registry, tmp_path: Path
) -> None:
    table = make_features(0)
    path = tmp_path / "a.npz"
    columns = {name: table.table[name].to_numpy() for name in ("identity", "camera", "index")}
    modality = table.table["modality"].to_numpy(dtype=np.str_)
    np.savez(path, features=table.features, modality=modality, **columns)
    cosine = open_features(registry.dataset("sysu-mm01"), FeatureSource(path=path, metric="cosine"))
    assert isinstance(cosine, FeatureTable)
    record = record_of(features_digest(cosine), files=(path,), metric="cosine")
    assert features_among(registry, [path], [record]).of(record) == (path,)


def test_features_with_another_metric_are_read_as_they_are(
    registry: Registry, tmp_path: Path
) -> None:
    table = make_features(0)
    write_features(tmp_path / "a.npz", table)
    record = record_of("0" * 64, files=(tmp_path / "a.npz",), metric="cosine")
    read = read_recorded(registry.dataset("sysu-mm01"), tmp_path / "a.npz", record)
    assert read.digest == features_digest(table)


def test_features_that_do_not_say_of_which_images_they_are_are_named(
    registry: Registry, tmp_path: Path
) -> None:
    table = make_features(0)
    camera = table.table["camera"].to_numpy()
    np.savez(
        tmp_path / "given.npz",
        features=table.features,
        identity=table.table["identity"].to_numpy(),
        camera=camera,
        role=np.where(np.isin(camera, [3, 6]), "query", "gallery"),
    )
    with pytest.raises(DataError, match=r"given\.npz does not say of which images"):
        read_recorded(registry.dataset("sysu-mm01"), tmp_path / "given.npz", record_of("0" * 64))


def test_what_must_be_told_and_is_not_is_the_error_of_the_reader(
    registry: Registry, tmp_path: Path
) -> None:
    write_folder(tmp_path / "official")
    with pytest.raises(UsageError, match=r"a file for each camera|a folder"):
        read_recorded(registry.dataset("llcm"), tmp_path / "official", record_of("0" * 64))
