"""From a feature file to scores in memory that does not grow with the features."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROWS, DIMENSIONS, QUERIES = 70_000, 1024, 100
LIMIT = 240 * 2**20
"""The features take 273 MiB."""

PROGRAM = """
import resource, sys
from pathlib import Path
import numpy as np
from bench_core.contracts.protocol import ProtocolSpec, Trial
from bench_core.features.table import read_features
from bench_core.scoring.score import score

class Protocol:
    spec = ProtocolSpec(
        id="toy-search", dataset="toy", title="Toy", query_modality="infrared",
        gallery_modality="visible", cmc="identity", num_trials=1, conventions=("official",),
        definition="toy:Toy",
    )

    def training_split(self, trial):
        return "all"

    def trial(self, images, convention, trial):
        camera = images["camera"].to_numpy()
        return Trial(query=np.flatnonzero(camera == 3), gallery=np.flatnonzero(camera == 1))

square = np.ones((512, 512), np.float32)
square @ square  # the library of products takes memory of its own
lines = Path("/proc/self/status").read_text().splitlines()
used = int(next(line for line in lines if line.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + int(sys.argv[2]), used + int(sys.argv[2])))
features = read_features(Path(sys.argv[1]))
print(score({"all": features}, Protocol(), "official").evaluation.mean["mAP"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_DATA of Linux")
def test_a_file_larger_than_the_memory_at_hand_is_scored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 2000, ROWS)
    people = rng.standard_normal((2000, DIMENSIONS), dtype=np.float32)
    features = people[identity]
    features += rng.standard_normal(features.shape, dtype=np.float32) * np.float32(0.5)
    is_query = np.arange(ROWS) < QUERIES
    arrays = {
        "features": features,
        "identity": identity,
        "camera": np.where(is_query, 3, 1),
        "index": np.arange(ROWS),
        "modality": np.where(is_query, "infrared", "visible"),
    }
    np.savez(tmp_path / "features.npz", **arrays)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "features.npz"), str(LIMIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # At this noise, whoever is one person is nearest.
    assert float(done.stdout) == 1
