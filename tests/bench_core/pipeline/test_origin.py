"""What a result claims of its model: trained here, or elsewhere and by whose file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench_core import UsageError
from bench_core.configuration import MethodChoice
from bench_core.loading import load_object
from bench_core.methods import build_backbone
from bench_core.modeling.pretrained import PretrainedWeights
from bench_core.pipeline.benchmark import RunOutcome, ScoringSettings, run_benchmark
from bench_core.pipeline.inputs import RunInputs
from bench_core.pipeline.trainings import TrainedModel, TrainingSettings
from bench_core.plugins import Registry
from bench_core.results.store import read_result
from bench_core.system.files import hash_file

Train = Callable[..., TrainedModel]
Run = Callable[..., RunOutcome]


@pytest.fixture
def weights(tmp_path: Path) -> PretrainedWeights:
    """A file of weights for the backbone of the preset "quick"."""
    path = tmp_path / "weights.pth"
    torch.manual_seed(3)
    torch.save(build_backbone("small").body.state_dict(), path)
    return PretrainedWeights("file", path)


@pytest.fixture
def untrained(choice: MethodChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the method train nothing, as one that is made for finished models."""
    monkeypatch.setattr(load_object(choice.spec.method), "train", lambda *_: None)


@pytest.fixture
def run(
    registry: Registry,
    choice: MethodChoice,
    inputs: RunInputs,
    settings: TrainingSettings,
    tmp_path: Path,
) -> Run:
    """Run with some settings changed."""

    def call(**changes: object) -> RunOutcome:
        return run_benchmark(
            registry,
            choice,
            inputs,
            ScoringSettings("official"),
            replace(settings, **changes),  # type: ignore[arg-type]
            results=tmp_path / "results",
            command=["bench", "run"],
        )

    return call


@pytest.mark.slow
def test_a_model_trained_here_names_its_training(run: Run, weights: PretrainedWeights) -> None:
    outcome = run(weights=weights, threads=1)
    record, (model,) = outcome.record, outcome.models
    assert (record.origin.kind, record.origin.files) == ("trained-here", ())
    assert record.provenance.weights == weights.label
    assert set(record.provenance.training_identities) == {model.description.identity}
    assert record.provenance.training_format == "float32"
    assert record.provenance.training_threads == 1
    kept = json.loads(model.path.with_name("extraction.json").read_text())
    assert record.features == (kept["features"],)
    assert {"vireid-bench", "numpy", "torch"} <= record.provenance.versions.keys()


@pytest.mark.slow
def test_what_is_announced_is_what_the_file_holds(run: Run) -> None:
    outcome = run()
    assert outcome.record.digest is not None
    assert read_result(outcome.path) == outcome.record


@pytest.mark.usefixtures("untrained")
def test_a_model_from_a_weights_file_claims_no_training(
    run: Run, weights: PretrainedWeights
) -> None:
    record = run(weights=weights).record
    assert weights.path is not None
    assert record.origin.kind == "trained-elsewhere"
    assert record.origin.files == (hash_file(weights.path),)
    assert record.provenance.training_identities == ()
    assert record.provenance.training_format is None
    assert record.provenance.training_threads is None


@pytest.mark.usefixtures("untrained")
def test_one_file_is_no_model_of_several_training_splits(
    train: Train, weights: PretrainedWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the fixture asks for, then what the protocol needs.
    answers = iter([["train"], ["train", "trial-2"]])
    monkeypatch.setattr(RunInputs, "training_splits", lambda *_: next(answers))
    with pytest.raises(UsageError, match=r"scored on all 2 training splits .*; give --weights FOL"):
        train(weights=weights)


def test_weights_that_a_method_does_not_load_are_not_claimed(
    train: Train, choice: MethodChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_object(choice.spec.method), "load_pretrained", lambda *_: None)
    with pytest.raises(UsageError, match=r"--weights imagenet: xiv:\w+ loads no such weights, so"):
        train(weights=PretrainedWeights("imagenet"))


@pytest.mark.slow
def test_the_number_of_threads_is_part_of_a_training(train: Train) -> None:
    one, two, again = train(threads=1), train(threads=2), train(threads=1)
    assert (one.description.threads, two.description.threads) == (1, 2)
    assert one.description.identity != two.description.identity
    assert again.cached


def test_a_training_ignores_the_threads_of_the_process(train: Train, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    states = []
    for number, threads in enumerate((1, 2)):
        torch.set_num_threads(threads)
        try:
            model = train(threads=1, seed=5, runs=tmp_path / str(number))
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        states.append(model.method.networks.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_leftovers_of_kills_beside_a_finished_model_are_removed(train: Train) -> None:
    folder = train().path.parent
    left = [folder / "checkpoint.safetensors", folder / f".features.npz.{'0' * 32}.tmp"]
    for path in left:
        path.write_bytes(b"half")
    assert train().cached
    assert not any(path.exists() for path in left)
