"""Badges: a picture a method and protocol, of its best row, which no name can break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.badges import badge_files, check_badges

MakeRecord = Callable[..., ResultRecord]
SVG = "{http://www.w3.org/2000/svg}"


def texts(content: bytes) -> list[str | None]:
    return [node.text for node in ET.fromstring(content).iter(f"{SVG}text")]  # noqa: S314  # ours


def test_a_badge_shows_the_best_row_of_a_method_under_a_protocol(make_record: MakeRecord) -> None:
    records = [
        make_record(0.3),
        make_record(0.5, 0.25, method__seed=1),
        make_record(0.4, method__variant="baseline"),
        make_record(0.9, protocol__rerank=True),
        make_record(0.9, dataset__synthetic=True),
    ]
    files = badge_files(records)
    assert list(files) == [
        "sysu-all-single-official-xiv.svg",
        "sysu-all-single-official-xiv-baseline.svg",
        "sysu-all-single-official-xiv-re-ranking.svg",
        "synthetic-sysu-all-single-official-xiv.svg",
    ]
    first, *_, synthetic = files.values()
    assert texts(first) == ["xiv: sysu-all-single, official", "rank-1 50.00 %, mAP 25.00 %"]
    assert texts(synthetic)[0] == "xiv: synthetic sysu-all-single, official"
    assert badge_files(reversed(records)) == files


def test_other_data_has_a_name_of_its_own(make_record: MakeRecord) -> None:
    files = badge_files([make_record(), make_record(dataset__fingerprint="b" * 64)])
    assert len(files) == 2
    assert all("-xiv.svg" in name and name != "sysu-all-single-official-xiv.svg" for name in files)


def test_long_names_are_cut(make_record: MakeRecord) -> None:
    (content,) = badge_files([make_record(method__id="x" * 500)]).values()
    assert int(ET.fromstring(content).attrib["width"]) < 1000  # noqa: S314  # ours


def test_badges_that_are_not_up_to_date_are_named(make_record: MakeRecord, tmp_path: Path) -> None:
    ((name, content),) = badge_files([make_record()]).items()
    assert f"{tmp_path / name} does not show" in (check_badges([make_record()], tmp_path) or "")
    (tmp_path / name).write_bytes(content)
    assert check_badges([make_record()], tmp_path) is None
    assert "--badges" in (check_badges([make_record(0.6)], tmp_path) or "")
