"""Only comparable rows share a table, the best on top, in an order that nothing leaves open."""

from collections.abc import Callable
from itertools import permutations

import pytest

from bench_core.contracts.result import ResultRecord
from bench_core.leaderboard.rows import ROW_COLUMNS, Row, row_values, sections

MakeRecord = Callable[..., ResultRecord]


def always(first: ResultRecord, second: ResultRecord) -> bool:
    """Tell any two rows apart."""
    return True


def test_rows_are_sorted_by_rank_1_then_map_then_method(make_record: MakeRecord) -> None:
    records = [
        make_record(0.3, 0.4, method__id="b"),
        make_record(0.5, 0.1, method__id="c"),
        make_record(0.3, 0.4, method__id="a"),
        make_record(0.3, 0.5, method__id="d"),
    ]
    (section,) = sections(records, always)
    assert [row.record.method.id for row in section.rows] == ["c", "d", "a", "b"]


def test_equal_rows_share_a_rank(make_record: MakeRecord) -> None:
    records = [
        make_record(score, score, method__seed=seed)
        for seed, score in enumerate((0.2, 0.4, 0.4, 0.1))
    ]
    (section,) = sections(records, always)
    assert [row.rank for row in section.rows] == [1, 1, 3, 4]


def test_rows_that_cannot_be_told_apart_from_the_first_of_a_rank_share_it(
    make_record: MakeRecord,
) -> None:
    def near(first: ResultRecord, second: ResultRecord) -> bool:
        return first.scores.mean.rank_1 - second.scores.mean.rank_1 > 0.1

    scores = (0.5, 0.45, 0.41, 0.36, 0.3, 0.1)
    records = [make_record(score, method__seed=seed) for seed, score in enumerate(scores)]
    (section,) = sections(records, near)
    assert [row.rank for row in section.rows] == [1, 1, 1, 4, 4, 6]


def test_ranks_are_decided_within_a_section_and_a_kind(make_record: MakeRecord) -> None:
    asked: list[tuple[ResultRecord, ResultRecord]] = []

    def ask(first: ResultRecord, second: ResultRecord) -> bool:
        asked.append((first, second))
        return False

    records = [
        make_record(0.2 + 0.1 * seed, method__seed=seed, protocol__rerank=rerank, protocol__id=id_)
        for seed in range(3)
        for rerank in (True, False)
        for id_ in ("a", "b")
    ]
    for section in sections(records, ask):
        assert [row.rank for row in section.rows] == [1] * 6
    assert len(asked) == 2 * 2 * 2
    for first, second in asked:
        assert first.protocol == second.protocol
        assert first.scores.mean.rank_1 > second.scores.mean.rank_1


def test_re_ranked_rows_are_counted_apart_and_stand_last(make_record: MakeRecord) -> None:
    records = [
        make_record(0.9, protocol__rerank=True),
        make_record(0.2),
        make_record(0.8, protocol__rerank=True, method__seed=1),
        make_record(0.3, method__seed=1),
    ]
    (section,) = sections(records, always)
    assert [(row.rerank, row.rank) for row in section.rows] == [
        (False, 1),
        (False, 2),
        (True, 1),
        (True, 2),
    ]


def test_columns_name_the_re_ranker_with_its_settings(make_record: MakeRecord) -> None:
    aim = {"id": "aim", "config": {"k1": 4, "k2": 1}}
    records = [
        make_record(0.9),
        make_record(0.8, protocol__rerank=True),
        make_record(0.7, protocol__rerank=True, protocol__reranker=aim),
    ]
    (section,) = sections(records, always)
    assert [row.record.label for row in section.rows] == [
        "xiv",
        "xiv + re-ranking",
        "xiv + aim re-ranking",
    ]
    values = [row_values(row) for row in section.rows]
    assert [(row["reranker"], row["reranker_settings"]) for row in values] == [
        (None, []),
        ("k-reciprocal", ["k1=20", "k2=6", "lambda_value=0.3"]),
        ("aim", ["k1=4", "k2=1"]),
    ]


@pytest.mark.parametrize(
    "difference",
    [
        {"protocol__id": "sysu-indoor-single"},
        {"protocol__convention": "agw"},
        {"protocol__splits": "0" * 64},
        {"dataset__id": "other"},
        {"dataset__fingerprint": "0" * 64},
        {"dataset__synthetic": True},
        {"origin": "given"},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_rows_that_cannot_be_compared_share_no_table(
    make_record: MakeRecord, difference: dict[str, object]
) -> None:
    assert len(sections([make_record(), make_record(**difference)], always)) == 2


def test_real_sections_come_first_then_protocol_then_convention(make_record: MakeRecord) -> None:
    records = [
        make_record(dataset__synthetic=True, protocol__id="a"),
        make_record(protocol__id="b", protocol__convention="official"),
        make_record(protocol__id="b", protocol__convention="agw"),
        make_record(protocol__id="a"),
    ]
    keys = [section.key for section in sections(records, always)]
    assert [(key.synthetic, key.protocol, key.convention) for key in keys] == [
        (False, "a", "official"),
        (False, "b", "agw"),
        (False, "b", "official"),
        (True, "a", "official"),
    ]


def test_a_section_knows_whether_others_hold_the_same_protocol_on_other_data(
    make_record: MakeRecord,
) -> None:
    records = [
        make_record(),
        make_record(dataset__fingerprint="0" * 64),
        make_record(protocol__convention="agw"),
    ]
    same = {
        (section.key.convention, section.key.fingerprint[0]): section.same_data
        for section in sections(records, always)
    }
    assert same == {("official", "a"): False, ("official", "0"): False, ("agw", "a"): True}


def test_rows_that_differ_in_nothing_but_their_date_have_one_order(
    make_record: MakeRecord,
) -> None:
    records = [make_record(provenance__created=f"2025-03-0{day}T00:00:00Z") for day in (1, 2, 3)]
    orders = [sections(order, always) for order in permutations(records)]
    assert all(order == orders[0] for order in orders)


def test_a_row_has_the_documented_columns_in_their_order(make_record: MakeRecord) -> None:
    assert tuple(row_values(Row(1, make_record()))) == ROW_COLUMNS


def test_a_row_keeps_fractions_unrounded(make_record: MakeRecord) -> None:
    values = row_values(Row(1, make_record(1 / 3, 2 / 3)))
    assert (values["rank-1"], values["mAP"], values["rank-1-std"]) == (1 / 3, 2 / 3, 0.0)
    assert (values["mAP-low"], values["mAP-high"]) == (1 / 3, 2 / 3)
