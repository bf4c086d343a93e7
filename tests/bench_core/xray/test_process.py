"""A stranger's function is called in a process of its own; whatever it does is told in a line."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench_core import BenchError, UsageError
from bench_core.xray.analysis import identify
from bench_core.xray.process import Transcript, call

HEAD = "def eval_sysu(distmat, q_pids, g_pids, q_camids, g_camids, max_rank=20):\n"
RIGHT = "return np.zeros(20), 0.5, 0.5"


@pytest.fixture
def call_body(tmp_path: Path) -> Callable[..., Transcript]:
    """Call a function of some lines."""

    def run(*lines: str, before: str = "", **options: Any) -> Transcript:
        body = textwrap.indent("\n".join(lines), "    ")
        script = tmp_path / "theirs.py"
        script.write_text(f"import os, sys, time\nimport numpy as np\n{before}\n{HEAD}{body}\n")
        return call(script, "eval_sysu", **options)

    return run


def test_answers_come_back_and_prints_and_changes_are_noted(
    call_body: Callable[..., Transcript], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "beside.py").write_text("nothing = None\n")
    found = call_body(
        "print('junk', flush=True)",
        "os.write(1, b'more junk')",
        "q_camids[:] = 2",
        "open('left_behind.txt', 'w').close()",
        RIGHT,
        before="from beside import nothing",
    )
    assert found.form == "agw"
    assert found.returned["sysu"]["items"][1]["values"] == [0.5]
    assert found.changed == ("q_camids",)
    assert found.num_printed == 6 * len("junk\nmore junk")
    assert found.defaults == {"max_rank": "20"}
    assert capfd.readouterr() == ("", "")
    # Neither here nor there: no file of theirs, and no compiled one.
    assert {file.name for file in tmp_path.iterdir()} == {"beside.py", "theirs.py"}
    assert not Path("left_behind.txt").exists()


def test_what_it_raises_is_told_with_its_line(call_body: Callable[..., Transcript]) -> None:
    found = call_body("np.asarray([[1], [1, 2]]).astype(float)")
    with pytest.raises(BenchError, match=r"fails on the probe 'sysu', .*theirs\.py, line 5$"):
        identify(found)


def test_a_function_that_ends_the_program_is_told_with_its_line(
    call_body: Callable[..., Transcript],
) -> None:
    with pytest.raises(BenchError, match=r"SystemExit: 3, in .*theirs\.py, line 5"):
        identify(call_body("sys.exit(3)"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("os._exit(3)", "ended the process with exit code 3, on the probe 'sysu'"),
        (
            "print('bye', flush=True); os.kill(os.getpid(), 9)",
            "code -9, .*the last it printed: bye",
        ),
    ],
)
def test_the_end_of_the_process_is_told(
    call_body: Callable[..., Transcript], line: str, message: str
) -> None:
    with pytest.raises(BenchError, match=message):
        call_body(line)


def test_a_function_that_hangs_is_ended_and_told_with_its_line(
    call_body: Callable[..., Transcript],
) -> None:
    with pytest.raises(
        BenchError,
        match=r"did not end within 1 s, on the probe 'sysu', in .*theirs\.py, line 5; gi",
    ):
        call_body("while True: pass", timeout_seconds=1)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("def (:", "SyntaxError: .*theirs.py, line 3"),
        ("sys.exit('no arguments')", "SystemExit: no arguments, in .*theirs.py, line 3"),
    ],
)
def test_a_script_that_cannot_be_loaded_is_told_with_its_line(
    call_body: Callable[..., Transcript], before: str, message: str
) -> None:
    way_out = "put .* into a file of its own"
    with pytest.raises(BenchError, match=f"theirs.py cannot be loaded: {message}.*{way_out}"):
        call_body(RIGHT, before=before)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("def other(): pass", "no function 'eval_sysu'; its functions are other"),
        ("eval_sysu = max", r"eval_sysu\(\.\.\.\) is called in no form"),
        ("def eval_sysu(a, b): pass", r"eval_sysu\(a, b\) is called in no form .* --form"),
    ],
)
def test_what_cannot_be_called_is_wrong_usage(tmp_path: Path, signature: str, message: str) -> None:
    script = tmp_path / "theirs.py"
    script.write_text(signature)
    with pytest.raises(UsageError, match=message):
        call(script, "eval_sysu")


def test_a_script_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        call(tmp_path / "test.py", "eval_sysu")


def test_a_script_that_is_no_python_is_told(tmp_path: Path) -> None:
    script = tmp_path / "theirs.txt"
    script.write_text("text")
    with pytest.raises(BenchError, match=r"theirs\.txt is no Python file"):
        call(script, "eval_sysu")


@pytest.mark.slow
def test_functions_of_features_are_given_tensors(tmp_path: Path) -> None:
    script = tmp_path / "theirs.py"
    script.write_text(
        "import torch\n"
        "def eval_regdb(query_feats, query_ids, query_cam_ids, gallery_feats, gallery_ids,\n"
        "               gallery_cam_ids, gallery_img_paths, rerank=False):\n"
        "    assert isinstance(query_feats, torch.Tensor)\n"
        "    from bench_core.evaluation import evaluate_distances\n"
        "    distances = torch.cdist(query_feats, gallery_feats)\n"
        "    score = evaluate_distances(distances, query_ids, gallery_ids, cmc='identity')\n"
        "    values = [score.mean_average_precision, *score.cmc[[0, 4, 9, 19]]]\n"
        "    return tuple(100 * torch.tensor(value) for value in values)\n"
    )
    identity = identify(call(script, "eval_regdb"))
    assert identity.nearest == ()
    assert identity.values["comparison"] == {"": ("euclidean",)}
    assert identity.values["cmc"] == {"": ("identity",)}
    assert identity.values["unit"] == {"curve": ("percent",), "mAP": ("percent",)}
