"""How long the trainings of a matrix will take, told before any starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.pipeline.matrix.estimates import Estimate, estimate_trainings
from bench_core.pipeline.matrix.plan import Plan, PlannedTraining, make_plan
from bench_core.plugins import Registry
from bench_core.system.cache_folder import cache_directory

TEXT = """
methods = ["xiv:baseline"]
protocols = ["sysu-all-single"]
seeds = [0, 1]
data = "{root}"
[set]
epochs = {epochs}
sampling.steps_per_epoch = 2
sampling.identities = 4
sampling.images = 2
image_height = 32
image_width = 16
"""


@pytest.fixture
def planned(registry: Registry, sysu_root: Path, tmp_path: Path) -> Callable[[int], Plan]:
    def plan(epochs: int) -> Plan:
        path = tmp_path / "some.toml"
        path.write_text(TEXT.format(root=sysu_root, epochs=epochs))
        return make_plan(registry, path, cache_directory())

    return plan


def _record(training: PlannedTraining, example: ResultRecord, seconds: float) -> ResultRecord:
    """Return what a finished training of the same configuration with another seed would tell."""
    of = training.description
    return example.model_copy(
        update={
            "method": example.method.model_copy(
                update={"id": of.method, "config": dict(of.config), "seed": of.seed + 7}
            ),
            "dataset": example.dataset.model_copy(update={"fingerprint": of.fingerprint}),
            "cost": example.cost.model_copy(update={"training_seconds": seconds}),
            "provenance": example.provenance.model_copy(
                update={
                    "training_identities": ("1" * 64, "2" * 64),
                    "training_format": of.precision,
                    "training_threads": of.threads,
                }
            ),
        }
    )


def test_a_record_of_another_seed_tells_the_time_of_one_training(
    planned: Callable[[int], Plan], example: ResultRecord
) -> None:
    trainings = planned(1).trainings
    record = _record(next(iter(trainings.values())), example, seconds=60.0)
    estimates = estimate_trainings(trainings, [record])
    assert list(estimates.values()) == [Estimate(seconds=30.0, measured=True)] * 2


def test_a_record_of_another_variant_tells_it_too_if_its_steps_are_as_many(
    planned: Callable[[int], Plan], example: ResultRecord
) -> None:
    trainings = planned(1).trainings
    record = _record(next(iter(trainings.values())), example, seconds=60.0)

    def with_config(**changes: object) -> ResultRecord:
        config = {**record.method.config, **changes}
        return record.model_copy(
            update={"method": record.method.model_copy(update={"config": config})}
        )

    alike = estimate_trainings(trainings, [with_config(margin=0.5)])
    assert list(alike.values()) == [Estimate(seconds=30.0, of_variants=True)] * 2
    longer = estimate_trainings(trainings, [with_config(epochs=2)])
    assert not any(estimate.of_variants for estimate in longer.values())


def test_else_its_arithmetic_is_counted_on_this_processor(
    planned: Callable[[int], Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [
        [estimate.seconds for estimate in estimate_trainings(planned(n).trainings, []).values()]
        for n in (1, 1000)
    ]
    (first, second), (longer, _) = seconds
    assert first == second  # counted once for both seeds
    assert first is not None
    assert longer is not None
    assert longer > 50 * first > 0


def test_of_another_device_nothing_is_known(planned: Callable[[int], Plan]) -> None:
    (identity, training), *_ = planned(1).trainings.items()
    on_cuda = replace(training, description=replace(training.description, threads=None))
    assert estimate_trainings({identity: on_cuda}, []) == {identity: Estimate(seconds=None)}


@pytest.fixture
def example() -> ResultRecord:
    records = Path(__file__).parents[2] / "contracts" / "records"
    return ResultRecord.from_json((records / "schema-1.json").read_text())
