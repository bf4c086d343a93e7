"""MATLAB files whose bytes their variables alone decide."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench_core.synthetic.matlab import matlab_file


def test_the_bytes_do_not_depend_on_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = matlab_file({"id": np.array([[1, 2]])})
    monkeypatch.setattr(time, "asctime", lambda *_: "Thu Jan  1 00:00:00 1970")
    assert matlab_file({"id": np.array([[1, 2]])}) == now
    assert b"MATLAB 5.0 MAT-file" in now[:116]
