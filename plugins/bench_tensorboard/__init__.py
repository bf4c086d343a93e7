"""Event files for TensorBoard, written while a training runs; only where they are asked for.

`VIREID_BENCH_TENSORBOARD=1` asks for them. Without it nothing is imported and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench_core import UsageError, hookimpl

if TYPE_CHECKING:
    from bench_core import ResultRecord

SWITCH = "VIREID_BENCH_TENSORBOARD"
"""Environment variable: "1" writes event files; "0" and nothing write none."""

_refused: set[str] = set()
"""What was found wrong already: it is told once, and not again at every epoch."""


def is_asked_for() -> bool:
    """Say whether event files are to be written.

    Raises:
        UsageError: The variable has another value, or the library is not installed. It is raised
            once; from then on nothing is asked for.
    """
    value = os.environ.get(SWITCH, "")
    if value in ("", "0") or value in _refused:
        return False
    wrong = _what_is_wrong(value)
    if wrong:
        _refused.add(value)
        raise UsageError(wrong)
    return True


def _what_is_wrong(value: str) -> str | None:
    if value != "1":
        return f"{SWITCH}={value}: set it to 1 to write event files for TensorBoard, or to 0"
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        return f"{SWITCH}=1 needs TensorBoard: run pip install 'vireid-bench[tensorboard]'"
    return None


@hookimpl
def bench_run_started() -> None:
    """Say what is wrong before a training begins that would write nothing."""
    is_asked_for()


@hookimpl
def bench_epoch_finished(
    stage: str, epoch: int, losses: Mapping[str, float], folder: str, line: Mapping[str, object]
) -> None:
    """Write the losses of an epoch, its learning rates, speed and validation score."""
    if is_asked_for():
        from bench_tensorboard.events import write_epoch

        write_epoch(folder, stage, epoch, losses, line)


@hookimpl
def bench_run_finished(record: ResultRecord, folders: Sequence[str]) -> None:
    """Write the scores beside the trainings that were scored."""
    if is_asked_for():
        from bench_tensorboard.events import write_scores

        write_scores(record, folders)
