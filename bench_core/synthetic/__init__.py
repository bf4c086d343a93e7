"""The procedural stand-in for the licensed datasets: rendered people in the real directory trees.

Importing this package loads no numerical or image library; `generate` does.
"""

from __future__ import annotations

from pathlib import Path

from bench_core.synthetic.layouts import LAYOUT_MODULES, load_layout
from bench_core.synthetic.scales import SCALE_NAMES, resolve_sizes

LAYOUTS: tuple[str, ...] = tuple(LAYOUT_MODULES)
SCALES: tuple[str, ...] = SCALE_NAMES

__all__ = ["LAYOUTS", "SCALES", "generate"]


def generate(  # noqa: PLR0913 - the options of `bench data synth`, all but one by keyword
    out: Path,
    *,
    layout: str = "sysu-mm01",
    scale: str = "demo",
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
        layout: One of `LAYOUTS`.
        scale: One of `SCALES`: "tiny" for tests, "demo" for a training of minutes, "full" for the
            real counts.
        seed: Seed of the people, their clothes and all images; >= 0.
        workers: Number of processes; None takes one for each processor, fewer for small datasets.
        train_identities: People in the training split, instead of the scale's.
        val_identities: People in the validation split, instead of the scale's; only "sysu-mm01"
            has one.
        test_identities: People in the test split, instead of the scale's.
        images_per_camera: Mean number of images of a person in a camera that sees them.

    Raises:
        UsageError: `out` is not empty, or an option is not one of the allowed, or does not apply.
        BenchError: The folder cannot be written.
    """
    sizes = resolve_sizes(
        load_layout(layout).scales(),
        scale,
        train_identities=train_identities,
        val_identities=val_identities,
        test_identities=test_identities,
        images_per_camera=images_per_camera,
    )
    from bench_core.synthetic.generation import write_dataset

    write_dataset(Path(out), layout=layout, scale=scale, sizes=sizes, seed=seed, workers=workers)
