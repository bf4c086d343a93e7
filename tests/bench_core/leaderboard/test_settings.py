"""Settings are said once for a table, and no two of its rows look alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.settings import (
    changes_of,
    reranker_settings,
    settings_of,
    telling_words,
)

MakeRecord = Callable[..., ResultRecord]
CONFIG = {"epochs": 3, "optimizer": {"betas": [0.9, 0.999]}, "backbone": "small"}


def changed(make_record: MakeRecord, *keys: str, **config: object) -> ResultRecord:
    return make_record(method__overrides=list(keys), method__config={**CONFIG, **config})


def test_changes_are_shown_by_their_values(make_record: MakeRecord) -> None:
    record = changed(make_record, "epochs", "optimizer.betas", "backbone")
    assert changes_of(record) == ("epochs=3", "optimizer.betas=[0.9, 0.999]", "backbone=small")


def test_a_change_that_the_configuration_lacks_stands_alone(make_record: MakeRecord) -> None:
    assert changes_of(changed(make_record, "epochs.more", "nothing")) == ("epochs.more", "nothing")


def test_long_values_are_cut_and_still_told_apart(make_record: MakeRecord) -> None:
    records = [
        changed(make_record, "backbone", backbone="x" * 100 + end) for end in ("first", "second")
    ]
    (first,), (second,) = map(changes_of, records)
    assert first != second
    assert len(first) < 70


def test_rows_that_differ_in_a_changed_value_say_it(make_record: MakeRecord) -> None:
    records = [changed(make_record, "epochs", epochs=epochs) for epochs in (3, 5)]
    settings = settings_of([*records, make_record()])
    assert settings.own == (("epochs=3",), ("epochs=5",), ())
    assert settings.sentence() == (
        "Rows, unless they say otherwise: preset paper, seed 0, weights imagenet, extracted in "
        "bfloat16."
    )


def test_a_row_says_only_what_is_unusual(make_record: MakeRecord) -> None:
    records = [make_record(method__seed=seed) for seed in (1, 0, 1)]
    settings = settings_of(records)
    assert "seed 1" in settings.usual
    assert settings.own[1] == ("seed 0",)
    assert telling_words(records)[1] == ("seed 0",)


def test_number_formats_of_training_and_extraction_are_shown(make_record: MakeRecord) -> None:
    records = [
        make_record(provenance__training_format=kind, cost__precision="float32")
        for kind in ("bfloat16", "tf32", "bfloat16")
    ]
    settings = settings_of(records)
    assert settings.usual[-2:] == ("trained in bfloat16", "extracted in float32")
    assert settings.own[1] == ("trained in tf32",)


def test_a_weights_file_is_shown_by_the_start_of_its_hash(make_record: MakeRecord) -> None:
    record = make_record(provenance__weights="sha256:" + "0123456789abcdef" * 4)
    assert "weights 01234567" in settings_of([record]).usual


@pytest.mark.parametrize("words_of", [lambda records: settings_of(records).own, telling_words])
def test_rows_that_words_do_not_tell_apart_name_their_files(
    make_record: MakeRecord, words_of: Callable[..., list[tuple[str, ...]]]
) -> None:
    records = [make_record(method__config={"epochs": epochs}) for epochs in (3, 5)]
    (first,), (second,) = words_of(records)
    assert first.startswith("record ")
    assert first != second


def reranked(make_record: MakeRecord, name: str, *overrides: str, **config: object) -> ResultRecord:
    used = {"id": name, "config": config, "overrides": list(overrides)}
    return make_record(protocol__rerank=True, protocol__reranker=used)


def test_settings_of_a_re_ranker_are_shown_where_they_were_changed(
    make_record: MakeRecord,
) -> None:
    records = [
        make_record(),
        reranked(make_record, "aim", k1=4),
        reranked(make_record, "aim", "k1", k1=9),
        reranked(make_record, "aim", "k1", "to.x", k1="<b>", to={"x": 1}),
    ]
    assert settings_of(records).own == (
        (),
        (),
        ("re-ranked with k1=9",),
        ("re-ranked with k1=<b>, to.x=1",),
    )
    assert reranker_settings(records[3]) == ("k1=<b>", 'to={"x": 1}')
    assert reranker_settings(records[0]) == ()


def test_rows_of_one_re_ranker_with_other_defaults_do_not_look_alike(
    make_record: MakeRecord,
) -> None:
    first, second = settings_of([reranked(make_record, "aim", k1=k1) for k1 in (4, 5)]).own
    assert first != second
