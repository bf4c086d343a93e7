"""From a verified root to what other repositories train on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench_core.contracts.dataset import Dataset, DatasetSpec
from bench_core.contracts.errors import DataError, UsageError
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.data.exchange.array_files import USUAL_SIZE
from bench_core.data.exchange.plans import ExportPlan
from bench_core.data.exchange.writing import (
    bytes_of_arrays,
    bytes_of_files,
    synthetic_markers,
    write_arrays,
    write_tree,
)
from bench_core.data.opening import open_dataset
from bench_core.data.verification.report import verify
from bench_core.data.verification.walking import is_image_name
from bench_core.loading import load_object
from bench_core.system.files import (
    check_new_folder,
    check_room,
    folder_written_whole,
    remove_abandoned,
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        out: The folder.
        format: Its format.
        dataset: Id of the dataset.
        fingerprint: SHA-256 (hex) of the dataset that it was made of.
        synthetic: Whether its people are rendered.
        images: Number of images.
        image_size: Height and width in pixels; None where files were copied.
    """

    out: Path
    format: str
    dataset: str
    fingerprint: str
    synthetic: bool
    images: int
    image_size: tuple[int, int] | None


def export(  # noqa: PLR0913 - the options of `bench data export`, all but two by keyword
    spec: DatasetSpec,
    protocols: Sequence[ProtocolSpec],
    *,
    root: Path,
    out: Path,
    format_: str,
    cache: Path,
    size: tuple[int, int] | None = None,
    hard_links: bool = False,
) -> Exported:
    """Write a dataset in the format of other repositories, after verifying it.

    Args:
        spec: The dataset.
        protocols: Its protocols, which verification tries.
        root: Its root.
        out: The folder to create; it must not exist, or be empty.
        format_: One of `spec.exports`.
        cache: Folder where the fingerprint is remembered.
        size: Height and width in pixels of arrays; None is `USUAL_SIZE`.
        hard_links: Whether files get a second name instead of being copied.

    Raises:
        UsageError: The dataset has no such format, an option does not apply to it, or `out` is not
            free or lies in `root`.
        DataError: Verification finds what would change a score, or the format cannot hold an image.
        BenchError: The disk is full or cannot be written; `out` is then as it was.
    """
    planner = _planner(spec, format_)
    check_new_folder(out)
    _check_beside(root, out)
    dataset = open_dataset(spec, root)
    plan = planner(dataset)
    _check_options(plan, format_, size, hard_links=hard_links)
    plan = replace(plan, files=[*plan.files, *synthetic_markers([root], plan)])
    written_size = (size or USUAL_SIZE) if plan.arrays else None
    check_room(out, _num_bytes(plan, written_size, hard_links=hard_links))
    fingerprint = _verified(spec, protocols, root, cache)
    remove_abandoned(out.parent, out.name)
    with folder_written_whole(out) as temporary:
        write_tree(temporary, plan, hard_links=hard_links)
        if written_size:
            write_arrays(temporary, dataset.root, plan.arrays, written_size)
    return Exported(
        out=out,
        format=format_,
        dataset=spec.id,
        fingerprint=fingerprint,
        synthetic=dataset.synthetic,
        images=_num_images(plan),
        image_size=written_size,
    )


def _check_beside(root: Path, out: Path) -> None:
    if out.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            f"{out} lies in {root}, which would hold files of no dataset; name another"
        )


def _planner(spec: DatasetSpec, format_: str) -> Callable[[Dataset], ExportPlan]:
    if format_ not in spec.exports:
        formats = ", ".join(sorted(spec.exports)) or "none"
        raise UsageError(
            f"{spec.title} is not exported as '{format_}' (formats of this dataset: {formats}); "
            "docs/exchange.md says which there are, and why"
        )
    planner: Callable[[Dataset], ExportPlan] = load_object(spec.exports[format_])
    return planner


def _verified(spec: DatasetSpec, protocols: Sequence[ProtocolSpec], root: Path, cache: Path) -> str:
    report = verify(spec, protocols, root, cache)
    problems = [finding for finding in report.findings if finding.severity == "problem"]
    if problems or report.fingerprint is None:
        first = problems[0]
        raise DataError(
            f"{root} is not exported, as its users would inherit {len(problems)} problem"
            f"{'s' if len(problems) > 1 else ''} ({first.kind}: {first.examples[0]}); 'bench data "
            f"verify {root}' tells all of them"
        )
    return report.fingerprint


def _check_options(
    plan: ExportPlan, format_: str, size: tuple[int, int] | None, *, hard_links: bool
) -> None:
    if size is not None and not plan.arrays:
        raise UsageError(f"--image-size: '{format_}' copies files as they are; leave it out")
    if hard_links and plan.arrays:
        raise UsageError(f"--hard-links: '{format_}' writes arrays; leave it out")


def _num_bytes(plan: ExportPlan, size: tuple[int, int] | None, *, hard_links: bool) -> int:
    in_files = 0 if hard_links else bytes_of_files(plan)
    return in_files + (bytes_of_arrays(plan.arrays, size) if size else 0)


def _num_images(plan: ExportPlan) -> int:
    in_arrays = sum(len(rows.paths) for rows in plan.arrays.values())
    return in_arrays + sum(is_image_name(file.place.rpartition("/")[2]) for file in plan.files)
