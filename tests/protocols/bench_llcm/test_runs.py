"""LLCM on the command line: one training, scored in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bench_core.cli.main import build_cli
from bench_core.contracts.result import ResultRecord
from bench_core.plugins import Registry
from bench_core.synthetic import generate

ReadResults = Callable[[Path], list[ResultRecord]]
Bench: TypeAlias = Callable[..., Result]

THERE, BACK = "llcm-visible-to-infrared", "llcm-infrared-to-visible"
SMALL = {
    "epochs": 1,
    "sampling.steps_per_epoch": 2,
    "sampling.identities": 2,
    "sampling.images": 2,
    "image_height": 32,
    "image_width": 16,
}
SETTINGS = ["--preset", "quick", *(f"--set={key}={value}" for key, value in SMALL.items())]


@pytest.fixture
def bench(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(
        build_cli(registry), [str(argument) for argument in arguments], catch_exceptions=False
    )


@pytest.fixture(scope="module")
def rendered_root(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic LLCM; tests must not change it."""
    root = tmp_path_factory.mktemp("llcm") / "root"
    people = {"train_identities": 4, "test_identities": 4}
    generate(root, registry.dataset("llcm"), scale="tiny", workers=1, **people)
    return root


@pytest.mark.slow
def test_both_directions_run_with_one_training(
    bench: Bench, rendered_root: Path, read_results: ReadResults
) -> None:
    options = ["--method", "xiv", "--data", rendered_root, *SETTINGS]
    there, back = (bench("run", "--protocol", id_, *options) for id_ in (THERE, BACK))
    assert (there.exit_code, back.exit_code) == (0, 0), there.stderr + back.stderr
    assert "step/s" in there.stderr
    assert "step/s" not in back.stderr
    records = {record.protocol.id: record for record in read_results(Path("results"))}
    one, other = records[THERE], records[BACK]
    assert one.provenance.training_identities == other.provenance.training_identities
    for record, modality, folder in ((one, "vis", "nir"), (other, "nir", "vis")):
        assert record.scores.queries == len(list(rendered_root.glob(f"test_{modality}/*/*/*")))
        shots = len({path.parent for path in rendered_root.glob(f"test_{folder}/*/*/*")})
        assert record.scores.gallery == (shots,) * 10
        assert record.protocol.convention == "official"
        assert (record.dataset.id, record.dataset.synthetic) == ("llcm", True)


@pytest.fixture
def features(bench: Bench) -> Path:
    """A file with one image of each modality of each test person."""
    rng = np.random.default_rng(0)
    np.savez(
        "features.npz",
        features=rng.normal(size=(6, 8)),
        identity=np.array([0, 0, 3, 3, 12, 12]),
        camera=np.array([5, 6, 5, 8, 3, 6]),
        modality=np.array(["visible", "infrared"] * 3),
        index=np.zeros(6, dtype=np.int64),
    )
    return Path("features.npz").absolute()


def test_features_are_scored_without_images(bench: Bench, root: Path, features: Path) -> None:
    options = ["--features", features, "--splits", root / "idx", "--json"]
    result = bench("eval", "--protocol", BACK, *options)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["convention"], document["queries"]) == ("official", 3)
    assert document["gallery"] == [3] * 10


def test_features_that_lack_images_of_the_folders_at_hand_are_refused(
    bench: Bench, root: Path, features: Path
) -> None:
    result = bench("eval", "--protocol", BACK, "--features", features, "--splits", root)
    assert result.exit_code == 1
    assert "identity 0, camera 5: found 0 images, but" in result.stderr
