"""A report shows how the training went, from its log alone, or says why it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest

from bench_core.contracts.errors import DataError
from bench_core.reports.document import LeftOut, Part
from bench_core.reports.learning_part import learning_part, read_log

LINE = {
    "stage": "joint",
    "epoch": 1,
    "losses": {"identity": 4.5, "triplet": 0.3},
    "learning_rates": {"network": 0.001},
    "seconds": 2.0,
    "images_per_second": 100.0,
    "waiting_for_data": 0.0,
}


def write(path: Path, *changes: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps({**LINE, **change}) + "\n" for change in changes))
    return path


@pytest.mark.slow
def test_a_training_of_two_stages_is_one_picture(tmp_path: Path) -> None:
    warm_up: dict[str, object] = {"stage": "warm-up", "losses": {"adversarial": -0.5}}
    log = write(tmp_path / "log.jsonl", warm_up, warm_up, {"validation_mAP": 0.25})
    part = learning_part(log)
    assert isinstance(part, Part)
    assert part.text == (f"3 epochs in 6 s, from {log}.",)
    (picture,) = part.pictures
    assert picture.name == "learning-curve"
    assert picture.caption.endswith("Epochs of each stage: warm-up 1 to 2, joint 3 to 3.")


def test_without_a_folder_the_reason_is_given() -> None:
    left_out = learning_part(None)
    assert isinstance(left_out, LeftOut)
    assert "folder is not at hand" in left_out.why


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"{}\n", "line 1, is no epoch: Field required"),
        (json.dumps(LINE).encode() + b'\n{"stage": "jo', "line 2, is no epoch"),
        (json.dumps(LINE).replace("4.5", "NaN").encode(), "line 1, is no epoch"),
        (json.dumps(LINE).replace("4.5", "1e308").encode(), "line 1, is no epoch"),
        (json.dumps(LINE).replace("2.0", "-1e308").encode(), "line 1, is no epoch"),
        (b"\xff\xfe", "line 1, is no epoch"),
        (b"[" * 100_000, "line 1, is no epoch"),
    ],
)
def test_a_damaged_log_is_left_out_with_its_place(
    tmp_path: Path, content: bytes, says: str
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)
    left_out = learning_part(log)
    assert isinstance(left_out, LeftOut)
    assert says in left_out.why


def test_losses_of_any_size_of_float32_are_drawn(tmp_path: Path) -> None:
    sizes = [{"losses": {"a": size, "b": -size}} for size in (3.4e38, 1e-45, 0.0)]
    assert isinstance(learning_part(write(tmp_path / "log.jsonl", *sizes)), Part)


def test_a_log_without_losses_is_left_out(tmp_path: Path) -> None:
    left_out = learning_part(write(tmp_path / "log.jsonl", {"losses": {}, "learning_rates": {}}))
    assert isinstance(left_out, LeftOut)
    assert "names no losses" in left_out.why


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.jsonl")
    with pytest.raises(DataError, match="is no file"):
        read_log(tmp_path / "log.jsonl")


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*log\.jsonl: No such file"):
        read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize("seed", range(20))
def test_a_log_of_damaged_bytes_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    content = bytearray(write(tmp_path / "log.jsonl", {}, {}).read_bytes())
    for _ in range(3):
        content[random.randrange(len(content))] = random.randrange(256)
    (tmp_path / "log.jsonl").write_bytes(content)
    assert isinstance(learning_part(tmp_path / "log.jsonl"), Part | LeftOut)
