"""`bench eval --record`: features of somebody else become a row of the leaderboard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from scipy.io import savemat

from bench_core.contracts.result import ResultRecord
from bench_core.data.fingerprint import fingerprint
from bench_core.features.digest import features_digest
from bench_core.features.table import FeatureTable, read_features, write_features
from bench_core.results.store import find_results, query_scores_path
from bench_sysu.dataset import SysuMM01Reader

Bench = Callable[..., Result]
Read = Callable[[Path], list[ResultRecord]]

EVAL = ["eval", "--protocol", "sysu-all-single", "--features", "features.npz"]
RECORD = [*EVAL, "--record", "--name", "Theirs"]
RESULTS = Path("results")


@pytest.fixture
def written(features: FeatureTable, bench: Bench) -> FeatureTable:
    """Features in features.npz, in the folder that `bench` runs in."""
    write_features(Path("features.npz"), features)
    return features


def write_given(path: Path, features: FeatureTable, *, cameras: tuple[int, ...]) -> None:
    """Write a query and a gallery of one image each, without what says which images they are."""
    table, values = features.table, features.features[:, 0]
    camera, identity = (table[name].to_numpy() for name in ("camera", "identity"))
    query = np.isin(camera, [3, 6])
    gallery = np.isin(camera, cameras) & (table["index"] == 0).to_numpy()
    content: dict[str, np.ndarray] = {}
    for name, rows in (("query", query), ("gallery", gallery)):
        content |= {
            f"{name}_f": values[rows],
            f"{name}_label": identity[rows],
            f"{name}_cam": camera[rows],
        }
    savemat(path, content)


def error_of(result: Result, code: int) -> str:
    assert result.exit_code == code, result.output
    line: str = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def test_features_of_a_dataset_at_hand_share_the_table_of_its_trainings(
    bench: Bench, written: FeatureTable, sysu_root: Path, cache: Path, read_results: Read
) -> None:
    result = bench(*RECORD, "--data", sysu_root)
    assert result.exit_code == 0, result.output
    (record,) = read_results(RESULTS)
    dataset = SysuMM01Reader().read(sysu_root)
    assert record.dataset.fingerprint == fingerprint(dataset, cache)
    assert record.dataset.evidence == "images"
    assert record.dataset.synthetic
    assert record.protocol.splits == dataset.splits.digest()
    assert record.protocol.convention == "official"
    assert record.dataset.num_images == len(dataset.images)
    assert result.stdout.splitlines()[-1] == f"result  {next(RESULTS.rglob('*.json'))}"


def test_a_record_says_what_is_known_and_leaves_open_what_is_not(
    bench: Bench, written: FeatureTable, sysu_root: Path, read_results: Read
) -> None:
    shown = json.loads(bench(*RECORD, "--data", sysu_root, "--json").stdout)
    (record,) = read_results(RESULTS)
    assert (record.method.id, record.method.title) == ("Theirs", "Theirs")
    assert record.method.config == {"metric": "euclidean"}
    assert (record.method.preset, record.method.seed, record.cost) == (None, None, None)
    assert (record.provenance.weights, record.provenance.selection) == (None, None)
    assert record.provenance.training_identities == ()
    assert record.provenance.versions["vireid-bench"]
    assert record.origin.kind == "features"
    assert record.origin.files == (hashlib.sha256(Path("features.npz").read_bytes()).hexdigest(),)
    assert record.features == (features_digest(read_features(Path("features.npz"))),)
    assert record.scores.mean.by_name() == shown["mean"]
    assert shown["record"] == str(next(RESULTS.rglob("*.json")))
    assert query_scores_path(Path(shown["record"])).is_file()


def test_without_images_somebody_must_say_whether_they_are_rendered(
    bench: Bench, written: FeatureTable, splits: Path, read_results: Read
) -> None:
    line = error_of(bench(*RECORD, "--splits", splits), 2)
    assert "nothing shows whether the images are the dataset's own or rendered people" in line
    assert "--real or --synthetic" in line
    for option in ("--real", "--synthetic"):
        assert bench(*RECORD, "--splits", splits, option).exit_code == 0
    by_kind = {record.dataset.synthetic: record.dataset for record in read_results(RESULTS)}
    assert set(by_kind) == {True, False}
    for kind, used in by_kind.items():
        assert used.evidence == "features"
        (finding,) = used.findings
        assert finding.startswith(
            f"that these are {'rendered people' if kind else 'the published images of SYSU-MM01'}"
        )
    table = bench("leaderboard").stdout
    assert table.count("images as claimed") == 2
    assert "Synthetic SYSU-MM01: sysu-all-single, official galleries, images as claimed" in table


def test_the_mark_of_rendered_people_beside_split_files_is_proof(
    bench: Bench, written: FeatureTable, sysu_root: Path, read_results: Read
) -> None:
    assert bench(*RECORD, "--splits", sysu_root / "exp").exit_code == 0
    (record,) = read_results(RESULTS)
    assert record.dataset.synthetic
    line = error_of(bench(*RECORD, "--splits", sysu_root / "exp", "--real"), 2)
    assert f"--real contradicts {sysu_root / 'exp'}, whose people are rendered" in line
    line = error_of(bench(*RECORD, "--data", sysu_root, "--real"), 2)
    assert f"--real contradicts {sysu_root}" in line


def test_files_over_the_same_images_share_a_table_whatever_else_they_hold(
    bench: Bench, written: FeatureTable, sysu_root: Path, splits: Path, read_results: Read
) -> None:
    images = SysuMM01Reader().read(sysu_root).images.drop(columns="path")
    rng = np.random.default_rng(1)
    more = FeatureTable(
        features=rng.standard_normal((len(images), 1, 4)).astype(np.float32),
        table=images.iloc[rng.permutation(len(images))].reset_index(drop=True),
        metric="cosine",
    )
    for number, features in enumerate((written, more)):
        write_features(Path("features.npz"), features)
        name = ["--record", "--name", f"method {number}"]
        assert bench(*EVAL, *name, "--splits", splits, "--real").exit_code == 0
    first, second = read_results(RESULTS)
    assert first.dataset.fingerprint == second.dataset.fingerprint
    assert first.dataset.num_images == second.dataset.num_images < len(images)
    paths = sorted(RESULTS.rglob("*.json"))
    assert "is better than" in bench("compare", *paths).stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ([], "--record needs --name TEXT"),
        (["--name", ""], "--name: the name is empty"),
        (["--name", " \t"], "--name: the name is empty"),
        (["--name", "two\nlines"], "--name: the name 'two\\nlines' holds a line break"),
        (["--name", "\x1b[2J"], "characters that do not print"),
        (["--name", "x" * 81], "--name: the name has 81 characters; use at most 80"),
        (["--name", "XIV"], "--name: the name 'XIV' is that of an installed method"),
        (["--name", "xiv:mean"], "choose another, such as 'theirs, xiv:mean'"),
    ],
)
def test_a_name_must_be_one_that_tables_can_show(
    bench: Bench, splits: Path, name: list[str], message: str
) -> None:
    line = error_of(bench(*EVAL, "--record", *name, "--splits", splits, "--real"), 2)
    assert message in line
    assert not RESULTS.exists()


def test_a_hostile_name_is_text_in_every_format(
    bench: Bench, written: FeatureTable, splits: Path
) -> None:
    name = "=1+1 | <b>*x*</b> [y](http://z) ../../etc"
    result = bench(*EVAL, "--record", "--name", name, "--splits", splits, "--real")
    assert result.exit_code == 0
    (path,) = RESULTS.rglob("*.json")
    assert path.parent == RESULTS / "sysu-all-single"
    assert path.name.startswith("1+1-b-x-b-y-http-z-..-..-etc-")
    assert "=1+1 | <b>*x*</b>" in bench("leaderboard").stdout
    markdown = bench("leaderboard", "--format", "markdown").stdout
    assert r"\=1+1 \| \<b\>\*x\*\</b\> \[y\](http://z) ../../etc" in markdown
    assert f"'{name}" in bench("leaderboard", "--format", "csv").stdout
    rows = json.loads(bench("leaderboard", "--json").stdout)["sections"][0]["rows"]
    assert rows[0]["title"] == name


@pytest.mark.parametrize(
    "options", [["--name", "Theirs"], ["--results", "here"], ["--real"], ["--synthetic"]]
)
def test_an_option_of_records_does_nothing_alone(
    bench: Bench, splits: Path, options: list[str]
) -> None:
    line = error_of(bench(*EVAL, "--splits", splits, *options), 2)
    assert f"{options[0]} goes with --record" in line


def test_one_trial_of_several_makes_no_row(
    bench: Bench, written: FeatureTable, splits: Path
) -> None:
    line = error_of(bench(*RECORD, "--splits", splits, "--real", "--trial", "1"), 2)
    assert "a row is the mean of all trials; leave --trial out" in line


def test_re_ranked_features_are_a_row_of_their_own(
    bench: Bench, written: FeatureTable, splits: Path, read_results: Read
) -> None:
    for more in ([], ["--rerank"]):
        assert bench(*RECORD, "--splits", splits, "--real", *more).exit_code == 0
    marks = {record.label: record.protocol.rerank for record in read_results(RESULTS)}
    assert marks == {"Theirs": False, "Theirs + re-ranking": True}


def test_a_second_record_of_the_same_file_replaces_the_first(
    bench: Bench, written: FeatureTable, splits: Path
) -> None:
    for _ in range(2):
        assert bench(*RECORD, "--splits", splits, "--real", "--results", "mine").exit_code == 0
    assert len(list(Path("mine").rglob("*.json"))) == 1


@pytest.mark.parametrize("kind", ["file", "folder in a file"])
def test_a_results_folder_that_cannot_be_written_is_named_before_anything_is_scored(
    bench: Bench, splits: Path, kind: str
) -> None:
    Path("taken").write_text("")
    place = "taken" if kind == "file" else "taken/results"
    result = bench(*RECORD, "--splits", splits, "--real", "--results", place)
    assert result.exit_code in (1, 2)
    assert "taken" in result.stderr.splitlines()[-1]


def test_features_that_are_not_finite_leave_no_record(
    bench: Bench, written: FeatureTable, splits: Path
) -> None:
    table = {name: written.table[name].to_numpy() for name in ("identity", "camera", "index")}
    values = written.features[:, 0].copy()
    values[3, 2] = np.nan
    modality = written.table["modality"].to_numpy(dtype=np.str_)
    np.savez("features.npz", features=values, modality=modality, **table)
    error_of(bench(*RECORD, "--splits", splits, "--real"), 1)
    assert not list(RESULTS.rglob("*.json"))


def test_given_galleries_have_tables_of_their_own_in_every_format(
    bench: Bench, written: FeatureTable, splits: Path, sysu_root: Path, read_results: Read
) -> None:
    more = ["--splits", splits, "--real"]
    write_given(Path("given.mat"), written, cameras=(1, 2, 4, 5))
    given = [*EVAL[:-1], "given.mat", "--record", "--name", "Given", *more]
    assert bench(*given).exit_code == 0
    assert bench(*given, "--rerank").exit_code == 0
    assert bench(*RECORD, *more).exit_code == 0
    records = {record.label: record for record in read_results(RESULTS)}
    assert records["Given"].origin.kind == "given"
    assert records["Given"].protocol.convention == "given"
    heading = "SYSU-MM01: sysu-all-single, given galleries, images as claimed"
    assert heading in bench("leaderboard").stdout
    assert f"### {heading}" in bench("leaderboard", "--format", "markdown").stdout
    sections = json.loads(bench("leaderboard", "--json").stdout)["sections"]
    assert [section["given"] for section in sections] == [True, False]
    assert len(bench("leaderboard", "--format", "csv").stdout.splitlines()) == 4
    plot = bench("leaderboard", "--plot", "plots")
    assert "not in the pictures: 3 without known multiply-adds" in plot.stderr
    paths = {record.label: path for path, record in find_results(RESULTS).records.items()}
    compared = bench("compare", paths["Given"], paths["Given + re-ranking"]).stdout
    assert "The galleries are as given: nothing shows that both were drawn alike" in compared
    line = error_of(bench("compare", paths["Given"], paths["Theirs"]), 2)
    assert "their gallery convention differs (given and official)" in line
    assert bench(*given[:-3], "--data", sysu_root, "--results", "beside").exit_code == 0
    (beside,) = read_results(Path("beside"))
    assert beside.dataset.evidence == "images"
    assert beside.dataset.synthetic


def test_a_gallery_of_another_protocol_makes_no_row(
    bench: Bench, written: FeatureTable, splits: Path
) -> None:
    write_given(Path("given.mat"), written, cameras=(1, 2))
    given = [*EVAL[:-1], "given.mat", "--record", "--name", "Given", "--splits", splits, "--real"]
    line = error_of(bench(*given), 1)
    assert "given.mat makes no row of sysu-all-single: the gallery has no image of camera 4" in line
    given[2] = "sysu-indoor-single"
    assert bench(*given).exit_code == 0
