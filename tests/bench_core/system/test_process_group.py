"""Which process this is, as torchrun says it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench_core import UsageError
from bench_core.system import process_group


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "3"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)


def test_alone_a_process_is_the_first_of_one_and_agrees_with_itself() -> None:
    assert process_group.asked_for() == 1
    assert (process_group.rank(), process_group.num_processes()) == (0, 1)
    assert process_group.is_first()
    assert process_group.agreed("value") == "value"
    assert process_group.collected("value") == ["value"]
    process_group.wait_for_all()


@pytest.mark.parametrize("option", ["auto", "cpu", "cuda", "cuda:1"])
def test_alone_a_process_takes_the_device_that_was_asked_for(option: str) -> None:
    assert process_group.device_of_process(option) == option


@pytest.mark.usefixtures("second_of_two")
def test_each_of_several_processes_has_a_device_of_its_own() -> None:
    assert process_group.asked_for() == 4
    assert process_group.device_of_process("cuda") == "cuda:1"
    assert process_group.device_of_process("cpu") == "cpu"


@pytest.mark.usefixtures("second_of_two")
def test_one_device_for_several_processes_is_refused() -> None:
    with pytest.raises(UsageError, match="4 processes need a device each; use --device cuda"):
        process_group.device_of_process("cuda:0")


def test_what_a_backend_complains_of_is_another_process_that_has_ended() -> None:
    with (
        pytest.raises(process_group.ProcessLostError, match=r"has ended.*Connection closed"),
        process_group.together(),
    ):
        raise RuntimeError("Connection closed\nby peer")


SCRIPT = """
import sys, torch
from bench_core.contracts.errors import BenchError
from bench_core.system.process_group import agreed, collected, joined, rank, wait_for_all

with joined(torch.device("cpu")):
    assert agreed(f"of {rank()}") == "of 0"
    assert collected(rank()) == [0, 1]
    sys.stderr.write(f"shown by {rank()}; ")
    if rank() in WHO:
        raise BenchError(f"a full disk of {rank()}")
    wait_for_all()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failing", "told"),
    [
        pytest.param([1], "In process 2 of 2:", id="one"),
        pytest.param([0, 1], "a full disk of 0", id="all", marks=pytest.mark.exhaustive),
    ],
)
def test_an_error_is_told_by_one_process(failing: list[int], told: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("WHO", str(failing)))
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    finished = subprocess.run(
        [sys.executable, *torchrun, script],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 1
    assert told in finished.stderr
    assert finished.stderr.count("BenchError: a full disk of") == 1
    assert "shown by 0" in finished.stderr
    assert "shown by 1" not in finished.stderr
