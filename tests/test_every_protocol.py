"""Every protocol runs from training to result on the synthetic stand-in of its dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.plugins import load_registry
from bench_core.synthetic import generate

REGISTRY = load_registry()
SMALL = (
    "epochs=1",
    "sampling.steps_per_epoch=1",
    "sampling.identities=4",
    "sampling.images=2",
    "image_height=32",
    "image_width=16",
)


def test_the_protocols_are_those_that_the_field_uses() -> None:
    assert set(REGISTRY.protocols) == {
        *(
            f"sysu-{search}-{shots}"
            for search in ("all", "indoor")
            for shots in ("single", "multi")
        ),
        *(f"sysu-{query}-to-{gallery}" for query in ("rgb", "ir") for gallery in ("rgb", "ir")),
        "regdb-visible-to-thermal",
        "regdb-thermal-to-visible",
        "llcm-visible-to-infrared",
        "llcm-infrared-to-visible",
    }


@pytest.mark.slow
@pytest.mark.parametrize("dataset", REGISTRY.datasets)
def test_all_protocols_of_a_dataset_run_on_synthetic_people(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generate(tmp_path / "people", REGISTRY.datasets[dataset], scale="tiny", seed=0, workers=1)
    specs = [spec for spec in REGISTRY.protocols.values() if spec.dataset == dataset]
    trainings = set()
    for spec in specs:
        record = run(spec.id, "people")
        assert record["dataset"]["synthetic"]
        assert len(record["scores"]["trials"]) == spec.num_trials == 10
        assert 0 < record["scores"]["mean"]["mAP"] <= 1
        trainings |= set(record["provenance"]["training_identities"])
    # All protocols of a dataset share their trainings.
    assert len(list(Path("runs").rglob("model.safetensors"))) == len(trainings)
    assert len(trainings) == (10 if dataset == "regdb" else 1)


def run(protocol: str, data: str) -> dict[str, Any]:
    """Run a small XIV and return its record."""
    arguments = ["run", "--method", "xiv", "--preset", "quick", "--protocol", protocol]
    arguments += ["--data", data, "--json", *(f"--set={assignment}" for assignment in SMALL)]
    result = CliRunner().invoke(build_cli(REGISTRY), arguments)
    assert result.exit_code == 0, result.output
    record: dict[str, Any] = json.loads(result.stdout)
    return record
