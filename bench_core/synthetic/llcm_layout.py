"""The tree of LLCM: everyone in `vis/` and `nir/`, test people again by camera, lists in `idx/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench_core.synthetic.cameras import Camera
from bench_core.synthetic.llcm_cameras import INFRARED_OFFSET, LLCM_CAMERAS
from bench_core.synthetic.llcm_plan import (
    INFRARED_CAMERAS,
    LLCM_SCALES,
    TEST,
    VISIBLE_CAMERAS,
    label_order,
    plan_llcm,
)
from bench_core.synthetic.plan import PlannedPerson
from bench_core.synthetic.scales import Sizes
from bench_core.system.files import write_text

EVENING = 17 * 3600
EVENING_SECONDS = 5 * 3600
FRAMES_BETWEEN = 15


def scales() -> Mapping[str, Sizes]:
    """Return the named sizes; "full" has 713 + 351 people and 46,767 images."""
    return LLCM_SCALES


def cameras() -> Mapping[int, Camera]:
    """Return cameras 1 to 9 in visible light and, as 10 + c, camera c in infrared (not 3)."""
    return LLCM_CAMERAS


def plan(sizes: Sizes, seed: int) -> Sequence[PlannedPerson]:
    """Decide who is seen where; see `plan_llcm`."""
    return plan_llcm(sizes, seed)


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[PurePosixPath, ...]:
    """Return the paths of an image: one, or two for test people.

    They are such as `nir/0003/0003_c01_s185734_f3195_nir.jpg` and, for test people, the same
    name below `test_nir/cam1/0003`. Frames are not padded, so that names sort as text.
    """
    modality, number = _modality(camera), camera % INFRARED_OFFSET
    folder = f"{person.identity:04d}"
    frame = (person.identity * 7 % 600 + index + 1) * FRAMES_BETWEEN
    name = f"{folder}_c{number:02d}_s{_clock(person.identity, camera)}_f{frame}_{modality}.jpg"
    everyone = PurePosixPath(modality) / folder / name
    if person.split != TEST:
        return (everyone,)
    return everyone, _camera_folder(camera) / folder / name


def write_splits(
    root: Path,
    people: Sequence[PlannedPerson],
    sizes: Sizes,  # noqa: ARG001 - as `Layout`
    seed: int,
) -> None:
    """Write `idx/`: the training images with class labels from 0, and the test identities.

    The folders of cameras without images are made, too: the dataset has all of them.

    Args:
        root: Root folder of the dataset.
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset, for the order of the labels.

    Raises:
        BenchError: A file cannot be written.
    """
    train = label_order(people, seed)
    write_text(root / "idx" / "train_vis.txt", _listing(train, VISIBLE_CAMERAS))
    write_text(root / "idx" / "train_nir.txt", _listing(train, INFRARED_CAMERAS))
    test = ",".join(f"{person.identity:04d}" for person in people if person.split == TEST)
    write_text(root / "idx" / "test_id.txt", test)
    for camera in LLCM_CAMERAS:
        (root / _camera_folder(camera)).mkdir(parents=True, exist_ok=True)


def _modality(camera: int) -> str:
    return "vis" if camera < INFRARED_OFFSET else "nir"


def _camera_folder(camera: int) -> PurePosixPath:
    """Return the folder of a camera's test images."""
    return PurePosixPath(f"test_{_modality(camera)}") / f"cam{camera % INFRARED_OFFSET}"


def _listing(people: Sequence[PlannedPerson], cameras: Sequence[int]) -> str:
    """Return a line `path label` for each image; the place of a person is the label."""
    return "".join(
        f"{image_paths(person, camera, index)[0]} {label}\n"
        for label, person in enumerate(people)
        for camera in cameras
        for index in range(person.images.get(camera, 0))
    )


def _clock(identity: int, camera: int) -> str:
    """Return when a person passed a camera, as HHMMSS: an evening that only these decide."""
    second = EVENING + (identity * 131 + camera * 977) % EVENING_SECONDS
    return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
