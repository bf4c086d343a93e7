"""Which trainings the cells of a matrix share, and which results are theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench_core.cli.main import build_cli
from bench_core.contracts.errors import UsageError
from bench_core.pipeline.matrix.plan import Plan, make_plan
from bench_core.plugins import Registry
from bench_core.system.cache_folder import cache_directory

Planned = Callable[..., Plan]
HEAD = """
methods = ["xiv:baseline"]
protocols = {protocols}
data = "{root}"
"""
SMALL = """
[set]
epochs = 1
sampling.steps_per_epoch = 2
sampling.identities = 4
sampling.images = 2
image_height = 32
image_width = 16
"""
SINGLE, INDOOR = "sysu-all-single", "sysu-indoor-single"


@pytest.fixture
def planned(
    registry: Registry, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Planned:
    monkeypatch.chdir(tmp_path)

    def plan(
        more: str = "",
        *,
        protocols: tuple[str, ...] = (SINGLE,),
        root: Path = sysu_root,
        **keys: Any,
    ) -> Plan:
        path = tmp_path / "some.toml"
        path.write_text(HEAD.format(protocols=list(protocols), root=root) + more + SMALL)
        return make_plan(registry, path, cache_directory(), **keys)

    return plan


def test_protocols_share_a_training(planned: Planned) -> None:
    plan = planned("seeds = [0, 1]\n", protocols=(SINGLE, INDOOR))
    assert len(plan.cells) == 4
    assert len(plan.trainings) == 2
    assert plan.cells[0].trainings == plan.cells[1].trainings != plan.cells[2].trainings
    for cell in plan.cells:
        needed = [plan.trainings[identity].job.name for identity in cell.trainings]
        assert list(cell.job.needs) == needed


def test_each_trial_of_regdb_is_a_training_that_both_directions_share(
    planned: Planned, tiny_people: Callable[[str], Path]
) -> None:
    protocols = ("regdb-visible-to-thermal", "regdb-thermal-to-visible")
    plan = planned(protocols=protocols, root=tiny_people("regdb"))
    assert len(plan.trainings) == 10
    assert plan.cells[0].trainings == plan.cells[1].trainings
    trials = [job.arguments[job.arguments.index("--trial") + 1] for job in _training_jobs(plan)]
    assert trials == [str(number) for number in range(1, 11)]


def _training_jobs(plan: Plan) -> list[Any]:
    return [training.job for training in plan.trainings.values()]


def test_jobs_have_names_of_their_own(planned: Planned) -> None:
    plan = planned("rerank = [true, false]\nseeds = [0, 1]\n", protocols=(SINGLE, INDOOR))
    names = [job.name for job in (*_training_jobs(plan), *(cell.job for cell in plan.cells))]
    assert len(set(names)) == len(names) == 2 + 8


def test_a_cell_is_re_ranked_as_its_record_will_say(planned: Planned) -> None:
    plan = planned('rerank = [true, {name = "k-reciprocal", set = {k1 = 4}}]\n')
    usual, other = plan.cells
    assert usual.job.arguments[-2:] == ("--rerank", "k-reciprocal")
    assert other.job.arguments[-4:] == ("--rerank", "k-reciprocal", "--rerank-set", "k1=4")
    assert "reranker" not in usual.expected["protocol"]
    config = {"k1": 4, "k2": 6, "lambda_value": 0.3}
    assert other.expected["protocol"]["reranker"] == {"id": "k-reciprocal", "config": config}
    assert "-rerank-k-reciprocal-seed0-" in other.job.name


@pytest.mark.slow
def test_a_command_leaves_what_the_plan_expects(
    planned: Planned, registry: Registry, tmp_path: Path
) -> None:
    plan = planned("rerank = [false, true]\n")
    cell, reranked = plan.cells
    result = CliRunner().invoke(build_cli(registry), list(cell.job.arguments))
    assert result.exit_code == 0, result.output
    (identity,) = cell.trainings
    assert plan.trainings[identity].model.is_file()

    records = plan.records(plan.results())
    assert set(records) == {cell.job.name}
    path, record = records[cell.job.name]
    assert record.provenance.training_identities == (identity,) * 10
    # Its name says nothing: what it is of is read from it.
    moved = path.rename(path.with_name("other.json"))
    path.with_suffix(".queries.npz").rename(moved.with_suffix(".queries.npz"))
    assert set(plan.records(plan.results())) == {cell.job.name}
    assert not reranked.is_of(record)
    for changed in ("seeds = [1]\n", 'conventions = ["agw"]\n', 'precision = "bfloat16"\n'):
        assert not any(other.is_of(record) for other in _cells_with(planned, changed))


def _cells_with(planned: Planned, more: str) -> tuple[Any, ...]:
    try:
        return planned(more).cells
    except UsageError as error:  # a processor without bfloat16
        assert "no arithmetic for it" in str(error)
        return ()


def test_a_cluster_of_other_machines_needs_no_gpu_here(planned: Planned) -> None:
    gpus = 'precision = "bfloat16"\nslurm = {gpus = 1}\n'
    plan = planned(gpus, launcher="slurm")
    assert plan.device == "cuda"
    (training,) = plan.trainings.values()
    assert training.description.threads is None
    assert training.description.precision == "bfloat16"
    assert planned(launcher="slurm").device == "cpu"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('device = "cuda"\n', "device: cuda, but slurm.gpus = 0"),
        ('device = "cuda:1"\n', "device: cuda:1: on a cluster it is auto, cpu or cuda"),
        ("processes = 4\nslurm = {gpus = 2}\n", "processes = 4 need a GPU each"),
        ("slurm = {gpus = 1}\n", "precision: auto: .* depends on the GPU"),
    ],
)
def test_what_a_cluster_cannot_give_is_refused(
    more: str, said: str, planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match=said):
        planned(more, launcher="slurm")


def test_weights_and_selection_are_named_where_they_are_wrong(planned: Planned) -> None:
    with pytest.raises(UsageError, match=r"some.toml: weights: --weights nothing.pth: no such"):
        planned('weights = "nothing.pth"\n')


def test_jobs_name_the_files_that_a_method_was_given(
    planned: Planned, registry: Registry, released_model: Path, tmp_path: Path
) -> None:
    """Their processes know nothing but their words."""
    planned()  # writes the file, in whose folder the paths are
    declared = released_model / "theirs.toml"
    agw = (released_model / "agw.toml").read_text()
    declared.write_text(f'name = "theirs"\ntitle = "T"\n{agw}')
    (tmp_path / "w.pth").write_bytes(b"weights")
    (tmp_path / "mine.toml").write_text('method = "xiv:baseline"\nset.image_width = 32\n')
    entries = (
        f'[{{ name = "{declared}", weights = "w.pth" }}, '
        '{ name = "xiv:baseline", config = "mine.toml" }]'
    )
    path = tmp_path / "some.toml"
    text = path.read_text().partition("[set]")[0].replace('["xiv:baseline"]', entries)
    path.write_text(text)
    theirs, ours = (cell.job.arguments for cell in make_plan(registry, path, tmp_path).cells)
    assert theirs[theirs.index("--method") + 1] == str(declared)
    assert theirs[theirs.index("--weights") + 1] == "w.pth"
    assert "--config" not in theirs
    assert ours[ours.index("--method") + 1] == "xiv:baseline"
    assert ours[ours.index("--config") + 1] == "mine.toml"
    assert "--weights" not in ours
