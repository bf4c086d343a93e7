"""The file of a matrix: what it takes, and one clear line for what it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench_core.contracts.errors import UsageError
from bench_core.pipeline.matrix.file import EVERY_DATASET, MatrixFile, RerankerEntry, read_matrix

WriteMatrix = Callable[[str], Path]
LEAST = 'methods = ["xiv"]\nprotocols = ["sysu-all-single"]\n'


def test_two_keys_are_enough(write_matrix: WriteMatrix) -> None:
    file = read_matrix(write_matrix(LEAST))
    assert [entry.name for entry in file.methods] == ["xiv"]
    assert (file.seeds, file.rerank, file.launcher, file.data) == ((0,), (None,), "local", {})


def test_a_method_has_lists_of_its_own(write_matrix: WriteMatrix) -> None:
    own = (
        '{name = "xiv", presets = ["quick"], protocols = ["a"], conventions = ["b"], '
        "rerank = [true], seeds = [3]}"
    )
    (entry,) = read_matrix(write_matrix(LEAST.replace('"xiv"', own))).methods
    assert (entry.presets, entry.protocols, entry.conventions) == (("quick",), ("a",), ("b",))
    assert entry.rerank == (RerankerEntry(name="k-reciprocal"),)
    assert entry.seeds == (3,)


def test_everything_can_be_said(write_matrix: WriteMatrix) -> None:
    file = read_matrix(
        write_matrix(
            LEAST.replace('["xiv"]', '["xiv", {name = "jsia:*", set = {epochs = [1, 2]}}]')
            + 'seeds = [0, 1]\nrerank = [false, true, "aim", {name = "aim", set = {k1 = 4}}]\n'
            'data = "/data/SYSU-MM01"\n'
            '[set]\noptimizer.learning_rate = 1e-3\n[slurm]\nminutes = 5\nsbatch = {qos = "low"}\n'
        )
    )
    assert file.methods[1].set == {"epochs": [1, 2]}
    assert file.rerank == (
        None,
        RerankerEntry(name="k-reciprocal"),
        RerankerEntry(name="aim"),
        RerankerEntry(name="aim", set={"k1": 4}),
    )
    assert file.set == {"optimizer": {"learning_rate": 1e-3}}
    assert file.data == {EVERY_DATASET: "/data/SYSU-MM01"}
    assert file.slurm.sbatch == {"qos": "low"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('methods = ["xiv"]', "the key 'protocols' is missing"),
        (LEAST + "seed = [1]", r"unknown key 'seed'; did you mean 'seeds'\?"),
        (LEAST + "[slurm]\nminuts = 1", r"'slurm.minuts'; did you mean 'slurm.minutes'\?"),
        (LEAST.replace('"xiv"', ""), "methods = .*at least 1 item"),
        (LEAST + "seeds = [true]", "seeds.0 = true: .*valid integer"),
        (LEAST + "seeds = [-1]", "seeds.0 = -1: .*greater than or equal to 0"),
        (LEAST + "seeds = []", "seeds = .*at least 1 item"),
        (LEAST + "seeds = [1, 1]", "seeds names a value twice"),
        (LEAST + "rerank = [1]", "rerank.0 = 1: "),
        (LEAST + 'rerank = [true, "k-reciprocal"]', "rerank names a value twice"),
        (
            LEAST + 'rerank = [{name = "a", sets = 1}]',
            "key 'rerank.0.sets'; did you mean",
        ),
        (LEAST + 'launcher = "pbs"', "launcher = \"pbs\": .*'local' or 'slurm'"),
        (LEAST + "[set]\nepochs = nan", "is not TOML of a matrix"),
        (LEAST + "[set]\nepochs = 2026-01-01", "no key takes a date"),
        (LEAST + "[slurm.sbatch]\noutput = 'x'", "slurm.* --output is set by bench itself"),
        (LEAST + "[slurm.sbatch]\ntime = 5", "slurm.* --time has a key of its own: minutes"),
        ("methods = [", "is not TOML of a matrix"),
        (
            'methods = [{name = "xiv", sets = {}}]\nprotocols = ["p"]',
            "unknown key 'methods.0.sets'",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, write_matrix: WriteMatrix) -> None:
    path = write_matrix(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_matrix(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value).rstrip()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nothing.toml: No such file"):
        read_matrix(tmp_path / "nothing.toml")


def test_every_key_is_explained() -> None:
    assert MatrixFile.__doc__ is not None
    for name in MatrixFile.model_fields:
        assert f"{name}: " in MatrixFile.__doc__
