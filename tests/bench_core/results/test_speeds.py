"""Records of speeds: written whole, read with every defect named, a device and a torch each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bench_core.contracts.errors import BenchError, DataError
from bench_core.contracts.speed import SpeedRecord
from bench_core.results.speeds import find_speeds, read_speeds, speed_path, write_speeds
from bench_core.results.store import find_results

MakeSpeeds = Callable[..., SpeedRecord]


def test_what_is_written_is_read(make_speeds: MakeSpeeds, tmp_path: Path) -> None:
    record = make_speeds()
    path = write_speeds(tmp_path, record)
    assert path == speed_path(tmp_path, record)
    assert path.name == "nvidia-h200-20261128T101500Z.json"
    read = read_speeds(path)
    assert read.model_copy(update={"digest": None}) == record
    assert read.digest is not None


def test_a_later_state_of_a_measurement_replaces_the_earlier(
    make_speeds: MakeSpeeds, tmp_path: Path
) -> None:
    first = write_speeds(tmp_path, make_speeds(training=[]))
    assert write_speeds(tmp_path, make_speeds()) == first
    assert len(read_speeds(first).training) == 1


def test_records_are_no_results(make_speeds: MakeSpeeds, tmp_path: Path) -> None:
    write_speeds(tmp_path / "speeds", make_speeds())
    found = find_results(tmp_path)
    assert (found.records, found.defects) == ({}, ())


def changed(text: str) -> str:
    return text.replace('"batch": 128', '"batch": 64')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed, "was changed after it was written"),
        (lambda text: text[:-20], "is not JSON"),
        (lambda _text: "[]", "is no record of speeds"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "newer than 1"),
        (lambda text: text.replace('"torch": ', '"numpy": '), "versions does not name torch"),
        (lambda text: text.replace('"device"', '"machine"'), "is no record of speeds: device"),
    ],
    ids=["changed", "cut", "other", "newer", "without torch", "another key"],
)
def test_a_bad_file_is_named_and_costs_no_other(
    make_speeds: MakeSpeeds, tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    good = write_speeds(tmp_path, make_speeds(created="2026-11-29T00:00:00Z"))
    bad = write_speeds(tmp_path, make_speeds())
    bad.write_text(change(bad.read_text()))
    with pytest.raises(DataError, match=message) as error:
        read_speeds(bad)
    assert str(bad) in str(error.value)
    found = find_speeds(tmp_path)
    assert found.records == (read_speeds(good),)
    assert [str(defect) for defect in found.defects] == [str(error.value)]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the speeds .*none\.json"):
        read_speeds(tmp_path / "none.json")
    assert find_speeds(tmp_path / "none").records == ()


def test_a_folder_that_cannot_be_written_is_named(make_speeds: MakeSpeeds, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="file"):
        write_speeds(tmp_path / "file", make_speeds())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extraction": [], "training": []}, "nothing was measured"),
        ({"created": "2026-11-28T10:15:00+01:00"}, "created is not in UTC"),
        ({"digest": "short"}, "digest"),
    ],
)
def test_what_is_no_record_is_refused(
    make_speeds: MakeSpeeds, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_speeds(**changes)


@pytest.mark.parametrize("part", ["peaks", "extraction", "training"])
def test_nothing_is_measured_twice(make_speeds: MakeSpeeds, part: str) -> None:
    twice = 2 * json.loads(make_speeds().model_dump_json())[part]
    with pytest.raises(ValidationError, match=f"{part} holds the same twice"):
        make_speeds(**{part: twice})


def test_a_share_is_of_the_peak_of_the_same_format(make_speeds: MakeSpeeds) -> None:
    record = make_speeds()
    assert record.share_of_peak(record.extraction[0]) == pytest.approx(0.5)
    assert make_speeds(peaks=[]).share_of_peak(record.extraction[0]) is None


def test_records_are_in_order_of_device_torch_and_time(
    make_speeds: MakeSpeeds, tmp_path: Path
) -> None:
    days = ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z")
    for created in days:
        write_speeds(tmp_path, make_speeds(created=created))
    device = make_speeds().device.model_dump() | {"name": "NVIDIA A100"}
    write_speeds(tmp_path, make_speeds(device=device))
    found = find_speeds(tmp_path).records
    assert [record.device.name for record in found] == ["NVIDIA A100", *3 * ["NVIDIA H200"]]
    assert [record.created.day for record in found[1:]] == [3, 2, 1]
