"""The tree of RegDB: a folder a person under `Visible/` and `Thermal/`, ten splits in `idx/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench_core.synthetic.cameras import Camera
from bench_core.synthetic.plan import PlannedPerson
from bench_core.synthetic.regdb_cameras import REGDB_CAMERAS, THERMAL_CAMERA, VISIBLE_CAMERA
from bench_core.synthetic.regdb_plan import REGDB_SCALES, draw_trials, plan_regdb
from bench_core.synthetic.scales import Sizes
from bench_core.system.files import write_text

FRAMES_BETWEEN = 3
"""Frames of the video between two images of a person."""

_FOLDERS = {VISIBLE_CAMERA: "Visible", THERMAL_CAMERA: "Thermal"}


def scales() -> Mapping[str, Sizes]:
    """Return the named sizes; "full" has 206 + 206 people with 10 + 10 images each."""
    return REGDB_SCALES


def cameras() -> Mapping[int, Camera]:
    """Return the visible camera, 1, and the thermal one, 2."""
    return REGDB_CAMERAS


def plan(sizes: Sizes, seed: int) -> Sequence[PlannedPerson]:
    """Decide who is seen how often; see `plan_regdb`."""
    return plan_regdb(sizes, seed)


def image_paths(person: PlannedPerson, camera: int, index: int) -> tuple[PurePosixPath, ...]:
    """Return the one path of an image, such as `Thermal/2/female_back_t_06300_2.bmp`.

    The two images of a pair have one frame number.
    """
    folder = _FOLDERS[camera]
    gender = "female" if person.feminine else "male"
    frame = (person.identity - 1) * 25 + index * FRAMES_BETWEEN
    name = f"{gender}_{person.view}_{folder[0].lower()}_{frame:05d}_{person.identity}.bmp"
    return (PurePosixPath(folder) / str(person.identity) / name,)


def write_splits(root: Path, people: Sequence[PlannedPerson], sizes: Sizes, seed: int) -> None:
    """Write `idx/{train,test}_{visible,thermal}_{1..10}.txt`, with lines `path label`.

    Args:
        root: Root folder of the dataset.
        people: The plan.
        sizes: The sizes that it was made with.
        seed: Seed of the dataset, for the random splits.

    Raises:
        BenchError: A file cannot be written.
    """
    by_identity = {person.identity: person for person in people}
    for number, trial in enumerate(draw_trials(people, sizes, seed), start=1):
        for half, identities in (("train", trial.train), ("test", trial.test)):
            listed = [by_identity[identity] for identity in identities]
            for camera, folder in _FOLDERS.items():
                path = root / "idx" / f"{half}_{folder.lower()}_{number}.txt"
                write_text(path, _listing(listed, camera))


def _listing(people: Sequence[PlannedPerson], camera: int) -> str:
    """Return a line `path label` for each image; the place of a person is the label."""
    return "".join(
        f"{image_paths(person, camera, index)[0]} {label}\n"
        for label, person in enumerate(people)
        for index in range(person.images[camera])
    )
