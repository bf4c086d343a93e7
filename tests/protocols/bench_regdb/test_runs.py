"""RegDB on the command line: ten models, each scored on its own trial and on no other."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bench_core import hookimpl
from bench_core.cli.main import build_cli
from bench_core.contracts.result import ResultRecord
from bench_core.plugins import Registry, load_registry

pytestmark = pytest.mark.slow

ReadResults = Callable[[Path], list[ResultRecord]]
Bench: TypeAlias = Callable[..., Result]

DOCUMENT = Path(__file__).parents[3] / "docs" / "regdb.md"
THERE, BACK = "regdb-visible-to-thermal", "regdb-thermal-to-visible"
SMALL = {
    "epochs": 2,
    "sampling.steps_per_epoch": 1,
    "sampling.identities": 2,
    "sampling.images": 2,
    "image_height": 32,
    "image_width": 16,
}
SETTINGS = ["--preset", "quick", *(f"--set={key}={value}" for key, value in SMALL.items())]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def bench(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Run a command in a folder of its own, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("regdb-runs"))
        patch.setenv("VIREID_BENCH_CACHE", str(tmp_path_factory.mktemp("regdb-cache")))
        yield lambda *arguments: CliRunner().invoke(
            build_cli(registry), [str(argument) for argument in arguments]
        )


def run_options(root: Path, protocol: str = THERE) -> list[str]:
    return ["--method", "xiv", "--protocol", protocol, "--data", str(root), *SETTINGS]


def document_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert "Traceback" not in result.output
    return line


@pytest.fixture(scope="module")
def scored(bench: Bench, shared_root: Path) -> Result:
    """The first run: it trains ten models."""
    return bench("run", *run_options(shared_root), "--json")


@pytest.fixture(scope="module")
def models(bench: Bench, shared_root: Path, scored: Result) -> dict[str, str]:
    """The model file of each training split."""
    trained = bench("train", *run_options(shared_root), "--json")
    return {model["split"]: model["model"] for model in json.loads(trained.stdout)}


@pytest.fixture(scope="module")
def features(bench: Bench, shared_root: Path, models: dict[str, str]) -> Path:
    """A folder with the features of each model, by the name of its training split."""
    for split, model in models.items():
        extracted = bench(
            "extract", "--model", model, "--protocol", THERE, "--data", shared_root,
            "--output", f"features/{split}.npz",
        )  # fmt: skip
        assert extracted.exit_code == 0, extracted.stderr
    return Path("features")


# Running


def test_a_run_trains_ten_models_and_scores_each_on_its_own_trial(scored: Result) -> None:
    document = document_of(scored)
    assert len(set(document["provenance"]["training_identities"])) == 10
    assert len(document["scores"]["trials"]) == 10
    assert (document["scores"]["queries"], document["scores"]["gallery"]) == (6, [6] * 10)
    mean = np.mean([trial["mAP"] for trial in document["scores"]["trials"]])
    assert document["scores"]["mean"]["mAP"] == pytest.approx(mean)
    assert "trial 3 of 10 (trial-3)" in scored.stderr


def test_the_other_direction_uses_the_same_ten_models(
    bench: Bench, shared_root: Path, scored: Result, read_results: ReadResults
) -> None:
    back = bench("run", *run_options(shared_root, BACK), "--json")
    assert "training" not in back.stderr
    assert "extracting" not in back.stderr
    identities = [
        document_of(result)["provenance"]["training_identities"] for result in (scored, back)
    ]
    assert identities[0] == identities[1]
    assert {record.protocol.id for record in read_results(Path("results"))} == {THERE, BACK}


def test_the_summary_shows_trial_by_trial(bench: Bench, shared_root: Path, scored: Result) -> None:
    shown = bench("run", *run_options(shared_root)).stdout
    trials = document_of(scored)["scores"]["trials"]
    for number, trial in enumerate(trials, start=1):
        (line,) = [line for line in shown.splitlines() if line.startswith(f"trial {number} ")]
        rank_1, *_, mean_average_precision, _ = line.split()[2:]
        assert rank_1 == f"{100 * trial['cmc'][0]:.2f}"
        assert mean_average_precision == f"{100 * trial['mAP']:.2f}"
    assert shown.count("model ") == 10


def test_an_interrupted_run_goes_on_at_its_trial(
    bench: Bench, registry: Registry, shared_root: Path, scored: Result
) -> None:
    """The third training is interrupted after its first epoch."""
    epochs: list[tuple[str, int]] = []

    class Observer:
        interrupts = True

        @hookimpl
        def bench_epoch_finished(self, training: str, epoch: int) -> None:
            epochs.append((training, epoch))
            if self.interrupts and len(epochs) == 5:
                raise KeyboardInterrupt

    observer = Observer()
    options = [*run_options(shared_root), "--runs", "interrupted", "--results", "resumed", "--json"]
    registry._manager.register(observer)  # type: ignore[attr-defined]
    try:
        interrupted = bench("run", *options)
        finished = len(list(Path("interrupted").rglob("model.safetensors")))
        observer.interrupts = False
        resumed = bench("run", *options)
    finally:
        registry._manager.unregister(observer)  # type: ignore[attr-defined]
    assert (interrupted.exit_code, finished) == (1, 2)
    whole = document_of(scored)
    trainings = whole["provenance"]["training_identities"]
    assert epochs == [(training, epoch) for training in trainings for epoch in (1, 2)]
    assert document_of(resumed)["scores"] == whole["scores"]


# Scoring features


def test_a_folder_of_features_gives_the_scores_of_the_run(
    bench: Bench, shared_root: Path, features: Path, scored: Result
) -> None:
    for source in (["--data", shared_root], ["--splits", shared_root / "idx"]):
        result = bench("eval", "--protocol", THERE, "--features", features, *source, "--json")
        document = document_of(result)
        for name in ("queries", "gallery", "trials", "mean", "std", "interval"):
            assert document[name] == document_of(scored)["scores"][name]


def test_features_hold_the_test_images_of_their_trial_and_name_their_split(
    shared_root: Path, features: Path
) -> None:
    with np.load(features / "trial-4.npz") as arrays:
        assert str(arrays["training_split"]) == "trial-4"
        found = {
            kind: set(arrays["identity"][arrays["modality"] == kind].tolist())
            for kind in ("visible", "infrared")
        }
    lines = (shared_root / "idx" / "test_visible_4.txt").read_text().splitlines()
    people = {int(line.split("/")[1]) for line in lines}
    assert found == {"visible": people, "infrared": people}


def test_one_trial_alone_is_scored_from_its_file_or_from_the_folder(
    bench: Bench, shared_root: Path, features: Path, scored: Result
) -> None:
    options = ["--protocol", THERE, "--data", shared_root, "--trial", "3"]
    documents = [
        document_of(bench("eval", *options, "--features", path, "--json"))
        for path in (features / "trial-3.npz", features)
    ]
    assert documents[0] == documents[1]
    assert documents[0]["trial"] == 3
    assert documents[0]["trials"] == [document_of(scored)["scores"]["trials"][2]]
    shown = bench("eval", *options, "--features", features, "--per-query", "queries.csv").stdout
    assert "\ntrial 3 " in shown
    assert "\ntrial 1 " not in shown
    assert Path("queries.csv").read_text().splitlines()[1].startswith("3,")


def test_a_model_of_trial_3_is_not_scored_on_trial_5(
    bench: Bench, shared_root: Path, features: Path
) -> None:
    options = ["--protocol", THERE, "--data", shared_root]
    file = features / "trial-3.npz"
    line = error_of(bench("eval", *options, "--features", file, "--trial", "5"), 1)
    assert f"cannot score {file}: the features are of a model trained on 'trial-3'" in line
    assert f"trial 5 of {THERE} needs one trained on 'trial-5'" in line
    assert "the very people that this trial tests" in line


def test_a_renamed_file_does_not_hide_its_model(
    bench: Bench, shared_root: Path, features: Path
) -> None:
    swapped = Path(shutil.copytree(features, "swapped", dirs_exist_ok=True))
    shutil.copy(features / "trial-3.npz", swapped / "trial-5.npz")
    options = ["--protocol", BACK, "--data", shared_root]
    line = error_of(bench("eval", *options, "--features", swapped), 1)
    assert f"cannot score {swapped / 'trial-5.npz'}" in line
    assert "trained on 'trial-3'" in line


def without_split(source: Path, target: Path) -> None:
    """Write features as a program does that does not say what their model was trained on."""
    with np.load(source) as arrays:
        kept = {name: arrays[name] for name in arrays if name != "training_split"}
    target.parent.mkdir(exist_ok=True)
    np.savez(target, **kept)


def test_features_that_name_no_split_are_scored_with_an_assumption(
    bench: Bench, shared_root: Path, features: Path
) -> None:
    options = ["--protocol", THERE, "--data", shared_root, "--json"]
    without_split(features / "trial-3.npz", Path("silent/trial-3.npz"))
    file = ["--features", "silent/trial-3.npz", "--trial", "3"]
    document = json.loads(bench("eval", *options, *file).stdout)
    (assumption,) = document["assumptions"]
    assert assumption.startswith("each trial's model was trained on its own split: trial-3.npz")


def test_the_features_of_one_model_are_not_scored_on_two_trials(
    bench: Bench, shared_root: Path, features: Path
) -> None:
    test_images = len(np.load(features / "trial-1.npz")["identity"])
    same = np.random.default_rng(0).standard_normal((test_images, 4))
    for number in range(1, 11):
        with np.load(features / f"trial-{number}.npz") as arrays:
            labels = {name: arrays[name] for name in ("identity", "camera", "modality", "index")}
        Path("same").mkdir(exist_ok=True)
        np.savez(f"same/trial-{number}.npz", features=same[: len(labels["identity"])], **labels)
    options = ["--protocol", THERE, "--data", shared_root, "--features", "same"]
    line = error_of(bench("eval", *options), 1)
    assert "same/trial-1.npz and same/trial-2.npz hold the same features" in line


def test_features_of_ten_models_become_one_row(
    bench: Bench,
    shared_root: Path,
    features: Path,
    scored: Result,
    read_results: ReadResults,
) -> None:
    options = ["--protocol", THERE, "--data", shared_root, "--features", features]
    recorded = [*options, "--record", "--name", "Ten models", "--results", "theirs"]
    result = bench("eval", *recorded)
    assert result.exit_code == 0, result.output
    (record,) = read_results(Path("theirs"))
    run = document_of(scored)
    assert record.dataset.fingerprint == run["dataset"]["fingerprint"]
    assert record.protocol.splits == run["protocol"]["splits"]
    assert record.features == tuple(run["features"])
    files = [(features / f"trial-{number}.npz").read_bytes() for number in range(1, 11)]
    assert record.origin.files == tuple(hashlib.sha256(file).hexdigest() for file in files)
    assert len(record.scores.trials) == 10
    line = error_of(bench("eval", *recorded, "--trial", "3"), 2)
    assert "a row is the mean of all trials" in line


def test_one_file_needs_its_trial(bench: Bench, shared_root: Path, features: Path) -> None:
    options = ["--protocol", THERE, "--data", shared_root]
    line = error_of(bench("eval", *options, "--features", features / "trial-3.npz"), 2)
    assert "give a folder with trial-1.npz to trial-10.npz, or with --trial N the one .npz" in line


def test_a_missing_file_is_named_with_what_is_expected(
    bench: Bench, shared_root: Path, features: Path
) -> None:
    fewer = Path(shutil.copytree(features, "fewer", dirs_exist_ok=True))
    for number in (4, 9):
        (fewer / f"trial-{number}.npz").unlink()
    options = ["--protocol", THERE, "--data", shared_root, "--features", fewer]
    line = error_of(bench("eval", *options), 1)
    assert f"{fewer / 'trial-4.npz'} is missing (2 of 10 files are)" in line
    assert "trial-1.npz to trial-10.npz" in line
    assert bench("eval", *options, "--trial", "3").exit_code == 0


@pytest.mark.parametrize("trial", ["0", "11"])
def test_there_is_no_trial_0_and_no_11(
    bench: Bench, shared_root: Path, features: Path, trial: str
) -> None:
    options = ["--protocol", THERE, "--data", shared_root, "--features", features]
    assert bench("eval", *options, "--trial", trial).exit_code == 2


def test_the_loop_of_the_documentation_writes_the_folder(
    bench: Bench, shared_root: Path, scored: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example trains with the paper's preset; here it is given a small one."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)

    def call(command: list[str], **_: object) -> SimpleNamespace:
        program, name, *arguments = command
        assert program == "bench"
        small = SETTINGS if name == "train" else []
        result = bench(name, *arguments, *small)
        assert result.exit_code == 0, result.stderr
        return SimpleNamespace(stdout=result.stdout)

    monkeypatch.setattr(subprocess, "run", call)
    Path("RegDB").symlink_to(shared_root)
    exec(example, {})  # noqa: S102
    result = bench("eval", "--protocol", BACK, "--features", "features", "--data", "RegDB")
    assert result.exit_code == 0, result.stderr
