"""Identity-balanced batches: P identities, K images of each in each modality."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench_core.contracts.errors import DataError
from bench_core.contracts.images import MODALITIES, Modality
from bench_core.data.sampling import BatchRows, IdentityBalancedSampler, balanced_sampler

IntArray = NDArray[np.int64]


class Case(NamedTuple):
    """A training split, and how batches are drawn from it."""

    rows: dict[Modality, IntArray]
    labels: dict[Modality, IntArray]
    num_identities: int
    num_images: int
    steps: int | None
    seed: int

    def sampler(self) -> IdentityBalancedSampler:
        return balanced_sampler(
            self.rows,
            self.labels,
            range(100, 101 + max(int(labels.max()) for labels in self.labels.values())),
            num_identities=self.num_identities,
            num_images=self.num_images,
            steps_per_epoch=self.steps,
        )

    def batches(self) -> list[BatchRows]:
        return list(self.sampler().epoch(np.random.default_rng(self.seed)))

    def rows_of(self, modality: Modality, label: int) -> set[int]:
        return set(self.rows[modality][self.labels[modality] == label].tolist())


def make_case(
    counts: dict[Modality, list[int]],
    *,
    num_identities: int = 2,
    num_images: int = 2,
    steps: int | None = None,
    seed: int = 0,
) -> Case:
    """Scatter the images of each modality and label over the rows of a table."""
    labels = [label for modality in MODALITIES for label in np.repeat(
        np.arange(len(counts[modality])), counts[modality])]  # fmt: skip
    places = np.random.default_rng(seed).permutation(len(labels) + 5)[: len(labels)]
    split = sum(counts["visible"])
    by_label = np.array(labels, dtype=np.int64)
    parts = {"visible": slice(None, split), "infrared": slice(split, None)}
    return Case(
        rows={modality: places[parts[modality]] for modality in MODALITIES},
        labels={modality: by_label[parts[modality]] for modality in MODALITIES},
        num_identities=num_identities,
        num_images=num_images,
        steps=steps,
        seed=seed,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    total = draw(st.integers(2, 6))
    sizes = st.lists(st.integers(1, 7), min_size=total, max_size=total)
    return make_case(
        {"visible": draw(sizes), "infrared": draw(sizes)},
        num_identities=draw(st.integers(1, total)),
        num_images=draw(st.integers(1, 5)),
        steps=draw(st.none() | st.integers(1, 8)),
        seed=draw(st.integers(0, 1000)),
    )


def drawn(batch: BatchRows, modality: Modality) -> IntArray:
    return batch.visible if modality == "visible" else batch.infrared


def hands(case: Case) -> dict[tuple[Modality, int], list[list[int]]]:
    """Return the images of each modality and label, batch by batch."""
    result: dict[tuple[Modality, int], list[list[int]]] = {}
    for batch in case.batches():
        for modality in MODALITIES:
            for label in np.unique(batch.labels).tolist():
                hand = drawn(batch, modality)[batch.labels == label].tolist()
                result.setdefault((modality, label), []).append(hand)
    return result


def each_once_before_any_again(dealt: list[int], cards: set[int]) -> bool:
    """Whether a sequence is one complete round of all cards after another, the last cut short."""
    rounds = [dealt[start : start + len(cards)] for start in range(0, len(dealt), len(cards))]
    return all(len(set(part)) == len(part) and set(part) <= cards for part in rounds)


@given(cases())
def test_a_batch_has_p_identities_with_k_images_each(case: Case) -> None:
    for batch in case.batches():
        assert len(batch.visible) == len(batch.infrared) == len(batch.labels)
        assert batch.visible.dtype == batch.infrared.dtype == batch.labels.dtype == np.int64
        counts = Counter(batch.labels.tolist())
        assert len(counts) == case.num_identities
        assert set(counts.values()) == {case.num_images}


@given(cases())
def test_images_are_of_their_label_and_modality(case: Case) -> None:
    for batch in case.batches():
        for modality in MODALITIES:
            rows = drawn(batch, modality).tolist()
            for row, label in zip(rows, batch.labels.tolist(), strict=True):
                assert row in case.rows_of(modality, label)


@given(cases())
def test_every_identity_comes_once_before_any_comes_again(case: Case) -> None:
    chosen = [
        label for batch in case.batches() for label in batch.labels[:: case.num_images].tolist()
    ]
    assert each_once_before_any_again(chosen, set(range(len(case.sampler().visible))))


@given(cases())
def test_every_image_of_an_identity_comes_once_before_any_comes_again(case: Case) -> None:
    for (modality, label), dealt in hands(case).items():
        cards = case.rows_of(modality, label)
        if case.num_images <= len(cards):
            flat = [row for hand in dealt for row in hand]
            assert each_once_before_any_again(flat, cards)


@given(cases())
def test_an_image_repeats_in_a_batch_only_where_there_are_too_few(case: Case) -> None:
    for (modality, label), dealt in hands(case).items():
        available = len(case.rows_of(modality, label))
        for hand in dealt:
            assert len(set(hand)) == min(case.num_images, available)


@given(cases())
def test_the_same_generator_gives_the_same_batches(case: Case) -> None:
    for first, second in zip(case.batches(), case.batches(), strict=True):
        for name in ("visible", "infrared", "labels"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@given(cases())
def test_a_sampler_keeps_nothing_from_one_epoch_to_the_next(case: Case) -> None:
    sampler = case.sampler()
    for batch in sampler.epoch(np.random.default_rng(case.seed + 1)):
        assert len(batch.labels) > 0
    again = list(sampler.epoch(np.random.default_rng(case.seed)))
    for first, second in zip(again, case.batches(), strict=True):
        np.testing.assert_array_equal(first.visible, second.visible)


@given(cases())
def test_an_epoch_has_the_steps_it_was_given_or_enough_for_the_larger_modality(case: Case) -> None:
    largest = max(len(rows) for rows in case.rows.values())
    batch_size = case.num_identities * case.num_images
    num_batches = len(case.batches())
    if case.steps is not None:
        assert num_batches == case.steps
    else:
        assert (num_batches - 1) * batch_size < largest <= num_batches * batch_size


def test_sysu_mm01_takes_464_batches_of_48() -> None:
    """The counts of the dataset's training split: 22,258 visible and 11,909 infrared images."""
    counts: dict[Modality, list[int]] = {
        "visible": [22_258 - 394 * 56, *[56] * 394],
        "infrared": [11_909 - 394 * 30, *[30] * 394],
    }
    case = make_case(counts, num_identities=12, num_images=4)
    assert case.sampler().steps_per_epoch == 464


