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
