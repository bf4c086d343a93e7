"""What a finding says, and what is no finding."""

from __future__ import annotations

from collections.abc import Callable

from bench_core.table_lint.lint import LintReport

Lint = Callable[..., LintReport]
HEAD = "| Method | SYSU All R1 | SYSU All mAP | SYSU All mINP |\n|-|-|-|-|\n"


def test_a_table_that_agrees_has_no_finding(lint: Lint) -> None:
    report = lint(HEAD + "| AGW | 47.50 | 47.65 | 35.30 |\n| DDAG | 54.8 | 53.0 | 39.6 |\n")
    assert report.findings == ()
    assert report.num_agreeing == 6
    assert report.methods == ("agw", "ddag")


def test_inverse_precision_printed_for_precision(lint: Lint) -> None:
    (finding,) = lint(HEAD + "| AGW | 47.50 | 35.30 | - |\n").findings
    assert (finding.kind, finding.column) == ("metric", 3)
    assert finding.text == "this is the mINP (AGW repository, README)"
    assert finding.expected == ("47.65 (AGW repository, README)",)
    assert finding.heading == "mAP on sysu-all-single"


def test_another_methods_row(lint: Lint) -> None:
    report = lint(HEAD + "| AGW | 54.75 | 53.02 | 39.62 |\n")
    assert {finding.kind for finding in report.findings} == {"method"}
    assert "of ddag" in report.findings[0].text


def test_a_protocol_for_which_the_registry_has_nothing_is_still_recognised(lint: Lint) -> None:
    table = "| Method | Indoor R1 | Indoor mAP |\n|-|-|-|\n"
    report = lint(table + "| XIV | 49.92 | 50.73 |\n")
    assert {finding.kind for finding in report.findings} == {"protocol"}
    assert "of sysu-all-single" in report.findings[0].text
    assert report.findings[0].expected == ()
    assert lint(table + "| XIV | 61.3 | 62.7 |\n").num_unknown == 2


def test_unknown_rows_and_columns_are_told_and_no_finding(lint: Lint) -> None:
    table = "| Method | Params (M) | SYSU All R1 | Market R1 |\n|-|-|-|-|\n"
    report = lint(table + "| AGW | 23.5 | 47.5 | 95.1 |\n| NewNet | 1.0 | 80.0 | 90.0 |\n")
    assert report.unknown_methods == ("NewNet",)
    assert report.unknown_columns == ("Params (M)", "Market R1")
    assert report.findings == ()


def test_a_rank_above_a_later_one_is_found_in_rows_that_nobody_knows(lint: Lint) -> None:
    table = "| Method | All R1 | All R10 | All R20 |\n|-|-|-|-|\n"
    (finding,) = lint(table + "| NewNet | 60.0 | 95.0 | 59.0 |\n").findings
    assert (finding.kind, finding.column) == ("rank-order", 3)
    assert finding.text == "above rank-20, which is 59.0"


def test_unchecked_numbers_accuse_nobody(lint: Lint) -> None:
    report = lint("| Method | All R10 | All mAP |\n|-|-|-|\n| MPANet | 90.00 | 60.00 |\n")
    assert report.findings == ()
    assert report.num_unknown == 2
    assert lint("| Method | All R10 |\n|-|-|\n| MPANet | 96.10 |\n").num_agreeing == 1


def test_a_rerun_of_an_author_is_told_as_such(lint: Lint) -> None:
    report = lint("| Method | All R1 | All mAP |\n|-|-|-|\n| MPANet | 68.78 | 65.96 |\n")
    assert {finding.kind for finding in report.findings} == {"run"}


def test_a_model_chosen_on_the_test_data_is_a_note(lint: Lint) -> None:
    report = lint(HEAD + "| AGW | 47.50 | 47.65 | 35.30 |\n")
    assert report.notes == ("AGW: the model was chosen on the test data (AGW repository, README)",)


def test_synthetic_tables_and_rows_are_not_compared(lint: Lint) -> None:
    report = lint("## Synthetic SYSU-MM01\n\n" + HEAD + "| AGW | 12.0 | 12.0 | 12.0 |\n")
    assert (report.findings, report.num_rendered, report.methods) == ((), 1, ())
    rows = "method,synthetic,protocol,rank-1\nagw,True,sysu-all-single,0.12\n"
    assert lint(rows, ".csv").num_rendered == 1
    assert len(lint(rows.replace("True", "False"), ".csv").findings) == 1


def test_fractions_are_read_as_percent(lint: Lint) -> None:
    rows = "method,protocol,rank-1,mAP\nagw,sysu-all-single,0.4750,0.4765\n"
    assert lint(rows, ".csv").num_agreeing == 2


def test_two_numbers_in_a_cell_are_each_looked_up(lint: Lint) -> None:
    table = "| Method | All R1/mAP |\n|-|-|\n| AGW | 47.50/50.00 |\n"
    report = lint(table)
    assert report.num_agreeing == 1
    assert [finding.printed for finding in report.findings] == ["50.00"]


def test_the_same_numbers_under_both_directions_are_a_copy_in_any_row(lint: Lint) -> None:
    table = "| Method | V2T R1 | V2T mAP | T2V R1 | T2V mAP |\n|-|-|-|-|-|\n"
    report = lint(table + "| New | 80.1 | 70.2 | 80.1 | 70.2 |\n")
    assert [(finding.kind, finding.column) for finding in report.findings] == [
        ("copied", 4),
        ("copied", 5),
    ]
    assert lint(table + "| New | 80.1 | 70.2 | 80.1 | 70.3 |\n").findings == ()
    assert lint(table + "| New | 80.1 | - | 80.1 | - |\n").findings == ()


def test_equal_numbers_of_two_searches_or_datasets_are_no_copy(lint: Lint) -> None:
    searches = "| Method | All R1 | All mAP | Indoor R1 | Indoor mAP |\n|-|-|-|-|-|\n"
    assert lint(searches + "| New | 80.1 | 70.2 | 80.1 | 70.2 |\n").findings == ()
    datasets = searches.replace("All", "RegDB V2T").replace("Indoor", "LLCM V2I")
    assert lint(datasets + "| New | 80.1 | 70.2 | 80.1 | 70.2 |\n").findings == ()


def test_what_it_should_be_is_told_once_for_sources_with_other_digits(lint: Lint) -> None:
    (finding,) = lint("| Method | All R1 |\n|-|-|\n| AlignGAN | 61.1 |\n").findings
    assert finding.expected == (
        "42.40 (AlignGAN, Table 2; AlignGAN, Table 4; TS-GAN, Table I; XIV, Table 1; XIV, Table 3)",
    )


def test_a_wrong_number_is_not_accused_of_its_order_too(lint: Lint) -> None:
    table = "| Method | All R1 | All R10 |\n|-|-|-|\n"
    report = lint(table + "| AlignGAN | 42.4 | 8.50 |\n")
    assert [(finding.kind, finding.column) for finding in report.findings] == [("digits", 3)]


def test_the_odd_number_of_a_row_that_is_of_another_place(lint: Lint) -> None:
    table = "| Method | Indoor R1 | Indoor R10 | Indoor mAP |\n|-|-|-|-|\n"
    report = lint(table + "| XIV | 49.92 | 80.00 | 50.73 |\n")
    odd = report.findings[1]
    assert (odd.kind, odd.expected) == ("mismatch", ("89.79 (XIV, Table 1; XIV, Table 4)",))
    assert odd.text == "others of the row are of that place, and this one is not"
    alone = lint(table + "| XIV | 49.92 | 80.00 | 1.25 |\n")
    assert alone.findings == ()
