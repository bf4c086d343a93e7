"""The training identity: same description, same identity; any change, another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench_core import CheckpointError
from bench_core.training.identity import TrainingDescription

PINNED = "14b7e396a7730610388064108f453ba2eb5d4a5042c2392fb15930893db24125"


def test_the_identity_survives_writing_and_reading(description: TrainingDescription) -> None:
    copy = TrainingDescription.from_document(description.document())
    assert copy.identity == description.identity


@pytest.mark.parametrize(
    "change",
    [
        {"method": "other"},
        {"variant": "baseline"},
        {"config": {"image_height": 32}},
        {"dataset": "other"},
        {"fingerprint": "1" * 64},
        {"split": "trial-1"},
        {"seed": 8},
        {"weights": "imagenet"},
        {"images": "3" * 64},
        {"precision": "bfloat16"},
        {"code": "4" * 64},
        {"num_identities": 6},
        {"validation": "5" * 64},
        {"threads": 2},
        {"threads": None},
    ],
)
def test_any_change_gives_another_identity(
    change: dict[str, Any], description: TrainingDescription
) -> None:
    assert replace(description, **change).identity != description.identity


def test_the_identity_of_a_description_never_changes(
    description: TrainingDescription,
) -> None:
    """Committed results name trainings by it."""
    assert description.selection == "last"
    assert description.identity == PINNED


def test_the_validation_people_are_part_of_the_identity(description: TrainingDescription) -> None:
    first, second = (replace(description, validation=digest * 64) for digest in "56")
    assert first.selection == "validation"
    assert first.identity != second.identity
    assert TrainingDescription.from_document(first.document()) == first


def test_a_description_with_other_fields_is_refused(description: TrainingDescription) -> None:
    with pytest.raises(CheckpointError, match="extra"):
        TrainingDescription.from_document({**description.document(), "extra": 1})
