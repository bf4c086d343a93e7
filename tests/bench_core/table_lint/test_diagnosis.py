"""What a number that disagrees is called, and in which words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.table_lint.lint import LintReport

Lint = Callable[..., LintReport]
HEADS = {
    "sysu": "SYSU-MM01 all-search",
    "regdb": "RegDB V2T",
    "llcm": "LLCM I2V",
    "indoor": "SYSU-MM01 indoor",
}


def found(lint: Lint, where: str, name: str, rank_1: str, mean_ap: str) -> list[tuple[str, str]]:
    """Kind and text of the findings on a row of two numbers."""
    head = f"| Method | {HEADS[where]} R1 | {HEADS[where]} mAP |\n|-|-|-|\n"
    report = lint(f"{head}| {name} | {rank_1} | {mean_ap} |\n")
    return [(finding.kind, finding.text) for finding in report.findings]


@pytest.mark.parametrize(
    ("printed", "kind", "text"),
    [
        ("47.51", "rounding", "47.50 is not rounded so"),
        ("47.4", "rounding", "47.50 is not rounded so"),
        ("74.50", "digits", "the digits of 47.50 in another order or place"),
        ("4.75", "digits", "the digits of 47.50 in another order or place"),
        ("57.4", "digits", "the digits of 47.50 in another order or place"),
        ("61.23", "mismatch", "no source of the registry prints this number for it"),
    ],
)
def test_slips_of_a_digit(lint: Lint, printed: str, kind: str, text: str) -> None:
    assert found(lint, "sysu", "AGW", printed, "47.65") == [(kind, text)]


@pytest.mark.parametrize("printed", ["47", "48", "47.5", "47.50"])
def test_a_five_at_the_end_may_be_rounded_either_way(lint: Lint, printed: str) -> None:
    assert found(lint, "sysu", "AGW", printed, "47.65") == []


def test_whole_numbers_are_not_called_badly_rounded(lint: Lint) -> None:
    assert found(lint, "sysu", "AGW", "49", "47.65") == [
        ("mismatch", "no source of the registry prints this number for it")
    ]


def test_numbers_of_another_dataset(lint: Lint) -> None:
    source = "(AGW repository, README)"
    assert (
        found(lint, "llcm", "AGW", "70.05", "66.37")
        == [("dataset", f"this is the number of regdb-visible-to-thermal {source}")] * 2
    )


def test_numbers_of_another_search(lint: Lint) -> None:
    source = "(AGW repository, README)"
    assert (
        found(lint, "sysu", "AGW", "54.17", "62.97")
        == [("protocol", f"this is the number of sysu-indoor-single {source}")] * 2
    )


def test_a_run_that_was_chosen_on_the_test_data_is_called_so(lint: Lint) -> None:
    text = (
        "this is the number of dns:best-epoch, DNS, best epoch of a model chosen on the test data "
        "(DNS repository, training log)"
    )
    assert found(lint, "sysu", "DNS", "76.91", "74.11") == [("run", text)] * 2


def test_an_ablation_is_named_as_its_paper_does(lint: Lint) -> None:
    text = "this is the number of aligngan:pixalign, PixAlign (AlignGAN, Table 4)"
    assert found(lint, "sysu", "AlignGAN", "40.6", "38.7") == [("run", text)] * 2


def test_plain_numbers_under_a_name_that_says_re_ranked(lint: Lint) -> None:
    text = "this is the number without re-ranking (TS-GAN, Table I)"
    assert found(lint, "sysu", "TS-GAN + re-ranking", "49.8", "47.4") == [("re-ranked", text)] * 2


def test_one_number_that_another_method_has_says_nothing_without_its_digits(lint: Lint) -> None:
    """The row of cmGAN has 27.0 and 26.97; with one digit behind the point many have a number."""
    ((kind, _),) = found(lint, "sysu", "AGW", "27.0", "47.65")
    assert kind == "mismatch"
    assert found(lint, "sysu", "AGW", "26.97", "47.65") == [
        ("method", "this is the number of cmgan (AlignGAN, Table 2)")
    ]


def test_a_suspect_number_is_told_of_its_own_metric_alone(lint: Lint) -> None:
    ((kind, text),) = found(lint, "regdb", "Zero-Padding", "17.8", "31.9")
    assert kind == "disputed"
    assert text.endswith("XIV prints 18.90")
    ((kind, _),) = found(lint, "regdb", "Zero-Padding", "31.9", "18.90")
    assert kind != "disputed"


def test_the_explanation_of_most_numbers_is_taken(lint: Lint) -> None:
    """54.3 is AlignGAN's mAP of indoor single-shot; with 45.9 beside it both are of that."""
    head = "| Method | Indoor 10-shot R1 | Indoor 10-shot mAP |\n|-|-|-|\n"
    report = lint(head + "| AlignGAN | 45.9 | 54.3 |\n")
    assert {finding.text for finding in report.findings} == {
        "this is the number of sysu-indoor-single (AlignGAN, Table 2)"
    }
