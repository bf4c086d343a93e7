"""Writing a synthetic dataset: people rendered in parallel into a folder that appears whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile

from bench_core.contracts.dataset import DEMO, SYNTHETIC_MARKER, DatasetSpec
from bench_core.contracts.errors import UsageError
from bench_core.loading import load_object
from bench_core.synthetic.layouts import Layout, load_layout
from bench_core.synthetic.people import sample_person
from bench_core.synthetic.plan import PlannedPerson, count_images
from bench_core.synthetic.rendering import Picture, render
from bench_core.synthetic.scales import Sizes, resolve_sizes
from bench_core.system.files import (
    check_new_folder,
    folder_written_whole,
    remove_abandoned,
    write_bytes,
    write_json,
)
from bench_core.system.processes import WorkersError, num_processors, process_pool
from bench_core.system.progress import progress

GENERATOR_VERSION = 2
"""Raised whenever the same seed gives other files."""

IMAGES_WORTH_A_PROCESS = 250
JPEG_SUBSAMPLING = "4:2:0"


@dataclass(frozen=True)
class _Job:
    """All images of one person; a process renders it without knowing the rest.

    Attributes:
        root: Root of the dataset.
        layout: "module:NAME" of the layout, which need not be picklable.
        person: The person.
        heights: Range of the image heights.
        seed: Seed of the dataset.
    """

    root: Path
    layout: str
    person: PlannedPerson
    heights: tuple[int, int]
    seed: int


def generate(  # noqa: PLR0913 - the options of `bench data synth`, all but two by keyword
    out: Path,
    spec: DatasetSpec,
    *,
    scale: str = DEMO,
    seed: int = 0,
    workers: int | None = None,
    train_identities: int | None = None,
    val_identities: int | None = None,
    test_identities: int | None = None,
    images_per_camera: float | None = None,
) -> None:
    """Render a synthetic dataset into a new folder, in the tree of a real one.

    The folder appears when it is complete. `synthetic.json` at its root marks it as synthetic.
    The same options give the same bytes on every processor, with every version of the libraries
    and whatever the number of processes.

    Args:
        out: Root folder to create; it must not exist, or be empty.
        spec: The dataset whose tree it is.
        scale: One of the scales of its layout: "tiny" for tests, "demo" for a training of minutes,
            "full" for the real counts.
        seed: Seed of the people, their clothes and all images; >= 0.
        workers: Number of processes; None takes one for each processor, fewer for small datasets.
        train_identities: People in the training split, instead of the scale's.
        val_identities: People in the validation split, instead of the scale's; where it has one.
        test_identities: People in the test split, instead of the scale's.
        images_per_camera: Mean number of images of a person in a camera that sees them.

    Raises:
        UsageError: `out` is not empty, an option is not one of the allowed, or does not apply, or
            the dataset has no layout.
        PluginError: What the dataset names is no layout.
        BenchError: The folder cannot be written.
    """
    layout = load_layout(spec)
    sizes = resolve_sizes(
        layout.scales,
        scale,
        train_identities=train_identities,
        val_identities=val_identities,
        test_identities=test_identities,
        images_per_camera=images_per_camera,
    )
    _check(out, seed, workers)
    people = layout.people(sizes, seed)
    total = count_images(people)
    remove_abandoned(out.parent, out.name)
    with folder_written_whole(out) as root:
        reference = str(spec.synthetic)
        jobs = [_Job(root, reference, person, sizes.image_heights, seed) for person in people]
        _render_all(jobs, total, workers or _default_workers(total))
        folders = _write_split_files(root, layout, layout.split_files(people, sizes, seed))
        description = _description(spec.id, scale, sizes, seed, people)
        for folder in folders:
            write_json(folder / SYNTHETIC_MARKER, description)


def _write_split_files(
    root: Path, layout: Layout, contents: Mapping[str, str | bytes]
) -> set[Path]:
    """Write what lies beside the images, and return the root and the folders of these files."""
    for folder in layout.folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        write_bytes(root / path, content if isinstance(content, bytes) else content.encode())
    return {root, *((root / path).parent for path in contents)}


def _check(out: Path, seed: int, workers: int | None) -> None:
    check_new_folder(out)
    if seed < 0:
        raise UsageError(f"--seed is {seed}: it must be 0 or more")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers is {workers}: it must be at least 1")


def _default_workers(num_images: int) -> int:
    return max(1, min(num_processors(), math.ceil(num_images / IMAGES_WORTH_A_PROCESS)))


def _render_all(jobs: Sequence[_Job], num_images: int, workers: int) -> None:
    with progress(total=num_images, description="rendering people") as bar:
        results = map(_render_person, jobs) if workers == 1 else _in_processes(jobs, workers)
        for rendered in results:
            bar.update(rendered)


def _in_processes(jobs: Sequence[_Job], workers: int) -> Iterator[int]:
    try:
        with process_pool(workers) as pool:
            for future in as_completed([pool.submit(_render_person, job) for job in jobs]):
                yield future.result()
    except WorkersError as error:
        raise WorkersError(f"{error}; with --workers 1 none are needed") from error


def _render_person(job: _Job) -> int:
    """Render and save the images of one person, and return their number."""
    layout: Layout = load_object(job.layout)
    planned = job.person
    person = sample_person(job.seed, planned.identity, feminine=planned.feminine, view=planned.view)
    for number, num_images in planned.images.items():
        for index in range(num_images):
            key = (job.seed, planned.identity, number, index)
            picture = render(person, layout.cameras[number], job.heights, key)
            _save(picture, [job.root / p for p in layout.image_paths(planned, number, index)])
    return sum(planned.images.values())


def _save(picture: Picture, paths: Sequence[Path]) -> None:
    """Write a picture to the first path, in the format of its suffix, and copies to the others."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    picture.image.save(paths[0], quality=picture.quality, subsampling=JPEG_SUBSAMPLING)
    for path in paths[1:]:
        copyfile(paths[0], path)


def _description(
    layout: str, scale: str, sizes: Sizes, seed: int, people: Sequence[PlannedPerson]
) -> dict[str, object]:
    return {
        "generator": GENERATOR_VERSION,
        "layout": layout,
        "scale": scale,
        "seed": seed,
        "sizes": asdict(sizes),
        "identities": len(people),
        "images": count_images(people),
    }
