"""Verifying a whole copy: what each kind of damage leads to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench_core.data.fingerprint import fingerprint
from bench_core.data.verification.report import Report, verify
from bench_core.plugins import Registry
from bench_sysu.dataset import SysuMM01Reader

Verify = Callable[[Path], Report]


@pytest.fixture
def check(registry: Registry, tmp_path: Path) -> Verify:
    """Verify a SYSU-MM01 root with a cache of its own."""
    spec = registry.dataset("sysu-mm01")
    protocols = [item for item in registry.protocols.values() if item.dataset == spec.id]
    return lambda root: verify(spec, protocols, root, tmp_path / "own cache")


@pytest.fixture
def root(sysu_root: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(sysu_root, tmp_path / "root"))


def kinds(report: Report) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in report.findings}


def examples(report: Report, kind: str) -> tuple[str, ...]:
    (found,) = [finding.examples for finding in report.findings if finding.kind == kind]
    return found


def test_a_whole_copy_has_no_findings(check: Verify, sysu_root: Path) -> None:
    report = check(sysu_root)
    dataset = SysuMM01Reader().read(sysu_root)
    assert (report.findings, report.num_problems) == ((), 0)
    assert report.num_images == len(dataset.images)
    assert report.num_identities == dataset.images["identity"].nunique()
    assert sum(count.images for count in report.cameras) == len(dataset.images)
    by_subset = {(count.subset, count.modality): count.images for count in report.subsets}
    assert by_subset["query", "infrared"] + by_subset["gallery", "visible"] == int(
        dataset.images["identity"].isin(dataset.splits.test).sum()  # type: ignore[attr-defined]
    )


def test_the_fingerprint_is_that_of_results_and_is_remembered(
    check: Verify, sysu_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench_core.data.fingerprint.SETTLING_NANOSECONDS", 0)
    dataset = SysuMM01Reader().read(sysu_root)
    expected = fingerprint(dataset, tmp_path / "another cache")
    assert check(sysu_root).fingerprint == expected
    monkeypatch.setattr("bench_core.data.fingerprint.open_regular", None)  # hashing would fail
    assert fingerprint(dataset, tmp_path / "own cache") == expected


def test_synthetic_counts_are_compared_at_full_scale_only(check: Verify, root: Path) -> None:
    report = check(root)
    assert (report.synthetic, report.compared) == (True, False)
    assert {count.published for count in report.subsets} == {None}
    marker = {"scale": "full", "sizes": {"real_counts": True}}
    (root / "synthetic.json").write_text(json.dumps(marker))
    report = check(root)
    assert (report.synthetic, report.compared) == (True, True)
    assert kinds(report) == {"counts": "problem"}


def test_real_counts_are_compared(check: Verify, root: Path) -> None:
    (root / "synthetic.json").unlink()
    (root / "exp" / "synthetic.json").unlink()
    report = check(root)
    assert (report.synthetic, report.compared) == (False, True)
    assert kinds(report) == {"counts": "problem"}
    assert any("19,659" in example for example in examples(report, "counts"))


def first(root: Path, camera: int) -> Path:
    return min(root.glob(f"cam{camera}/*/*.jpg"))


def second(root: Path, camera: int) -> Path:
    return sorted(root.glob(f"cam{camera}/*/*.jpg"))[1]


def empty(root: Path) -> None:
    first(root, 1).write_bytes(b"")


def truncate(root: Path) -> None:
    path = first(root, 1)
    path.write_bytes(path.read_bytes()[:-200])


def replace_by_text(root: Path) -> None:
    first(root, 1).write_text("<html>404</html>")


def show_infrared_in_colour(root: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(first(root, 3))


def show_visible_in_gray(root: Path) -> None:
    Image.open(first(root, 1)).convert("L").save(first(root, 1))


def copy_over_another_camera(root: Path) -> None:
    shutil.copy(first(root, 1), first(root, 2))


def copy_beside(root: Path) -> None:
    assert first(root, 1).parent == second(root, 1).parent
    shutil.copy(first(root, 1), second(root, 1))


def misplace(root: Path) -> None:
    shutil.copy(first(root, 1), root / "cam1")


def add_unlisted_person(root: Path) -> None:
    shutil.copytree(first(root, 1).parent, root / "cam1" / "9876")


def add_other_file(root: Path) -> None:
    (first(root, 1).parent / "Thumbs.db").touch()


def link_to_nowhere(root: Path) -> None:
    trained = SysuMM01Reader().read(root).splits.train[0]  # type: ignore[attr-defined]
    (root / "cam3" / f"{trained:04d}" / "0099.jpg").symlink_to("nowhere.jpg")


def make_a_loop(root: Path) -> None:
    (root / "cam1" / "loop").symlink_to("..")


def link_camera_to_another(root: Path) -> None:
    shutil.rmtree(root / "cam2")
    (root / "cam2").symlink_to("cam1")


def lose_permutations(root: Path) -> None:
    (root / "exp" / "rand_perm_cam.mat").unlink()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (empty, {"empty": "problem"}),
        (truncate, {"truncated": "problem"}),
        (replace_by_text, {"damaged": "problem"}),
        (show_infrared_in_colour, {"colour": "problem"}),
        (show_visible_in_gray, {"no colour": "note"}),
        (copy_over_another_camera, {"copy elsewhere": "problem"}),
        (copy_beside, {"copy": "note"}),
        (misplace, {"misplaced": "problem"}),
        (add_unlisted_person, {"unlisted": "note"}),
        (add_other_file, {"other files": "note"}),
        (link_to_nowhere, {"broken link": "problem"}),
        (make_a_loop, {"repeated link": "note"}),
        (
            link_camera_to_another,
            {"splits": "problem", "copy elsewhere": "problem", "repeated link": "note"},
        ),
        (lose_permutations, {"splits": "problem"}),
    ],
)
def test_each_damage_is_found_and_weighed(
    check: Verify, root: Path, damage: Callable[[Path], None], expected: dict[str, str]
) -> None:
    damage(root)
    assert kinds(check(root)) == expected


def test_images_of_other_forms_and_names_are_no_findings(check: Verify, root: Path) -> None:
    """16 bits, one channel, other scripts, links to images that lie elsewhere."""
    trained = SysuMM01Reader().read(root).splits.train[0]  # type: ignore[attr-defined]
    folder = root / "cam3" / f"{trained:04d}"
    gray = np.random.default_rng(0).integers(0, 1 << 16, (40, 20)).astype(np.uint16)
    Image.fromarray(gray).save(folder / "红外.png")
    Image.fromarray((gray >> 8).astype(np.uint8)).save(folder / "ик.png")
    shutil.copy(folder / "ик.png", root.parent / "elsewhere.png")
    (folder / "ик.png").unlink()
    (folder / "ик.png").symlink_to(root.parent / "elsewhere.png")
    before = SysuMM01Reader().read(root).images
    report = check(root)
    assert kinds(report) == {}
    assert report.num_images == len(before)
    assert sum("红外" in path or "ик" in path for path in before["path"]) == 2


def test_a_name_of_other_bytes_has_a_fingerprint(check: Verify, root: Path) -> None:
    trained = SysuMM01Reader().read(root).splits.train[0]  # type: ignore[attr-defined]
    image = min(root.glob(f"cam3/{trained:04d}/*.jpg"))
    image.rename(image.with_name(os.fsdecode(b"caf\xe9.jpg")))
    report = check(root)
    assert kinds(report) == {}
    assert report.fingerprint is not None


def test_without_a_readable_file_there_is_no_fingerprint(check: Verify, root: Path) -> None:
    link_to_nowhere(root)
    assert check(root).fingerprint is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("val_id", None, "has neither val_id.txt nor val_id.mat"),
        ("test_id", "1,x", "'x' is not an identity number"),
        ("camera", None, "no folder cam4"),
    ],
)
def test_files_are_checked_even_where_the_dataset_cannot_be_read(
    check: Verify, root: Path, name: str, content: str | None, message: str
) -> None:
    if name == "camera":
        shutil.rmtree(root / "cam4")
    for path in root.glob(f"exp/{name}.*"):
        path.unlink()
    if content is not None:
        (root / "exp" / f"{name}.txt").write_text(content)
    truncate(root)
    shutil.copy(first(root, 2), root / "cam2")
    report = check(root)
    assert kinds(report) == {
        "unreadable dataset": "problem",
        "truncated": "problem",
        "copy": "note",
    }
    assert message in examples(report, "unreadable dataset")[0]
    assert (report.fingerprint, report.num_identities) == (None, None)
    assert report.num_images == len(list(root.rglob("*.jpg")))


def test_an_identity_in_two_splits_is_a_problem(check: Verify, root: Path) -> None:
    tested = (root / "exp" / "test_id.txt").read_text()
    (root / "exp" / "val_id.txt").write_text(tested)
    (root / "exp" / "val_id.mat").unlink()
    report = check(root)
    assert kinds(report) == {"unreadable dataset": "problem"}
    assert "an identity belongs to one split" in examples(report, "unreadable dataset")[0]


def test_problems_come_first_and_the_document_holds_every_example(
    check: Verify, root: Path
) -> None:
    add_other_file(root)
    truncate(root)
    for number in range(15):
        shutil.copy(first(root, 2), root / "cam2" / f"{number}.jpg")
    document = json.loads(json.dumps(check(root).as_document()))
    findings = document["findings"]
    assert [finding["kind"] for finding in findings] == ["truncated", "misplaced", "other files"]
    assert (document["problems"], document["notes"]) == (2, 1)
    assert findings[1]["count"] == len(findings[1]["examples"]) == 15
    assert document["subsets"][0]["subset"] == "training"
    assert document["cameras"][2]["modality"] == "infrared"
