"""`bench verify`: a result proves itself by its features, or it is said what differs."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from scipy.io import savemat

from bench_core.features.table import FeatureTable, write_features
from bench_core.results.store import query_scores_path, with_digest
from bench_regdb import bench_register_protocols as regdb_protocols
from bench_regdb.dataset import RegdbReader
from bench_regdb.protocols import RegdbProtocol

Bench = Callable[..., Result]
Edit = Callable[[dict[str, Any]], object]

TESTS = Path(__file__).parents[2]
BUILD_REGDB = runpy.run_path(str(TESTS / "protocols" / "bench_regdb" / "conftest.py"))["build_root"]
RECORD = ["eval", "--protocol", "sysu-all-single", "--record", "--name", "Theirs"]


@pytest.fixture
def recorded(features: FeatureTable, bench: Bench, sysu_root: Path) -> Path:
    """A record of features.npz, made with a root of rendered people."""
    write_features(Path("features.npz"), features)
    result = bench(*RECORD, "--features", "features.npz", "--data", sysu_root)
    assert result.exit_code == 0, result.output
    return next(Path("results").rglob("*.json"))


def edit(path: Path, change: Edit, *, whole: bool = True) -> None:
    """Change a record; `whole` hides it by a digest that fits."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(with_digest(document) if whole else document))


def error_of(result: Result, code: int = 1) -> str:
    assert result.exit_code == code, result.output
    line: str = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert "Traceback" not in result.output
    return line


@pytest.mark.parametrize(
    "more", [[], ["--rerank", "--rerank-set", "k1=5"], ["--convention", "agw"]]
)
def test_a_result_is_recomputed_to_the_last_digit(
    bench: Bench, features: FeatureTable, sysu_root: Path, more: list[str]
) -> None:
    write_features(Path("features.npz"), features)
    bench(*RECORD, "--features", "features.npz", "--data", sysu_root, *more)
    (path,) = Path("results").rglob("*.json")
    result = bench("verify", path, "--features", "features.npz", "--data", sysu_root)
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"recomputed {path}: Theirs")
    assert line.endswith("the same to the last digit")


def test_features_of_a_run_are_found_by_their_hash(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    options = ["verify", recorded, "--splits", sysu_root]
    line = error_of(bench(*options), 2)
    assert f"the features of {recorded} are not below runs; give --features FILE" in line
    Path("runs/deep/down").mkdir(parents=True)
    Path("features.npz").rename("runs/deep/down/anything.npz")
    Path("runs/broken.npz").write_bytes(b"PK\3\4 no archive")
    shown = bench(*options, "--json")
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.stdout)
    assert document["recomputed"] is True
    assert document["features"] == ["runs/deep/down/anything.npz"]
    assert document["differences"] == []


def test_a_model_that_was_selected_on_validation_people_is_scored_on_all_trials(
    bench: Bench, recorded: Path, features: FeatureTable, sysu_root: Path
) -> None:
    edit(recorded, lambda document: document["provenance"].update(selection="validation"))
    write_features(Path("features.npz"), replace(features, training_split="train"))
    result = bench("verify", recorded, "--features", "features.npz", "--data", sysu_root)
    assert result.exit_code == 0, result.output


