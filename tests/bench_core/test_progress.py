"""Progress in a log file: lines of text, no control characters."""

from __future__ import annotations

import pytest

from bench_core.progress import progress


def test_a_bar_within_another_leaves_only_text_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=2, description="outer") as outer:
        for _ in range(2):
            with progress(total=3, description="inner", unit="step") as inner:
                inner.update(3)
            outer.update()
    lines = capsys.readouterr().err.splitlines()
    assert {line.split(":")[0] for line in lines} == {"outer", "inner"}
    assert "\x1b" not in "".join(lines)
