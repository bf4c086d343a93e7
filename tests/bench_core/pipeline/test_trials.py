"""Which trial a training is for."""

from __future__ import annotations

import pytest

from bench_core.pipeline.trials import each_split


def test_each_split_comes_once_under_the_name_of_its_first_trial(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(each_split(["a", "b", "a", "c"])) == ["a", "b", "c"]
    shown = capsys.readouterr().err
    for name in ("trial 1 of 4 (a)", "trial 2 of 4 (b)", "trial 4 of 4 (c)"):
        assert name in shown
    assert ": :" not in shown


def test_one_split_for_all_trials_is_shown_as_no_trial(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(each_split(["all"] * 10)) == ["all"]
    assert capsys.readouterr().err == ""
