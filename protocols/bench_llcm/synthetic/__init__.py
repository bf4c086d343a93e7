"""Synthetic people in the tree of LLCM: all of them, test people again by camera, and lists."""

from __future__ import annotations

from bench_core import INFRARED, VISIBLE, Modality
from bench_core.synthetic import Layout, People, PlannedPerson, Sizes
from bench_llcm.layout import (
    CAMERAS,
    FOLDERS,
    INDEX_FOLDER,
    TEST_LIST,
    camera_folder,
    training_list,
)
from bench_llcm.synthetic.cameras import INFRARED_OFFSET, LLCM_CAMERAS
from bench_llcm.synthetic.plan import LLCM_SCALES, TEST, label_order, plan_llcm

EVENING = 17 * 3600
EVENING_SECONDS = 5 * 3600
FRAMES_BETWEEN = 15


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[str, ...]:
    """Return the paths of an image: one, or two for test people.

    They are such as `nir/0003/0003_c01_s185734_f3195_nir.jpg` and, for test people, the same
    name below `test_nir/cam1/0003`. Frames are not padded, so that names sort as text.
    """
    modality, number = _modality(camera), camera % INFRARED_OFFSET
    folder = FOLDERS[modality]
    frame = (person.identity * 7 % 600 + index + 1) * FRAMES_BETWEEN
    clock = _clock(person.identity, camera)
    name = f"{person.identity:04d}_c{number:02d}_s{clock}_f{frame}_{folder}.jpg"
    everyone = f"{folder}/{person.identity:04d}/{name}"
    if person.split != TEST:
        return (everyone,)
    return everyone, f"{camera_folder(modality, number)}/{person.identity:04d}/{name}"


def split_files(people: People, _: Sizes, seed: int) -> dict[str, str | bytes]:
    """Return the lists of training images with class labels from 0, and the test identities.

    Args:
        people: The plan.
        seed: Seed of the dataset, for the order of the labels.
    """
    train = label_order(people, seed)
    test = ",".join(f"{person.identity:04d}" for person in people if person.split == TEST)
    return {
        f"{INDEX_FOLDER}/{TEST_LIST}": test,
        **{
            f"{INDEX_FOLDER}/{training_list(modality)}": _listing(train, modality)
            for modality in CAMERAS
        },
    }


def _modality(camera: int) -> Modality:
    return VISIBLE if camera < INFRARED_OFFSET else INFRARED


def _listing(people: People, modality: Modality) -> str:
    """Return a line `path label` for each image; the place of a person is the label."""
    return "".join(
        f"{image_paths(person, camera, index)[0]} {label}\n"
        for label, person in enumerate(people)
        for camera in LLCM_CAMERAS
        if _modality(camera) == modality
        for index in range(person.images.get(camera, 0))
    )


def _clock(identity: int, camera: int) -> str:
    """Return when a person passed a camera, as HHMMSS: an evening that only these decide."""
    second = EVENING + (identity * 131 + camera * 977) % EVENING_SECONDS
    return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


LAYOUT = Layout(
    cameras=LLCM_CAMERAS,
    scales=LLCM_SCALES,
    plan=plan_llcm,
    image_paths=image_paths,
    split_files=split_files,
    folders=[
        camera_folder(modality, camera)
        for modality, cameras in CAMERAS.items()
        for camera in cameras
    ],
)
