"""The trials of a run that trains a model for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench_core.system.progress import progress


def each_split(trained_on: Sequence[str]) -> Iterator[str]:
    """Yield each training split once; where there are several, show which trial it is for.

    Args:
        trained_on: The training split of each trial.
    """
    if len(set(trained_on)) == 1:
        yield trained_on[0]
        return
    names = [
        f"trial {number} of {len(trained_on)} ({split})"
        for number, split in enumerate(trained_on, 1)
    ]
    with progress(total=len(trained_on), description=names[0], unit="trial") as bar:
        for trial, split in enumerate(trained_on):
            bar.set_description_str(names[trial], refresh=trial > 0)
            if split not in trained_on[:trial]:
                yield split
            bar.update()