def test_an_edited_score_is_named_with_what_the_features_give(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    options = ["verify", recorded, "--features", "features.npz", "--data", sysu_root]

    def better(document: dict[str, Any]) -> None:
        document["scores"]["iccs"] = 0.5

    edit(recorded, better, whole=False)
    line = error_of(bench(*options))
    assert "record: " in line
    assert "its digest differs" in line
    assert "scores: iccs is 0.5 and the features give" in line
    edit(recorded, better)
    shown = bench(*options, "--json")
    line = error_of(shown)
    assert "its digest differs" not in line
    assert "1 of" in line
    (difference,) = json.loads(shown.stdout)["differences"]
    assert difference["part"] == "scores"


def test_last_digits_are_told_from_other_scores(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    def other_processor(document: dict[str, Any]) -> None:
        document["scores"]["iccs"] += 1e-12
        document["provenance"]["versions"]["numpy"] = "1.0"

    edit(recorded, other_processor)
    line = error_of(bench("verify", recorded, "--features", "features.npz", "--data", sysu_root))
    assert "environment: only the last digits: iccs is" in line
    assert "none by more than 1e-12 (numpy 1.0 there" in line


def test_an_edited_convention_is_found_out(bench: Bench, recorded: Path, sysu_root: Path) -> None:
    def to(convention: str) -> Edit:
        return lambda document: document["protocol"].update(convention=convention)

    options = ["verify", recorded, "--features", "features.npz", "--data", sysu_root]
    edit(recorded, to("agw"))
    line = error_of(bench(*options))
    assert "convention: it says agw, but its scores are those of official galleries" in line
    edit(recorded, to("mine"))
    line = error_of(bench(*options))
    assert "convention: mine is none of sysu-all-single, which defines official, agw" in line


def test_features_of_another_model_are_named_by_their_hash(
    bench: Bench, recorded: Path, features: FeatureTable, sysu_root: Path
) -> None:
    write_features(Path("other.npz"), replace(features, features=2 * features.features))
    options = ["verify", recorded, "--features"]
    line = error_of(bench(*options, "other.npz", "--data", sysu_root))
    assert "features: other.npz holds those of another model (hash " in line
    line = error_of(bench(*options, "other.npz", "features.npz", "--data", sysu_root), 2)
    assert "--features: the record is of 1 models, and 2 files are given" in line


def test_other_splits_and_other_images_are_named(
    bench: Bench, recorded: Path, splits: Path, sysu_root: Path
) -> None:
    options = ["verify", recorded, "--features", "features.npz"]
    line = error_of(bench(*options, "--splits", splits))
    assert f"splits: those of {splits} (" in line
    assert "scores:" not in line  # the same people are tested
    edit(recorded, lambda document: document["dataset"].update(fingerprint="0" * 64))
    line = error_of(bench(*options, "--data", sysu_root))
    assert f"dataset: the images of {sysu_root} (fingerprint " in line
    assert "are not the record's (000000000000)" in line
    edit(recorded, lambda document: document["dataset"].update(synthetic=False))
    line = error_of(bench(*options, "--data", sysu_root))
    assert f"dataset: the people of {sysu_root} are rendered" in line


def test_of_several_models_each_file_finds_its_trial(bench: Bench, tmp_path: Path) -> None:
    root = BUILD_REGDB(tmp_path / "regdb")
    dataset = RegdbReader().read(root)
    spec = next(spec for spec in regdb_protocols() if spec.id == "regdb-visible-to-thermal")
    protocol = RegdbProtocol(spec, dataset.splits)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for split in map(protocol.training_split, range(10)):
        rows = protocol.test_rows(dataset.images, split)
        table = FeatureTable(
            features=rng.standard_normal((len(rows), 1, 4)).astype(np.float32),
            table=dataset.images.iloc[rows].drop(columns="path").reset_index(drop=True),
            metric="cosine",
            training_split=split,
        )
        write_features(Path(f"models/{split}.npz"), table)
    record = [*RECORD[:2], "regdb-visible-to-thermal", *RECORD[3:]]
    made = bench(*record, "--features", "models", "--data", root)
    assert made.exit_code == 0, made.output
    (path,) = Path("results").rglob("*.json")
    files = sorted(Path("models").iterdir(), reverse=True)
    verify = ["verify", path, "--data", root]
    result = bench(*verify, "--features", *files)
    assert result.exit_code == 0, result.output
    assert "10 trials" in result.stdout
    assert bench(*verify, "--features", "models").exit_code == 0
    line = error_of(bench(*verify, "--features", *files[1:]), 2)
    assert "the record is of 10 models, and 9 files are given" in line


def test_images_as_claimed_are_compared(bench: Bench, features: FeatureTable, splits: Path) -> None:
    write_features(Path("features.npz"), features)
    bench(*RECORD, "--features", "features.npz", "--splits", splits, "--real")
    (path,) = Path("results").rglob("*.json")
    options = ["verify", path, "--features", "features.npz"]
    assert bench(*options, "--splits", splits).exit_code == 0
    edit(path, lambda document: document["dataset"].update(fingerprint="0" * 64))
    line = error_of(bench(*options, "--splits", splits))
    assert "dataset: the features are of other images than the record's" in line
    line = error_of(bench(*options), 2)
    assert "is of real images of sysu-mm01: give --splits DIR or --data ROOT" in line


def test_the_scores_of_the_queries_are_compared(
    bench: Bench, recorded: Path, sysu_root: Path
) -> None:
    options = ["verify", recorded, "--features", "features.npz", "--data", sysu_root]
    beside = query_scores_path(recorded)
    content = beside.read_bytes()
    beside.write_bytes(content + b" ")
    assert f"record: {beside} is not the file" in error_of(bench(*options))
    beside.unlink()
    assert "cannot read the scores of the queries" in error_of(bench(*options))


def test_galleries_as_given_cannot_be_recomputed(
    bench: Bench, features: FeatureTable, splits: Path
) -> None:
    values, camera = features.features[:, 0], features.table["camera"].to_numpy()
    content: dict[str, np.ndarray] = {}
    for name, cameras in (("query", (3, 6)), ("gallery", (1, 2, 4, 5))):
        rows = np.isin(camera, cameras)
        content |= {
            f"{name}_f": values[rows],
            f"{name}_label": features.table["identity"].to_numpy()[rows],
            f"{name}_cam": camera[rows],
        }
    savemat("given.mat", content)
    bench(*RECORD, "--features", "given.mat", "--splits", splits, "--real")
    (path,) = Path("results").rglob("*.json")
    line = error_of(bench("verify", path, "--features", "given.mat", "--splits", splits))
    assert "its galleries, or its distances, are as given" in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema_version": 3, "met', "is not JSON"),
        ('{"schema_version": 99}', "has schema_version 99, newer than"),
        ('{"schema_version": 3}', "is not a result record: method: Field required"),
    ],
)
def test_what_is_no_record_is_one_line(bench: Bench, content: str, message: str) -> None:
    Path("a.json").write_text(content)
    assert message in error_of(bench("verify", "a.json", "--features", "features.npz"))


def test_scores_that_are_no_numbers_are_one_line(bench: Bench, recorded: Path) -> None:
    text = recorded.read_text()
    recorded.write_text(text.replace('"iccs": ', '"iccs": NaN, "was": '))
    assert "is not a result record" in error_of(bench("verify", recorded, "--features", "f.npz"))


def test_what_is_wrong_with_the_options_is_one_line(bench: Bench, recorded: Path) -> None:
    assert "one result at a time" in error_of(bench("verify", recorded, "other.json"), 2)
    line = error_of(bench("verify", recorded, "--runs", "nowhere"), 2)
    assert "--runs nowhere is not a folder" in line
    line = error_of(bench("verify", recorded, "--features", "f.npz", "--runs", "."), 2)
    assert "--runs and --features contradict each other" in line
    missing = bench("verify", recorded, "--features", "f.npz", "--splits", "nowhere")
    assert "--splits nowhere is not a folder" in error_of(missing, 2)
    assert "cannot read result" in error_of(bench("verify", "no.json", "--features", "f.npz"))
