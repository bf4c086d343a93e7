"""Synthetic people in the tree of RegDB: pairs of images, and ten splits."""

from __future__ import annotations

from bench_core.synthetic import Layout, People, PlannedPerson, Sizes
from bench_regdb.layout import CAMERA_MODALITY, FOLDERS, INDEX_FOLDER, list_name
from bench_regdb.synthetic.cameras import REGDB_CAMERAS
from bench_regdb.synthetic.plan import REGDB_SCALES, draw_trials, plan_regdb

FRAMES_BETWEEN = 3
"""Frames of the video between two images of a person."""


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[str, ...]:
    """Return the one path of an image, such as `Thermal/2/female_back_t_06300_2.bmp`.

    The two images of a pair have one frame number.
    """
    folder = FOLDERS[CAMERA_MODALITY[camera]]
    gender = "female" if person.feminine else "male"
    frame = (person.identity - 1) * 25 + index * FRAMES_BETWEEN
    name = f"{gender}_{person.view}_{folder[0].lower()}_{frame:05d}_{person.identity}.bmp"
    return (f"{folder}/{person.identity}/{name}",)


def split_files(people: People, sizes: Sizes, seed: int) -> dict[str, str | bytes]:
    """Return the lists of ten random splits, with lines `path label`.

    Args:
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset, for the random splits.
    """
    by_identity = {person.identity: person for person in people}
    return {
        f"{INDEX_FOLDER}/{list_name(role, modality, number)}": _listing(
            [by_identity[identity] for identity in identities], camera
        )
        for number, trial in enumerate(draw_trials(people, sizes, seed), start=1)
        for role, identities in trial.items()
        for camera, modality in CAMERA_MODALITY.items()
    }


def _listing(people: People, camera: int) -> str:
    """Return a line `path label` for each image; the place of a person is the label."""
    return "".join(
        f"{image_paths(person, camera, index)[0]} {label}\n"
        for label, person in enumerate(people)
        for index in range(person.images[camera])
    )


LAYOUT = Layout(
    cameras=REGDB_CAMERAS,
    scales=REGDB_SCALES,
    plan=plan_regdb,
    image_paths=image_paths,
    split_files=split_files,
)
