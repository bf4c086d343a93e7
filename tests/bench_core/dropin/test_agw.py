"""One import line changed in a script of the AGW family: the same tuple."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench_core import DataError
from bench_core.dropin import eval_llcm, eval_regdb, eval_sysu

SUPPORT = runpy.run_path(str(Path(__file__).parent / "agw_loop.py"))
agw_loop, nothing = SUPPORT["agw_loop"], SUPPORT["nothing"]
own_camera_match, same_room = SUPPORT["own_camera_match"], SUPPORT["same_room"]

Removes = Callable[[int, int, np.ndarray, np.ndarray], np.ndarray]
Search = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Ours = Callable[..., tuple[np.ndarray, float, float]]


def eval_regdb_with_cameras(
    distances: np.ndarray,
    q_pids: np.ndarray,
    g_pids: np.ndarray,
    *_: np.ndarray,
    max_rank: int = 20,
) -> tuple[np.ndarray, float, float]:
    return eval_regdb(distances, q_pids, g_pids, max_rank)


CALLS = pytest.mark.parametrize(
    ("ours", "removes", "by_identity"),
    [
        pytest.param(eval_sysu, same_room, True, id="sysu"),
        pytest.param(eval_llcm, own_camera_match, True, id="llcm"),
        pytest.param(eval_regdb_with_cameras, nothing, False, id="regdb"),
    ],
)


def make_search(seed: int, *, people: int = 30, levels: int | None = None) -> Search:
    """Draw a search of all cameras; of few levels, distances tie."""
    draw = np.random.default_rng(seed)
    num_queries, num_gallery = int(draw.integers(1, 25)), int(draw.integers(1, 90))
    distances = draw.random((num_queries, num_gallery))
    if levels is not None:
        distances = np.floor(distances * levels)
    labels = [draw.integers(0, people, count) for count in (num_queries, num_gallery)]
    cameras = [draw.integers(1, 7, count) for count in (num_queries, num_gallery)]
    return distances, labels[0], labels[1], cameras[0], cameras[1]


def looped(
    search: Search, removes: Removes, *, by_identity: bool, max_rank: int, kind: str | None = None
) -> tuple[np.ndarray, float, float] | None:
    """Return what the loop returns; None where it fails: no match at all, or uneven lists."""
    distances, q_pids, g_pids, q_camids, g_camids = search
    try:
        with np.errstate(all="raise"):
            return agw_loop(
                distances,
                (q_pids, q_camids),
                (g_pids, g_camids),
                removes,
                by_identity=by_identity,
                max_rank=max_rank,
                kind=kind,
            )
    except (ValueError, FloatingPointError, RuntimeWarning):
        return None


def assert_same(ours: tuple[np.ndarray, float, float], theirs: tuple[object, ...]) -> None:
    assert ours[0].dtype == np.float32
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1:], theirs[1:], rtol=0, atol=1e-12)


@CALLS
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    people=st.sampled_from([1, 4, 30]),
    max_rank=st.sampled_from([1, 5, 20]),
)
def test_without_ties_it_is_the_tuple_of_the_loop(
    ours: Ours, removes: Removes, by_identity: bool, seed: int, people: int, max_rank: int
) -> None:
    search = make_search(seed, people=people)
    theirs = looped(search, removes, by_identity=by_identity, max_rank=max_rank)
    assume(theirs is not None)
    assert theirs is not None
    assert_same(ours(*search, max_rank=max_rank), theirs)


@CALLS
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), levels=st.sampled_from([1, 3, 8]))
def test_with_ties_it_is_that_of_the_loop_whose_sort_is_stable(
    ours: Ours, removes: Removes, by_identity: bool, seed: int, levels: int
) -> None:
    search = make_search(seed, people=4, levels=levels)
    theirs = looped(search, removes, by_identity=by_identity, max_rank=3, kind="stable")
    assume(theirs is not None)
    assert theirs is not None
    assert_same(ours(*search, max_rank=3), theirs)


@CALLS
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), people=st.sampled_from([1, 4, 30]))
def test_whatever_has_a_match_is_scored(
    ours: Ours, removes: Removes, by_identity: bool, seed: int, people: int
) -> None:
    search = make_search(seed, people=people, levels=4)
    try:
        cmc, precision, penalty = ours(*search)
    except DataError as error:
        assert "queries has a match" in str(error)
        return
    assert 1 <= len(cmc) <= min(20, search[0].shape[1])
    assert np.all(np.diff(cmc) >= 0)
    assert 0 <= cmc[0] <= cmc[-1] <= 1
    assert 0 < penalty <= 1
    assert 0 < precision <= 1


def test_the_default_sort_of_the_loop_may_decide_ties_otherwise() -> None:
    """What differs, shown: it is no order that a program could promise."""
    distances = np.zeros((1, 400))
    search = distances, np.array([0]), np.arange(400), np.array([6]), np.ones(400, dtype=int)
    stable = looped(search, same_room, by_identity=True, max_rank=20, kind="stable")
    default = looped(search, same_room, by_identity=True, max_rank=20)
    assert stable is not None
    assert default is not None
    assert eval_sysu(*search)[1] == stable[1] == 1
    assert 1 / 400 <= default[1] <= 1  # wherever this machine's sort leaves the match


def people_who_differ_in_number() -> Search:
    """Camera 3 meets three people, camera 6 four."""
    return (
        np.arange(8.0).reshape(2, 4),
        np.array([1, 4]),
        np.array([1, 2, 3, 4]),
        np.array([3, 6]),
        np.array([1, 2, 4, 5]),
    )


def test_lists_of_different_lengths_do_not_fail() -> None:
    search = people_who_differ_in_number()
    with pytest.raises(ValueError, match="inhomogeneous"):
        agw_loop(search[0], search[1::2], search[2::2], same_room, by_identity=True)
    cmc, average_precision, _ = eval_sysu(*search)
    assert cmc.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert average_precision == (1 + 1 / 4) / 2


def test_of_few_people_whom_all_meet_the_curve_is_as_short_as_theirs() -> None:
    search = make_search(3, people=4)
    assert len(eval_sysu(*search, max_rank=3)[0]) == 3
    same_length = (*search[:3], np.full_like(search[3], 6), search[4])
    assert len(eval_sysu(*same_length)[0]) == len(np.unique(search[2]))


def test_a_query_without_a_match_counts_in_no_average() -> None:
    cmc, average_precision, penalty = eval_regdb(
        np.array([[0.1, 0.2], [0.1, 0.2]]), np.array([1, 9]), np.array([1, 2])
    )
    assert (cmc[0], average_precision, penalty) == (1, 1, 1)


def test_no_match_at_all_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="none of 1 queries has a match"):
        eval_regdb(np.zeros((1, 1)), np.array([1]), np.array([2]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"distmat": np.full((1, 2), np.nan)}, "only finite distances"),
        ({"distmat": np.zeros(2)}, "distances must be numbers"),
        ({"q_pids": np.array([1, 2])}, "do not fit 1 queries"),
        ({"g_pids": np.array([1.5, 2])}, "must be whole numbers, but 1.5"),
        ({"g_pids": np.array(["a", "b"])}, "must be a vector of whole numbers"),
        ({"max_rank": 0}, "max_rank is 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(changed: dict[str, object], message: str) -> None:
    call = {"distmat": np.zeros((1, 2)), "q_pids": np.array([1]), "g_pids": np.array([1, 2])}
    with pytest.raises((DataError, ValueError), match=message):
        eval_regdb(**{**call, **changed})  # type: ignore[arg-type]


def test_no_argument_is_changed() -> None:
    search = make_search(5)
    before = [array.copy() for array in search]
    for array in search:
        array.setflags(write=False)
    eval_sysu(*search)
    eval_llcm(*search)
    assert all(np.array_equal(*pair) for pair in zip(before, search, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_tensors_are_taken_as_arrays_are(dtype: torch.dtype) -> None:
    search = make_search(6)
    distances = torch.from_numpy(search[0]).to(dtype).requires_grad_()
    as_array = distances.detach().float().double().numpy() if dtype != torch.float64 else search[0]
    theirs = eval_sysu(as_array, *search[1:])
    ours = eval_sysu(distances, *map(torch.from_numpy, search[1:]))
    assert_same(ours, theirs)


def test_the_import_loads_neither_torch_nor_the_compiler() -> None:
    code = "import sys, bench_core.dropin; print({'torch', 'numba', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_scoring_loads_no_torch() -> None:
    code = (
        "import sys\nfrom bench_core.dropin import eval_regdb\n"
        "eval_regdb([[0.1, 0.2]], [1], [1, 2])\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
