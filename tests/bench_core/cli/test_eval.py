"""`bench eval` for someone who has nothing but features and the split files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from jsonschema import Draft202012Validator
from scipy.io import loadmat, savemat

from bench_core.features.table import FeatureTable, write_features
from bench_core.file_schemas import file_schema, json_schema

Bench = Callable[..., Result]

DOCUMENT = Path(__file__).parents[3] / "docs" / "features.md"
PROTOCOL = ["--protocol", "sysu-all-single"]
ANALYSIS = ("sysu-rgb-to-rgb", "sysu-ir-to-ir", "sysu-rgb-to-ir", "sysu-ir-to-rgb")


def write_matlab(folder: Path, features: FeatureTable) -> Path:
    """Write the official layout: a file a camera, an entry an identity, a row an image."""
    folder.mkdir()
    table = features.table.assign(row=range(len(features.table)))
    for camera in range(1, 7):
        cell = np.empty((int(table["identity"].max()), 1), dtype=object)
        for identity in range(1, len(cell) + 1):
            own = table[(table["camera"] == camera) & (table["identity"] == identity)]
            rows = own.sort_values("index")["row"].to_numpy()
            cell[identity - 1, 0] = features.features[rows, 0] if len(rows) else np.zeros((0, 0))
        save_as_matlab(folder / f"feat_cam{camera}.mat", {"feature": cell})
    return folder


def save_as_matlab(path: Path, content: dict[str, np.ndarray]) -> None:
    """Write a file with the header that MATLAB writes."""
    savemat(path, content)
    with path.open("r+b") as file:
        file.write(b"MATLAB 5.0 MAT-file, Platform: GLNXA64")


def shuffled(features: FeatureTable) -> FeatureTable:
    order = np.random.default_rng(1).permutation(len(features.table))
    return FeatureTable(
        features=features.features[order],
        table=features.table.iloc[order].reset_index(drop=True),
        metric=features.metric,
    )


def test_the_numpy_example_of_the_documentation_writes_features_that_score(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    columns = {name: features.table[name].to_numpy() for name in ("identity", "camera", "index")}
    exec(example, {"features": features.features[:, 0], **columns})  # noqa: S102
    options = [*PROTOCOL, "--splits", splits, "--json"]
    result = bench("eval", *options, "--features", "features.npz")
    assert result.exit_code == 0, result.stderr
    folder = write_matlab(tmp_path / "matlab", features)
    same = bench("eval", *options, "--features", folder, "--metric", "cosine")
    assert result.stdout == same.stdout


def test_the_documentation_names_every_key_and_column(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--features", "features.npz", "--splits", splits, "--json"]
    document = json.loads(bench("eval", *options, "--per-query", "queries.csv").stdout)
    text = DOCUMENT.read_text()
    for name in ("iccs", "by_query_camera", *document["by_query_camera"]["3"]):
        assert f"`{name}`" in text
    for name in pd.read_csv(tmp_path / "queries.csv").columns:
        assert f"`{name}`" in text


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--rerank"]], ids=["plain", "re-ranked"])
def test_scoring_on_a_processor_loads_no_library_that_trains_or_draws(
    features: FeatureTable, splits: Path, tmp_path: Path, more: list[str]
) -> None:
    write_features(tmp_path / "features.npz", features)
    heavy = ("torch", "torchvision", "matplotlib", "scipy.stats", "PIL")
    code = (
        "import sys\n"
        "from bench_start import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    options = [*PROTOCOL, "--features", tmp_path / "features.npz", "--splits", splits]
    command = [sys.executable, "-c", code, "eval", *map(str, options), *more]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stderr.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_first_scoring_says_that_it_compiles_and_keeps_json_clean(
    features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--features", tmp_path / "features.npz", "--splits", splits, "--json"]
    command = [sys.executable, "-m", "bench_core", "eval", *map(str, options)]
    first, second = (
        subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept")},
        )
        for _ in range(2)
    )
    (line,) = [line for line in first.stderr.splitlines() if "compiling" in line]
    assert line == "compiling the loops of such scoring, once: this takes about 4 seconds"
    assert "compiling" not in second.stderr
    assert json.loads(first.stdout) == json.loads(second.stdout)


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.stderr
    return line


@pytest.mark.parametrize(
    "protocol", ["sysu-all-single", "sysu-all-multi", "sysu-indoor-single", *ANALYSIS]
)
def test_matlab_folder_and_npz_give_the_same_bytes(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path, protocol: str
) -> None:
    write_features(tmp_path / "features.npz", shuffled(features))
    folder = write_matlab(tmp_path / "matlab", features)
    documents = []
    for source in ("features.npz", folder):
        result = bench(
            "eval", "--protocol", protocol, "--features", source, "--splits", splits, "--json"
        )
        assert result.exit_code == 0, result.stderr
        documents.append(result.stdout)
    assert documents[0] == documents[1]
    document = json.loads(documents[0])
    assert 0 < document["mean"]["rank-1"] <= 1
    assert -1 <= document["iccs"] <= 1


def test_cameras_add_up_to_the_whole(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--features", "features.npz", "--splits", splits]
    document = json.loads(bench("eval", *options, "--json").stdout)
    cameras = document["by_query_camera"]
    assert set(cameras) == {"3", "6"}
    for name in ("queries", "valid_queries"):
        assert sum(camera[name] for camera in cameras.values()) == document[name]
    for metric, whole in document["mean"].items():
        total = sum(scores["mean"][metric] * scores["valid_queries"] for scores in cameras.values())
        assert total / document["valid_queries"] == pytest.approx(whole)
    shown = bench("eval", *options).stdout
    assert f"{100 * cameras['6']['mean']['mAP']:.2f}" in shown
    assert f"(ICCS) {document['iccs']:.4f}" in shown


def test_the_scores_of_each_query_are_written(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--features", "features.npz", "--splits", splits]
    result = bench("eval", *options, "--per-query", "queries.csv")
    assert "queries queries.csv" in result.stdout
    document = json.loads(bench("eval", *options, "--json").stdout)
    rows = pd.read_csv(tmp_path / "queries.csv")
    assert len(rows) == 10 * document["queries"]
    trials = rows[rows["valid"]].groupby("trial")
    expected = [trial["mAP"] for trial in document["trials"]]
    assert trials["average_precision"].mean().tolist() == pytest.approx(expected)
    first = trials["first_match_rank"].agg(lambda ranks: (ranks == 1).mean())
    assert first.tolist() == pytest.approx([trial["cmc"][0] for trial in document["trials"]])


def test_a_wrong_per_query_file_is_refused_before_anything_is_read(
    bench: Bench, splits: Path, tmp_path: Path
) -> None:
    options = [*PROTOCOL, "--features", "nowhere.npz", "--splits", splits]
    line = error_of(bench("eval", *options, "--per-query", "queries.txt"), 2)
    assert "--per-query queries.txt" in line


def test_the_metric_of_a_folder_can_be_chosen(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    stretch = np.random.default_rng(2).uniform(0.1, 10, (len(features.features), 1, 1))
    uneven = FeatureTable(
        features=features.features * stretch, table=features.table, metric="euclidean"
    )
    options = [*PROTOCOL, "--splits", splits, "--json"]
    scores = [
        json.loads(bench("eval", *options, "--features", folder, *metric).stdout)["mean"]
        for folder, metric in (
            (write_matlab(tmp_path / "even", features), ["--metric", "cosine"]),
            (write_matlab(tmp_path / "uneven", uneven), ["--metric", "cosine"]),
            (tmp_path / "uneven", ["--metric", "euclidean"]),
            (tmp_path / "uneven", []),
        )
    ]
    assert scores[0] == pytest.approx(scores[1])
    assert scores[2] == scores[3]
    assert scores[2]["mAP"] < scores[1]["mAP"]


def test_a_metric_against_the_file_is_refused(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--features", "features.npz", "--splits", splits]
    line = error_of(bench("eval", *options, "--metric", "cosine"), 2)
    assert "--metric cosine contradicts features.npz, whose features are euclidean" in line
    assert bench("eval", *options, "--metric", "euclidean").exit_code == 0


def test_a_camera_without_file_is_named_where_it_is_needed(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    folder = write_matlab(tmp_path / "matlab", features)
    (folder / "feat_cam4.mat").unlink()
    options = ["--features", folder, "--splits", splits]
    line = error_of(bench("eval", *PROTOCOL, *options), 1)
    assert f"cannot score {folder}: sysu-all-single needs" in line
    assert "there is none of camera 4" in line
    assert bench("eval", "--protocol", "sysu-indoor-single", *options).exit_code == 0


def damage(
    folder: Path, camera: int, identity: int, change: Callable[[np.ndarray], object]
) -> None:
    """Change the entry of one identity in one camera's file."""
    path = folder / f"feat_cam{camera}.mat"
    cell = loadmat(path)["feature"]
    cell[identity - 1, 0] = change(cell[identity - 1, 0])
    save_as_matlab(path, {"feature": cell})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda matrix: matrix * np.nan, "has NaN or infinite values in"),
        (lambda matrix: matrix[:, :7], "has 7 dimensions, but"),
        (lambda matrix: matrix[1:], "images, but rand_perm_cam.mat permutes"),
        (lambda matrix: np.concatenate([matrix, matrix]), "images, but rand_perm_cam.mat permutes"),
        (lambda matrix: matrix[:0], "found 0 images, but rand_perm_cam.mat permutes"),
    ],
)
def test_damaged_features_are_named(
    bench: Bench,
    features: FeatureTable,
    splits: Path,
    tmp_path: Path,
    change: Callable[[np.ndarray], object],
    expected: str,
) -> None:
    folder = write_matlab(tmp_path / "matlab", features)
    table = features.table
    # An identity that is not the only one of its camera, with more than one image.
    identity = int(table.loc[table["camera"] == 4, "identity"].max())
    damage(folder, 4, identity, change)
    line = error_of(bench("eval", *PROTOCOL, "--features", folder, "--splits", splits), 1)
    assert expected in line
    assert str(folder) in line
    assert f"feature{{{identity}}}" in line or f"camera 4, identity {identity}:" in line


