"""Errors for the user's eyes: how they exit, and how they suggest the right name."""

from __future__ import annotations

import pytest

from bench_core.contracts.errors import (
    BenchError,
    CheckpointError,
    DataError,
    PluginError,
    TrainingError,
    UsageError,
    unknown_name,
)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (BenchError, 1),
        (DataError, 1),
        (CheckpointError, 1),
        (TrainingError, 1),
        (PluginError, 1),
        (UsageError, 2),
    ],
)
def test_wrong_usage_exits_with_2_and_all_else_with_1(
    kind: type[BenchError], exit_code: int
) -> None:
    error = kind("what is wrong")
    assert isinstance(error, BenchError)
    assert (error.exit_code, str(error)) == (exit_code, "what is wrong")


def test_an_unknown_name_is_wrong_usage() -> None:
    assert isinstance(unknown_name("method", "xvi", ["xiv"]), UsageError)


def test_the_nearest_name_is_suggested_and_all_are_listed_sorted() -> None:
    message = str(unknown_name("method", "aligngam", ["xiv", "aligngan", "jsia"]))
    assert message == (
        "unknown method 'aligngam'; did you mean 'aligngan'? (known: aligngan, jsia, xiv)"
    )


def test_many_names_are_not_listed_beside_a_suggestion() -> None:
    many = [f"key-{letter}" for letter in "abcdefghijklmnop"]
    assert str(unknown_name("key", "kez-a", many)) == "unknown key 'kez-a'; did you mean 'key-a'?"
    assert str(unknown_name("key", "zzz", many)).endswith("key-o, key-p)")


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert str(unknown_name("method", "zzz", ["xiv"])) == "unknown method 'zzz' (known: xiv)"


def test_there_may_be_no_name_at_all() -> None:
    assert str(unknown_name("method", "xiv", [])) == "unknown method 'xiv' (known: none)"
