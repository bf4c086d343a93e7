"""`bench eval` as a whole process, at the size of SYSU-MM01, beside a script as peers write it.

Target, on a machine that does nothing else: a tenth of the time that the script takes for all
queries. It is timed on a tenth of them, but imports and products take as long.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from bench_core.features.table import FeatureTable, write_features

Compare = Callable[..., None]

NUM_IDENTITIES, DIMENSIONS = 96, 2048
IMAGES = {1: 1374, 2: 1565, 3: 1883, 4: 1918, 5: 1918, 6: 1920}
"""Test images of SYSU-MM01 by camera."""
SCRIPT = """
import sys
import numpy as np
import torch

data = np.load(sys.argv[1])
features, identity, camera = data["features"][:, 0], data["identity"], data["camera"]
queries = np.flatnonzero(np.isin(camera, [3, 6]))
for trial in range(10):
    draw = np.random.default_rng(trial)
    gallery = np.concatenate([
        draw.permutation(np.flatnonzero((identity == person) & (camera == number)))[:10]
        for number in (1, 2, 4, 5) for person in range(1, 97)
    ])
    distances = -(torch.from_numpy(features[queries]) @ torch.from_numpy(features[gallery]).T)
    distances = distances.numpy()
    precisions = []
    for row, query in enumerate(queries[: int(sys.argv[2])]):
        order = np.argsort(distances[row])
        order = order[~((camera[query] == 3) & (camera[gallery[order]] == 2))]
        matches = identity[gallery[order]] == identity[query]
        people, first = np.unique(identity[gallery[order]], return_index=True)
        ranked = people[np.argsort(first)] == identity[query]
        found = np.cumsum(matches)
        precision = [number / rank for rank, number in enumerate(found, start=1)]
        precisions.append((np.array(precision) * matches).sum() / matches.sum())
    print(np.mean(precisions))
"""
LOOPED_QUERIES = 380
"""The script takes a tenth of the queries: with all of them it takes some twenty seconds."""


def make_features() -> FeatureTable:
    draw = np.random.default_rng(0)
    table = pd.concat(
        pd.DataFrame({"identity": np.sort(np.resize(np.arange(1, NUM_IDENTITIES + 1), images))})
        .assign(camera=camera, modality="infrared" if camera in (3, 6) else "visible")
        .assign(index=lambda rows: rows.groupby("identity").cumcount())
        for camera, images in IMAGES.items()
    ).reset_index(drop=True)
    people = draw.standard_normal((NUM_IDENTITIES + 1, DIMENSIONS), dtype=np.float32)
    features = draw.standard_normal((len(table), DIMENSIONS), dtype=np.float32) * 5
    features += people[table["identity"]]
    return FeatureTable(features=features[:, np.newaxis], table=table, metric="euclidean")


def write_splits(folder: Path, table: FeatureTable) -> None:
    draw = np.random.default_rng(1)
    counts = table.table.groupby(["camera", "identity"]).size()
    cameras = np.empty((len(IMAGES), 1), dtype=object)
    for camera in IMAGES:
        cell = np.empty((NUM_IDENTITIES, 1), dtype=object)
        for identity in range(1, NUM_IDENTITIES + 1):
            images = np.tile(np.arange(1.0, counts[camera, identity] + 1), (10, 1))
            cell[identity - 1, 0] = draw.permuted(images, axis=1)
        cameras[camera - 1, 0] = cell
    savemat(folder / "rand_perm_cam.mat", {"rand_perm_cam": cameras})
    (folder / "test_id.txt").write_text(",".join(map(str, range(1, NUM_IDENTITIES + 1))))


@pytest.mark.slow
def test_ten_multi_shot_trials_beside_a_script_of_a_tenth_of_the_queries(
    compare: Compare, tmp_path: Path
) -> None:
    made, file = make_features(), tmp_path / "features.npz"
    write_features(file, made)
    write_splits(tmp_path, made)
    options = ["--protocol", "sysu-all-multi", "--features", file, "--splits", tmp_path, "--json"]

    def run(*command: object) -> None:
        subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)

    compare(
        lambda: run("-m", "bench_core", "eval", *options),
        lambda: run("-c", SCRIPT, file, LOOPED_QUERIES),
        rounds=3,
    )