def test_an_identity_without_any_image_is_named(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    last = int(features.table["identity"].max())
    kept = np.flatnonzero(features.table["identity"] != last)
    fewer = FeatureTable(
        features=features.features[kept],
        table=features.table.iloc[kept].reset_index(drop=True),
        metric="euclidean",
    )
    folder = write_matlab(tmp_path / "matlab", fewer)
    line = error_of(bench("eval", *PROTOCOL, "--features", folder, "--splits", splits), 1)
    assert f"such as identity {last}" in line


def test_a_damaged_file_of_matlab_7_3_is_named(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    folder = write_matlab(tmp_path / "matlab", features)
    path = folder / "feat_cam2.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(512))
    line = error_of(bench("eval", *PROTOCOL, "--features", folder, "--splits", splits), 1)
    assert f"{path} is no MATLAB file of version 7.3 (HDF5), or it is damaged" in line


def test_what_a_score_takes_for_granted_is_said(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    options = [*PROTOCOL, "--convention", "agw", "--features", "features.npz", "--splits", splits]
    known = bench("eval", *options, "--json")
    assert json.loads(known.stdout)["assumptions"] == []
    assert "Note: " not in known.stderr
    (splits / "rand_perm_cam.mat").unlink()
    result = bench("eval", *options, "--json")
    document = json.loads(result.stdout)
    (assumption,) = document["assumptions"]
    assert assumption.startswith("neither rand_perm_cam.mat nor the images are at hand")
    assert result.stderr == f"Note: {assumption}\n"
    assert document["mean"] == json.loads(known.stdout)["mean"]
    shown = bench("eval", *options).stdout
    assert f"assumed: {assumption}" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


def test_a_pipe_among_the_files_is_named(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    folder = write_matlab(tmp_path / "matlab", features)
    (folder / "feat_cam1.mat").unlink()
    os.mkfifo(folder / "feat_cam1.mat")
    line = error_of(bench("eval", *PROTOCOL, "--features", folder, "--splits", splits), 1)
    assert f"{folder / 'feat_cam1.mat'}: It is a named pipe, not a regular file" in line


def test_a_name_that_is_too_long_is_an_error(bench: Bench, splits: Path) -> None:
    for name in ("x" * 300, "x" * 300 + ".npz"):
        line = error_of(bench("eval", *PROTOCOL, "--features", name, "--splits", splits), 1)
        assert "File name too long" in line


def test_a_folder_of_something_else_is_named(bench: Bench, splits: Path) -> None:
    line = error_of(bench("eval", *PROTOCOL, "--features", splits, "--splits", splits), 1)
    assert f"{splits} holds no feature file: expected NAME_cam1.mat" in line
    assert "name one alone" not in line
    (splits / "trial-1.npz").touch()
    line = error_of(bench("eval", *PROTOCOL, "--features", splits, "--splits", splits), 1)
    assert line.endswith("; of 'trial-1.npz' and the like name one alone")


def test_an_index_from_one_and_labels_from_zero_are_recognised(
    bench: Bench, features: FeatureTable, splits: Path
) -> None:
    people = sorted(set(features.table["identity"]))
    told = {
        "every index counts from 1": features.table.assign(index=features.table["index"] + 1),
        f"identities are 0 to {len(people) - 1} without a gap": features.table.assign(
            identity=features.table["identity"].map(people.index)
        ),
    }
    for line, table in told.items():
        write_features(Path("theirs.npz"), replace(features, table=table))
        failed = bench("eval", *PROTOCOL, "--features", "theirs.npz", "--splits", splits)
        assert f"; {line}" in error_of(failed, 1)
        shown = bench("features", "info", "theirs.npz", "--splits", splits).stdout
        assert line in " ".join(shown.replace("as above", "").split())


def test_duplicate_images_in_a_file_are_named(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    names = ("identity", "camera", "index")
    columns = {name: np.tile(features.table[name].to_numpy(), 2) for name in names}
    np.savez(
        tmp_path / "twice.npz",
        features=np.tile(features.features[:, 0], (2, 1)),
        modality=np.tile(features.table["modality"].to_numpy(dtype=np.str_), 2),
        **columns,
    )
    line = error_of(bench("eval", *PROTOCOL, "--features", "twice.npz", "--splits", splits), 1)
    assert "twice.npz" in line
    assert "rows repeat an image" in line


@pytest.mark.slow
def test_analysis_protocols_run_from_training_to_result(
    bench: Bench, small_run: list[str], tmp_path: Path
) -> None:
    for protocol in ANALYSIS:
        small_run[3] = protocol
        result = bench("run", *small_run)
        assert result.exit_code == 0, result.stderr
        assert protocol in result.stdout
    assert len(list((tmp_path / "runs").rglob("model.safetensors"))) == 1
    assert len(list((tmp_path / "results").rglob("*.json"))) == len(ANALYSIS)


def test_features_of_a_part_of_a_dataset_are_scored_with_a_word(
    bench: Bench, features: FeatureTable, sysu_root: Path, tmp_path: Path
) -> None:
    write_features(tmp_path / "features.npz", features)
    root = shutil.copytree(sysu_root, tmp_path / "root")
    command = ["eval", *PROTOCOL, "--features", "features.npz", "--data", root, "--json"]
    assert json.loads(bench(*command).stdout)["findings"] == []
    for marker in root.rglob("synthetic.json"):
        marker.unlink()
    result = bench(*command)
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding.startswith("counts: training visible: ")
    assert f"Note: SYSU-MM01 in {root}, {finding}" in result.stderr.splitlines()
    for camera in root.glob("cam*"):
        shutil.rmtree(camera)
    (finding,) = json.loads(bench(*command).stdout)["findings"]
    assert "its images could not be looked at: " in finding


def test_the_document_has_the_schema_of_an_evaluation(
    bench: Bench, features: FeatureTable, splits: Path, tmp_path: Path
) -> None:
    path = tmp_path / "features.npz"
    write_features(path, features)
    scored = bench("eval", *PROTOCOL, "--features", path, "--splits", splits, "--json")
    document = json.loads(scored.stdout)
    schema = json_schema(file_schema("evaluation"))
    Draft202012Validator(schema).validate(document)
    assert set(document) <= set(schema["properties"])
    del document["mean"]
    assert not Draft202012Validator(schema).is_valid(document)
