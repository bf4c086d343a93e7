"""How a batch is shared, and what is noted while it is."""

from __future__ import annotations

import pytest
import torch

from bench_core.modeling.sharing import (
    Call,
    Sharing,
    as_now,
    current_call,
    current_sharing,
    expect_random_state,
    is_random_state_expected,
    random_state,
    set_random_state,
    shared,
    within,
)
from bench_core.profiling.counting import simulated
from bench_core.system.process_group import imagined

PROCESSOR = torch.device("cpu")


def test_shares_are_those_of_all_processes() -> None:
    with imagined(3):
        assert Sharing(parts=2).num_shares == 6
        assert Sharing(parts=2).normalized_shares is None
        assert Sharing(parts=2, statistics="share").normalized_shares == 6
    assert Sharing(parts=2).num_shares == 2


def test_outside_of_a_step_nothing_is_shared() -> None:
    with pytest.raises(ZeroDivisionError), shared(Sharing(parts=2)), within(Call()):
        assert current_sharing() == Sharing(parts=2)
        raise ZeroDivisionError
    assert current_sharing() is None
    assert current_call() is None


def test_what_is_computed_again_belongs_to_the_same_share_and_learns_nothing() -> None:
    with within(Call(place=1, number=2, learned=[])):
        later = as_now()
    with later():
        call = current_call()
        assert call is not None
        assert (call.place, call.number, call.learned) == (1, 2, None)
    assert current_call() is None


def test_random_states_are_the_real_ones_in_a_simulation_too() -> None:
    state = random_state(PROCESSOR)
    with simulated():
        expect_random_state(PROCESSOR)
        set_random_state(state, PROCESSOR)
        assert is_random_state_expected(PROCESSOR)
    torch.rand(1)
    assert not is_random_state_expected(PROCESSOR)
    set_random_state(state, PROCESSOR)
    assert torch.equal(torch.get_rng_state(), state)
