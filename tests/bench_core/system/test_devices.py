"""Threads as the user names them."""

from __future__ import annotations

import pytest
import torch

from bench_core import UsageError
from bench_core.system.devices import (
    THREADS_VARIABLE,
    default_threads,
    fixed_threads,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("text", "expected"), [(None, 2), ("1", 1), ("16", 16)])
def test_the_environment_names_the_threads(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: int
) -> None:
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(THREADS_VARIABLE, text)
    assert default_threads() == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "1.5", "1025", "9" * 5000, "²"])
def test_a_wrong_number_of_threads_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, text)
    with pytest.raises(UsageError, match=r"VIREID_BENCH_THREADS=.*: expected a number of threads"):
        default_threads()


def test_threads_are_fixed_in_a_block_and_given_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), fixed_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
