"""`bench data verify` and `bench data cache`, as a user sees them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from bench_core.cli import verification
from bench_core.contracts.dataset import PublishedCount
from bench_core.contracts.images import VISIBLE
from bench_core.data.verification.counts import SubsetCount
from bench_core.system.cache_folder import CACHE_VARIABLE
from bench_core.system.processes import locked

Bench = Callable[..., Result]


@pytest.fixture
def root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(sysu_root, tmp_path / "root"))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "own cache"))
    return tmp_path / "own cache"


def lose_markers(root: Path) -> None:
    """Make it a small part of the real dataset."""
    for marker in root.rglob("synthetic.json"):
        marker.unlink()


def error_of(result: Result, exit_code: int) -> str:
    """Return the one error line of a failed command."""
    assert result.exit_code == exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def test_a_whole_copy_is_told_with_its_counts_and_fingerprint(
    bench: Bench, sysu_root: Path
) -> None:
    result = bench("data", "verify", sysu_root)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"SYSU-MM01 in .*: \d+ images of 24 people", lines[0])
    assert lines[1] == "The people are synthetic: not compared with the published counts."
    assert any(line.split()[:2] == ["query", "infrared"] for line in lines)
    assert any(re.fullmatch(r"fingerprint  [0-9a-f]{64}", line) for line in lines)
    assert lines[-1] == "0 problems, 0 notes"
    assert "published  " not in result.stdout


def test_problems_are_listed_and_exit_with_1(bench: Bench, root: Path) -> None:
    image = min(root.glob("cam1/*/*.jpg"))
    image.write_bytes(b"")
    (image.parent / "Thumbs.db").touch()
    result = bench("data", "verify", root)
    line = error_of(result, 1)
    assert line == f"Error: {root}: 1 kind of problems that would change a score; see the report"
    path = image.relative_to(root)
    assert "PROBLEM  empty (1): files of 0 bytes; restore them" in result.stdout
    assert f"  {path} is empty (0 bytes)" in result.stdout.splitlines()
    assert "NOTE  other files (1): files that are no images; ignored" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 problem, 1 note"


def test_notes_alone_exit_with_0(bench: Bench, root: Path) -> None:
    (min(root.glob("cam1/*/*.jpg")).parent / "Thumbs.db").touch()
    result = bench("data", "verify", root)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 problems, 1 note")


def test_long_lists_are_cut_and_json_holds_them_whole(bench: Bench, root: Path) -> None:
    image = min(root.glob("cam2/*/*.jpg"))
    for number in range(22):
        shutil.copy(image, root / "cam2" / f"{number:02d}.jpg")
    shown = bench("data", "verify", root).stdout
    assert "misplaced (22)" in shown
    assert "  cam2/09.jpg\n  ... and 12 more" in shown
    document = json.loads(bench("data", "verify", root, "--json").stdout)
    assert len(document["findings"][0]["examples"]) == 22


def test_published_counts_stand_beside_those_found(bench: Bench, root: Path) -> None:
    lose_markers(root)
    result = bench("data", "verify", root)
    assert result.exit_code == 1
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("query")]
    assert row.split()[4:] == ["3,803", "96", "DIFFERENT"]
    assert "published are 22,258 of 395 people; some papers" in result.stdout
    assert "synthetic" not in result.stdout


@pytest.mark.slow
def test_a_part_of_a_dataset_is_scored_with_a_word(
    bench: Bench, root: Path, small_run: list[str], tmp_path: Path
) -> None:
    """As where an archive was unpacked in part: on standard error, and in the record."""
    lose_markers(root)
    small_run[small_run.index("--data") + 1] = str(root)
    result = bench("run", *small_run, "--json")
    assert result.exit_code == 0, result.stderr
    (finding,) = json.loads(result.stdout)["dataset"]["findings"]
    assert re.fullmatch(
        r"counts: training visible: \d+ images of 16 people, published are 22,258 of 395 people "
        r"\(and \d+ more\)",
        finding,
    )
    assert f"Note: SYSU-MM01 in {root}, {finding}" in result.stderr.splitlines()


@pytest.mark.slow
def test_synthetic_people_that_lost_their_marker_stay_synthetic(
    bench: Bench, root: Path, small_run: list[str]
) -> None:
    (root / "synthetic.json").unlink()
    assert "marker (1)" in bench("data", "verify", root).stdout
    small_run[small_run.index("--data") + 1] = str(root)
    document = json.loads(bench("run", *small_run, "--json").stdout)
    assert document["dataset"]["synthetic"]
    assert document["dataset"]["findings"] == ["marker: synthetic.json is missing at the root"]


@pytest.mark.parametrize("command", ["verify", "cache"])
def test_a_root_whose_name_is_no_utf_8_is_read(
    bench: Bench, sysu_root: Path, tmp_path: Path, own_cache: Path, command: str
) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.symlink_to(sysu_root)
    result = bench("data", command, root)
    assert result.exit_code == 0, result.stderr
    assert bench("data", command, root, "--json").exit_code == 0


def test_names_that_a_terminal_cannot_show_are_escaped(bench: Bench, root: Path) -> None:
    for name in (b"caf\xe9.jpg", b"two\nlines.jpg"):
        (root / "cam1" / os.fsdecode(name)).touch()
    shown = bench("data", "verify", root).stdout
    assert "cam1/caf\\udce9.jpg" in shown
    assert "cam1/two\\x0alines.jpg" in shown


def test_many_subsets_are_shown_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    published = PublishedCount(subset="", modality=VISIBLE, images=5, identities=None)
    counts = [
        SubsetCount(
            subset=f"trial {number}",
            modality=VISIBLE,
            images=5,
            identities=2,
            published=published,
            agrees=number != 30,
        )
        for number in range(40)
    ]
    verification._print_subsets(counts)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[2:-1]] == [*map(str, range(11)), "30"]
    assert lines[-1] == "... and 28 more, in which nothing is different"


@pytest.mark.parametrize("command", ["verify", "cache"])
def test_a_folder_that_is_no_dataset(bench: Bench, tmp_path: Path, command: str) -> None:
    line = error_of(bench("data", command, tmp_path), 1)
    assert f"{tmp_path} is no dataset that is known" in line
    assert "SYSU-MM01 (cam1, cam2, cam3, cam4, cam5, cam6, exp)" in line
    assert "nowhere is not a folder" in error_of(bench("data", command, "nowhere"), 1)
    line = error_of(bench("data", command, tmp_path, "--dataset", "sysu"), 2)
    assert "unknown dataset 'sysu'; did you mean 'sysu-mm01'?" in line


def test_a_named_dataset_is_not_guessed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "exp").mkdir()
    result = bench("data", "verify", tmp_path, "--dataset", "sysu-mm01")
    assert result.exit_code == 1
    assert "SYSU-MM01 cannot be read" in result.stdout
    assert "no folder cam1, cam2" in result.stdout


def made(bench: Bench, root: Path, size: str = "24x12") -> dict[str, object]:
    result = bench("data", "cache", root, "--image-size", size, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_a_cache_is_made_and_found_again(bench: Bench, sysu_root: Path, own_cache: Path) -> None:
    first = made(bench, sysu_root)
    assert first["dataset"] == "sysu-mm01"
    assert (first["state"], first["synthetic"], first["image_size"]) == ("whole", True, [24, 12])
    assert first["root"] == str(sysu_root.resolve())
    assert Path(str(first["path"])) == own_cache / "images" / str(first["key"])
    number = first["images"]
    assert isinstance(number, int)
    assert (own_cache / "images" / str(first["key"]) / "pixels.bin").stat().st_size == (
        number * 24 * 12 * 3
    )
    result = bench("data", "cache", sysu_root, "--image-size", "24x12")
    assert "decoding" not in result.stderr
    assert str(first["key"])[:12] in result.stdout


@pytest.mark.slow
def test_a_run_uses_the_cache_that_was_made_and_carries_the_fingerprint(
    bench: Bench, small_run: list[str], sysu_root: Path, own_cache: Path, tmp_path: Path
) -> None:
    made(bench, sysu_root, "32x16")
    result = bench("run", *small_run)
    assert result.exit_code == 0, result.stderr
    assert "decoding" not in result.stderr
    (record,) = (tmp_path / "results").rglob("*.json")
    document = json.loads(bench("data", "verify", sysu_root, "--json").stdout)
    assert json.loads(record.read_text())["dataset"]["fingerprint"] == document["fingerprint"]


def test_caches_are_listed_the_last_used_first(
    bench: Bench, sysu_root: Path, own_cache: Path
) -> None:
    assert json.loads(bench("data", "cache", "--list", "--json").stdout)["caches"] == []
    assert "caches: 0, 0.0 MB" in bench("data", "cache", "--list").stdout
    keys = [made(bench, sysu_root, size)["key"] for size in ("24x12", "12x24")]
    for age, key in enumerate(keys):
        os.utime(own_cache / "images" / str(key) / "description.json", (age, age))
    document = json.loads(bench("data", "cache", "--list", "--json").stdout)
    assert [entry["key"] for entry in document["caches"]] == keys[::-1]
    assert document["bytes"] == sum(entry["bytes"] for entry in document["caches"])
    shown = bench("data", "cache", "--list").stdout
    for words in ("24x12", "12x24", "sysu-mm01 (synthetic)", "1970-01-01 00:00", str(own_cache)):
        assert words in shown


def test_a_cache_is_cleared_by_the_beginning_of_its_key(
    bench: Bench, sysu_root: Path, own_cache: Path
) -> None:
    keys = [str(made(bench, sysu_root, size)["key"]) for size in ("24x12", "12x24")]
    result = bench("data", "cache", "--clear", keys[0][:12])
    assert result.exit_code == 0, result.stderr
    assert keys[0][:12] in result.stdout
    assert "removed: 1" in result.stdout
    document = json.loads(bench("data", "cache", "--list", "--json").stdout)
    assert [entry["key"] for entry in document["caches"]] == [keys[1]]


def test_all_caches_are_cleared(bench: Bench, sysu_root: Path, own_cache: Path) -> None:
    for size in ("24x12", "12x24"):
        made(bench, sysu_root, size)
    document = json.loads(bench("data", "cache", "--clear", "all", "--json").stdout)
    assert len(document["removed"]) == 2
    assert [path for path in (own_cache / "images").iterdir() if path.is_dir()] == []


def test_a_cache_that_is_being_made_is_left(bench: Bench, sysu_root: Path, own_cache: Path) -> None:
    keys = [str(made(bench, sysu_root, size)["key"]) for size in ("24x12", "12x24")]
    with locked(own_cache / "images" / keys[0]):
        line = error_of(bench("data", "cache", "--clear", "all"), 1)
    assert f"process {os.getpid()} on " in line
    assert f" is writing {own_cache / 'images' / keys[0]}; wait" in line
    document = json.loads(bench("data", "cache", "--list", "--json").stdout)
    assert [entry["key"] for entry in document["caches"]] == [keys[0]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "give a ROOT whose images to decode, or --list, or --clear KEY"),
        (["root", "--list"], "give a ROOT whose images to decode, or --list, or --clear KEY"),
        (["--list", "--clear", "all"], "give a ROOT"),
        (["--clear", "nothing"], "--clear nothing names no cache; 'bench data cache --list'"),
        (["root", "--image-size", "256"], "--image-size 256: expected HEIGHTxWIDTH in pixels"),
        (["root", "--image-size", "0x12"], "--image-size 0x12: expected HEIGHTxWIDTH"),
    ],
)
def test_wrong_usage(bench: Bench, own_cache: Path, arguments: list[str], expected: str) -> None:
    assert expected in error_of(bench("data", "cache", *arguments), 2)


def test_a_damaged_image_is_named(bench: Bench, root: Path, own_cache: Path) -> None:
    image = min(root.glob("cam1/*/*.jpg"))
    image.write_bytes(b"")
    line = error_of(bench("data", "cache", root), 1)
    assert f"{image} is empty (0 bytes); restore it" in line
