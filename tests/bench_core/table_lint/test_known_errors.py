"""Errors that stand in published tables, rebuilt as small tables: each is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench_core.table_lint.lint import LintReport

Lint = Callable[..., LintReport]
REGDB = "| Method | V2T R1 | V2T mAP | T2V R1 | T2V mAP |\n|-|-|-|-|-|\n"
SYSU = "SYSU-MM01, all-search single-shot\n\n| Method | R1 | R10 | R20 | mAP |\n|-|-|-|-|-|\n"


def kinds(report: LintReport) -> dict[str, str]:
    """The kinds of the findings, by the number that they are of."""
    return {finding.printed: finding.kind for finding in report.findings}


def test_the_mean_precision_of_another_method_in_the_row_of_zero_padding(lint: Lint) -> None:
    report = lint(REGDB + "| Zero-Padding | 17.8 | 31.9 | 16.7 | 17.9 |\n")
    (finding,) = report.findings
    assert (finding.line, finding.column, finding.printed) == (3, 3, "31.9")
    assert finding.expected == ("18.90 (XIV, Table 1)",)
    assert "equals the mAP of BDTR" in finding.text


@pytest.mark.parametrize(
    ("name", "rank_1", "mean_ap", "right"),
    [
        ("Zero-Padding", "17.75", "18.90", "16.7"),
        ("BDTR", "33.47", "31.83", "32.8"),
        ("D-HSME", "50.85", "47.00", "50.2"),
        ("AlignGAN", "57.90", "53.60", "56.3"),
    ],
)
def test_numbers_of_the_other_direction(
    lint: Lint, name: str, rank_1: str, mean_ap: str, right: str
) -> None:
    table = "| Method | RegDB thermal to visible R1 | mAP RegDB T2V |\n|-|-|-|\n"
    report = lint(f"{table}| {name} | {rank_1} | {mean_ap} |\n")
    assert kinds(report) == {rank_1: "direction", mean_ap: "direction"}
    assert report.findings[0].expected[0].startswith(right)
    same = table.replace("thermal to visible", "visible to thermal").replace("T2V", "V2T")
    assert lint(f"{same}| {name} | {rank_1} | {mean_ap} |\n").findings == ()


def test_directions_mixed_in_a_column_that_states_none(lint: Lint) -> None:
    table = "| Method | RegDB R1 | RegDB mAP |\n|-|-|-|\n| AlignGAN | 57.9 | 53.6 |\n"
    table += "| D-HSME | 50.9 | 47.0 |\n| BDTR | 32.8 | 31.2 |\n"
    report = lint(table)
    assert {finding.row for finding in report.findings} == {"BDTR"}
    assert set(kinds(report).values()) == {"direction"}
    assert "regdb-thermal-to-visible" in report.findings[0].text


def test_the_row_called_tone_that_is_hcml(lint: Lint) -> None:
    report = lint(REGDB + "| TONE | 24.4 | 20.1 | 21.7 | 22.3 |\n")
    assert set(kinds(report).values()) == {"method"}
    assert len(report.findings) == 4
    assert "most likely HCML" in report.findings[0].text
    assert lint(REGDB + "| HCML | 24.4 | 20.1 | 21.7 | 22.3 |\n").findings == ()


def test_a_rank_10_that_differs_from_the_paper_of_the_method(lint: Lint) -> None:
    report = lint(SYSU + "| Zero-Padding | 14.8 | 52.2 | 71.4 | 16.0 |\n")
    assert kinds(report) == {"52.2": "disputed"}
    assert lint(SYSU + "| Zero-Padding | 14.80 | 54.12 | 71.33 | 15.95 |\n").findings == ()


def test_numbers_of_a_table_that_states_no_search(lint: Lint) -> None:
    report = lint(SYSU + "| cmGAN | 27.9 | 67.5 | 80.6 | 24.5 |\n")
    assert kinds(report) == {"27.9": "setting", "24.5": "setting"}
    assert "IR to RGB, search mode and shots not stated (AlignGAN, Table 1)" in (
        report.findings[0].text
    )


def test_the_same_pair_in_both_directions(lint: Lint) -> None:
    report = lint(REGDB + "| D2RL | 43.4 | 44.1 | 43.4 | 44.1 |\n")
    assert [finding.column for finding in report.findings] == [4, 5]
    assert set(kinds(report).values()) == {"copied"}


def test_a_row_of_another_method_on_a_public_leaderboard(lint: Lint) -> None:
    report = lint("| Method | V2T R1 | V2T mAP |\n|-|-|-|\n| BCTR | 12.43 | 13.42 |\n")
    assert set(kinds(report).values()) == {"method"}
    assert "row of Two-Stream" in report.findings[0].text


def test_a_number_of_the_text_that_the_table_has_otherwise(lint: Lint) -> None:
    report = lint(SYSU + "| ts-gan:od-single-ts | 44.5 | 80.3 | 88.2 | 44.1 |\n")
    assert list(kinds(report)) == ["44.5"]
    assert report.findings[0].expected == ("44.2 (TS-GAN, Table II)",)


def test_re_ranked_numbers_under_a_plain_name(lint: Lint) -> None:
    report = lint(SYSU + "| TS-GAN | 58.3 | 87.8 | 94.1 | 55.1 |\n")
    assert set(kinds(report).values()) == {"re-ranked"}
    assert lint(SYSU + "| TS-GAN + re-ranking | 58.3 | 87.8 | 94.1 | 55.1 |\n").findings == ()


def test_two_tables_of_a_paper_that_disagree_are_a_note_and_no_error(lint: Lint) -> None:
    for row in ("43.4 | 81.3 | 90.5 | 38.0", "43.2 | 83.5 | 91.1 | 39.9"):
        report = lint(SYSU + f"| JSIA | {row} |\n")
        assert report.findings == ()
        assert "The full model has 43.4 / 38.0 in Table 1" in report.notes[0]


def test_numbers_that_were_rounded_up_are_right_where_a_source_prints_them(lint: Lint) -> None:
    assert lint(SYSU + "| One-Stream | 12.1 | 49.7 | 66.8 | 13.7 |\n").findings == ()
    assert lint(SYSU + "| One-Stream | 12.04 | 49.68 | 66.74 | 13.67 |\n").findings == ()
    report = lint(SYSU + "| One-Stream | 12.2 | 49.7 | 66.8 | 13.7 |\n")
    assert kinds(report) == {"12.2": "rounding"}


PAPER = r"""
\begin{table*}
\caption{Comparison on SYSU-MM01 and RegDB. Rank-$r$ (\%) and mAP (\%) are reported.}
\begin{tabular}{c|c|cccc|cc|cc}
\hline
\multirow{3}{*}{Methods} & \multirow{3}{*}{Venue} & \multicolumn{4}{c|}{SYSU-MM01}
  & \multicolumn{4}{c}{RegDB} \\ \cline{3-10}
