"""The trials of a run that trains a model for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench_core.system.progress import progress


def each_split(splits: Sequence[str]) -> Iterator[str]:
    """Yield each training split once; where there are several, show which trial it is for.

    Args:
        splits: The training split of each trial.
    """
    if len(set(splits)) == 1:
        yield splits[0]
        return
    names = [f"trial {number} of {len(splits)} ({split})" for number, split in enumerate(splits, 1)]
    with progress(total=len(splits), description=names[0], unit="trial") as bar:
        for trial, split in enumerate(splits):
            bar.set_description(names[trial], refresh=trial > 0)
            if split not in splits[:trial]:
                yield split
            bar.update()
