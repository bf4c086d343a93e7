"""Both gallery draws on the authors' own split files; needs a folder with them.

Set VIREID_BENCH_SYSU_SPLITS to a folder with rand_perm_cam.mat and test_id.mat (or .txt).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench_sysu
from bench_sysu.dataset import SysuMM01Reader
from bench_sysu.protocols import SysuProtocol
from bench_sysu.splits import SysuSplits

FOLDER = os.environ.get("VIREID_BENCH_SYSU_SPLITS")
SPECS = {spec.id: spec for spec in bench_sysu.bench_register_protocols()}

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="VIREID_BENCH_SYSU_SPLITS names no folder with the official files"
)

# Sums of the file numbers (from 1) in the galleries of the ten trials.
CHECKSUMS = {
    ("sysu-all-single", "official"): [3671, 3668, 3453, 3491, 3745, 3497, 3485, 3490, 3450, 3591],
    ("sysu-indoor-single", "official"): [
        1570, 1544, 1553, 1401, 1723, 1498, 1415, 1459, 1485, 1525,
    ],
    ("sysu-all-multi", "official"): [
        35650, 35209, 35124, 35299, 35360, 35380, 35061, 35449, 35436, 35250,
    ],
    ("sysu-indoor-multi", "official"): [
        15508, 15164, 15114, 15148, 15270, 15140, 15111, 15174, 15232, 15235,
    ],
    ("sysu-all-single", "agw"): [3649, 3566, 3469, 3639, 3419, 3482, 3705, 3545, 3586, 3453],
    ("sysu-indoor-single", "agw"): [
        1647, 1568, 1722, 1681, 1458, 1487, 1600, 1482, 1529, 1376,
    ],
}  # fmt: skip
GALLERY_SIZES = {
    "sysu-all-single": 301,
    "sysu-indoor-single": 112,
    "sysu-all-multi": 3010,
    "sysu-indoor-multi": 1120,
}


@pytest.fixture(scope="module")
def splits() -> SysuSplits:
    return SysuMM01Reader().read_splits(Path(str(FOLDER)))


@pytest.fixture(scope="module")
def table(splits: SysuSplits) -> pd.DataFrame:
    """Make the test images of SYSU-MM01: their number follows from the permutations."""
    rows = [
        (identity, camera, "infrared" if camera in (3, 6) else "visible", index)
        for (camera, identity), permutation in splits.official_permutations().items()
        if identity in splits.test
        for index in range(permutation.shape[1])
    ]
    return pd.DataFrame(rows, columns=["identity", "camera", "modality", "index"])


def test_the_dataset_has_its_published_size(splits: SysuSplits, table: pd.DataFrame) -> None:
    assert len(splits.test) == 96
    sizes = table.groupby("camera").size().to_dict()
    assert sizes == {1: 1374, 2: 1565, 3: 1883, 4: 1918, 5: 1918, 6: 1920}
    identities = table.groupby("camera")["identity"].nunique().to_dict()
    assert identities == {1: 56, 2: 56, 3: 93, 4: 94, 5: 95, 6: 96}
    in_camera_3 = set(table.loc[table["camera"] == 3, "identity"])
    assert set(splits.test) - in_camera_3 == {21, 27, 257}


@pytest.mark.parametrize(("id_", "convention"), list(CHECKSUMS))
def test_galleries_are_the_published_ones(
    splits: SysuSplits, table: pd.DataFrame, id_: str, convention: str
) -> None:
    protocol = SysuProtocol(SPECS[id_], splits)
    trials = [
        protocol.trial(table, convention, number)  # type: ignore[arg-type]
        for number in range(10)
    ]
    files = table["index"].to_numpy() + 1
    assert [int(files[trial.gallery].sum()) for trial in trials] == CHECKSUMS[id_, convention]
    assert {len(trial.gallery) for trial in trials} == {GALLERY_SIZES[id_]}
    assert {len(trial.query) for trial in trials} == {3803}


def test_the_first_files_of_trial_0(splits: SysuSplits, table: pd.DataFrame) -> None:
    files = table["index"].to_numpy() + 1
    keys = table[["identity", "camera"]].to_numpy()
    multi = SysuProtocol(SPECS["sysu-all-multi"], splits).trial(table, "official", 0).gallery
    camera_1 = multi[(keys[multi] == (6, 1)).all(axis=1)]
    np.testing.assert_array_equal(files[camera_1], [5, 1, 4, 27, 13, 12, 36, 22, 40, 20])
    agw = SysuProtocol(SPECS["sysu-all-single"], splits).trial(table, "agw", 0).gallery[:8]
    np.testing.assert_array_equal(files[agw], [25, 25, 14, 2, 17, 17, 16, 13])
