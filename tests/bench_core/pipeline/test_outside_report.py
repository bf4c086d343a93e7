"""Reports beside features from outside: believed where they are of these features."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench_core.contracts.errors import DataError
from bench_core.pipeline.outside_report import OutsideReport, known_model, report_path

FEATURES, OTHER, DATASET = "a" * 64, "b" * 64, "c" * 64
REPORT = OutsideReport(
    method="agw-released",
    config={"network": "model:embed_net", "source": "sha256:1"},
    weights=f"sha256:{'d' * 64}",
    script="e" * 64,
    versions={"torch": "1.4.0"},
    dataset="sysu-mm01",
    fingerprint=DATASET,
    split="train+val",
    num_images=3,
    features=FEATURES,
    seconds=1.5,
)


def write(path: Path, report: OutsideReport) -> Path:
    report_path(path).write_text(json.dumps(report.as_document()))
    return path


def test_a_report_of_these_features_tells_the_model(tmp_path: Path) -> None:
    file = write(tmp_path / "features.npz", REPORT)
    for fingerprint in (None, DATASET):
        model = known_model([file], [FEATURES], fingerprint)
        assert model is not None
        assert model.weights == REPORT.weights
        assert model.config == {
            **REPORT.config, "script": REPORT.script, "versions": {"torch": "1.4.0"},
        }  # fmt: skip


def test_a_report_of_other_features_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "features.npz", REPORT)
    assert known_model([file], [OTHER], DATASET) is None
    assert capsys.readouterr().err == (
        f"Note: {tmp_path}/features.json is of other features than {file}, and is left out\n"
    )


def test_features_of_another_dataset_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "features.npz", REPORT)
    with pytest.raises(DataError, match=r"features.json says that the features were extracted fro"):
        known_model([file], [FEATURES], OTHER)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1]",
        "{}",
        json.dumps({**REPORT.as_document(), "weights": "/home/ann/weights.pth"}),
        json.dumps({**REPORT.as_document(), "more": 1}),
        json.dumps({**REPORT.as_document(), "config": {"dropout": float("nan")}}),
    ],
)
def test_another_file_of_that_name_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "features.json").write_text(content)
    assert known_model([tmp_path / "features.npz"], [FEATURES], None) is None
    assert known_model([tmp_path / "nothing.npz"], [FEATURES], None) is None


def test_models_of_several_trials_are_of_one_declaration(tmp_path: Path) -> None:
    second = replace(REPORT, features=OTHER, weights=f"sha256:{'f' * 64}")
    files = [write(tmp_path / "1.npz", REPORT), write(tmp_path / "2.npz", second)]
    model = known_model(files, [FEATURES, OTHER], DATASET)
    assert model is not None
    assert model.weights is not None
    assert model.weights not in (REPORT.weights, second.weights)
    write(files[1], replace(second, config={"network": "another:net"}))
    with pytest.raises(DataError, match="declare different models; a row is of one"):
        known_model(files, [FEATURES, OTHER], DATASET)