& & \multicolumn{4}{c|}{All Search} & \multicolumn{2}{c|}{Visible to Infrared}
  & \multicolumn{2}{c}{Infrared to Visible} \\ \cline{3-10}
& & $r=1$ & $r=10$ & $r=20$ & mAP & $r=1$ & mAP & $r=1$ & mAP\\ \hline
Zero-Pad \cite{wu} & ICCV-17 & 14.80 & 54.12 & 71.33 & 15.95 & 17.75 & 18.90 & 16.63 & 17.82 \\
HCML \cite{ye} & AAAI-18 & 14.32 & 53.16 & 69.17 & 16.16 & 24.44 & 20.08 & 21.70 & 22.24 \\
HSME & AAAI-19 & 20.68 & 32.74 & 77.95 & 23.12 & 50.85 & 47.00 & 50.15 & 46.16 \\
X-Modal & AAAI-20 & 49.92 & 89.79 & 95.96 & 50.73 & 62.21 & 60.18 & - & -\\
\textbf{Ours} & - & \textbf{77.0} & 97.1 & 99.0 & 74.4 & 90.1 & 88.0 & 90.0 & 87.1 \\
\end{tabular}
\end{table*}
"""


def test_a_table_as_later_papers_print_it(lint: Lint) -> None:
    """With more digits than the registry has, which is no error; D-HSME is called HSME in it."""
    report = lint(PAPER, ".tex")
    assert {finding.row for finding in report.findings} == {"HSME"}
    assert "of d-hsme" in report.findings[0].text
    (typo,) = [finding for finding in report.findings if finding.printed == "32.74"]
    assert typo.expected[0].startswith("62.8 (AlignGAN, Table 2")
    assert report.unknown_methods == ("Ours",)
