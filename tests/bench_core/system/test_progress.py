"""Progress in a log file: lines of text, no control characters; on a terminal: 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from contextlib import suppress

import pytest

from bench_core.system.progress import progress

LOSSES = {"identity": 4.56789, "cross_modality": 0.0123456, "triplet": 1.0, "total": 5.5802}


def test_a_bar_within_another_leaves_only_text_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=2, description="outer") as outer:
        for _ in range(2):
            with progress(total=3, description="inner", unit="step") as inner:
                inner.update(3)
            outer.update()
    lines = capsys.readouterr().err.splitlines()
    assert {line.split(":")[0] for line in lines} == {"outer", "inner"}
    assert "\x1b" not in "".join(lines)


def test_a_log_gets_every_value_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(total=2, description="joint", unit="step") as bar:
        bar.show("joint epoch 14/120", LOSSES)
        bar.update()
        bar.refresh()
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("joint epoch 14/120:  50%|#####     | 00:0")
    assert line.endswith("identity 4.57 cross_modality 0.0123 triplet 1 total 5.58")
    assert "<00:0" in line


class Terminal:
    """Standard error on a terminal of 80 columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._stream = os.fdopen(theirs, "w", encoding="utf-8")
        monkeypatch.setattr("sys.stderr", self._stream)

    def last_line(self) -> str:
        """Return the last state of the bar."""
        self._stream.close()
        text = b""
        with suppress(OSError):  # how the end of a terminal is told
            while part := os.read(self._ours, 100_000):
                text += part
        os.close(self._ours)
        return [line for line in text.decode().replace("\n", "\r").split("\r") if line.strip()][-1]


def test_at_80_columns_the_bar_keeps_its_width_and_values_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal(monkeypatch)
    with progress(total=4, description="joint", unit="step") as bar:
        bar.show("joint epoch 14/120", LOSSES)
        bar.update(2)
        bar.refresh()
    line = terminal.last_line()
    assert len(line) <= 80
    assert line.startswith("joint epoch 14/120: ")
    assert "|█████     |" in line
    assert line.endswith(" identity 4.57 triplet 1")


def test_at_80_columns_the_longest_description_shows_count_time_and_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal(monkeypatch)
    with progress(total=45_863, description="extracting features", unit="image") as bar:
        bar.update(12_345)
        bar.refresh()
    line = terminal.last_line()
    assert len(line) <= 80
    assert "|██▋       | 12345/45863 [00:0" in line


def test_what_has_no_known_end_shows_no_share(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in progress(iter(range(3)), description="reading"):
        pass
    assert "%" not in capsys.readouterr().err


def test_steps_that_finish_nothing_are_part_of_an_items_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    with progress(total=3, description="matrix", unit="cell") as bar:
        for now, finished in ((100.0, False), (120.0, True)):  # noqa: B007  # the clock reads it
            bar.update(finished)
        lines = capsys.readouterr().err.splitlines()  # at its end a bar shows the mean
    assert "1/3 [02:00<04:00, 120.00s/ cell]" in lines[-1]