def test_other_seeds_give_other_batches() -> None:
    case = make_case({"visible": [6] * 6, "infrared": [6] * 6})
    first, second = (case._replace(seed=seed).batches()[0].visible for seed in (0, 1))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            {"visible": [2, 2, 2], "infrared": [2, 0, 2]},
            r"1 training identities have no infrared image, the first is identity 101",
        ),
        (
            {"visible": [0, 0, 2], "infrared": [2, 2, 2]},
            r"2 training identities have no visible image, the first is identity 100",
        ),
        (
            {"visible": [2, 2, 2], "infrared": [2, 2]},
            r"1 training identities have no infrared image, the first is identity 102",
        ),
    ],
)
def test_an_identity_without_one_of_the_modalities_is_refused(
    counts: dict[Modality, list[int]], message: str
) -> None:
    with pytest.raises(
        DataError, match=f"{message}; restore its images or remove it from the split"
    ):
        make_case(counts).sampler()


def test_more_identities_than_there_are_is_refused_with_the_option_to_set() -> None:
    case = make_case({"visible": [2] * 3, "infrared": [2] * 3}, num_identities=4)
    message = (
        "a batch takes 4 identities but the training split has 3; "
        "lower it with --set sampling.identities=3"
    )
    with pytest.raises(DataError, match=message):
        case.sampler()
