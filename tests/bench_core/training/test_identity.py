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


def marked(description: TrainingDescription, **changes: Any) -> TrainingDescription:
    config = {"image_height": 16, "embedding": "pooled", **changes.pop("config", {})}
    return replace(description, config=config, after_training=("embedding",), **changes)


def test_what_only_matters_after_the_training_is_no_part_of_the_identity(
    description: TrainingDescription,
) -> None:
    plain, other = (marked(description, config={"embedding": name}) for name in ("pooled", "neck"))
    assert plain.identity == other.identity == description.identity
    assert other.document()["config"]["embedding"] == "neck"
    assert TrainingDescription.from_document(other.document()) == other
    assert marked(description, config={"image_height": 32}).identity != plain.identity


def test_where_features_choose_the_epoch_they_are_part_of_the_identity(
    description: TrainingDescription,
) -> None:
    plain, other = (
        marked(description, config={"embedding": name}, validation="5" * 64)
        for name in ("pooled", "neck")
    )
    assert plain.identity != other.identity


def test_a_description_of_before_there_were_such_keys_is_read(
    description: TrainingDescription,
) -> None:
    document = description.document()
    del document["after_training"]
    assert TrainingDescription.from_document(document).identity == PINNED


def test_a_description_with_other_fields_is_refused(description: TrainingDescription) -> None:
    with pytest.raises(CheckpointError, match="extra"):
        TrainingDescription.from_document({**description.document(), "extra": 1})
