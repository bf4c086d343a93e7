"""What LaTeX writes around the cells of a table."""

from __future__ import annotations

import pytest

from bench_core.table_lint.latex import latex_tables, plain_latex

TABLE = r"""
% \begin{tabular}{ll} a & b \end{tabular}
\begin{table*}[t]
\caption[short]{Results on \textbf{SYSU-MM01} \cite{a}}
\begin{tabular}{l|*{2}{c}@{\hspace{2pt}}}
\toprule
\multirow{2}{*}{Method} & \multicolumn{2}{c|}{All Search} \\
\cmidrule(lr){2-3}
 & R1 & mAP \\ \midrule
A~\cite{x,y} & \textbf{40.1} & 38.3$_{\pm0.2}$ \\[2pt]
\rowcolor{gray} B \& C & 50.2\% & % a comment & with \\ marks
 \makecell{48.0 \\ (best)} \tabularnewline
\bottomrule
\end{tabular}
\end{table*}
"""


def test_cells_spans_and_captions_are_read() -> None:
    (grid,) = latex_tables(TABLE)
    assert grid.caption == "Results on SYSU-MM01"
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["Method", "All Search", "All Search"],
        ["Method", "R1", "mAP"],
        ["A", "40.1", "38.3"],
        ["B & C", "50.2%", "48.0 (best)"],
    ]


def test_cells_know_their_lines() -> None:
    (grid,) = latex_tables(TABLE)
    assert [row[0].line for row in grid.rows] == [7, 7, 10, 11]
    assert [cell.line for cell in grid.rows[3]] == [11, 11, 12]
    assert [cell.column for cell in grid.rows[2]] == [1, 2, 3]


def test_each_table_of_a_paper_has_its_own_caption() -> None:
    text = "".join(
        r"\begin{table}\begin{tabular}{cc} a & b \end{tabular}\caption{" + name + r"}\end{table}"
        for name in ("SYSU", "RegDB")
    )
    assert [grid.caption for grid in latex_tables(text)] == ["SYSU", "RegDB"]


def test_rows_without_their_environment_are_a_table() -> None:
    (grid,) = latex_tables("Method & R1 \\\\\n A & 40.1 \\\\\n")
    assert [[cell.text for cell in row] for row in grid.rows] == [["Method", "R1"], ["A", "40.1"]]


def test_text_without_a_table_holds_none() -> None:
    assert latex_tables(r"\section{No table} at all") == []


@pytest.mark.parametrize(
    "text",
    [r"\begin{tabular}{ll} a & b", r"\begin{tabular", r"\begin{tabular}{l{ a & b \\", "&\\\\"],
)
def test_what_is_cut_off_does_no_harm(text: str) -> None:
    assert len(latex_tables(text)) <= 1


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"D$^{2}$RL", "D2RL"),
        (r"$\mathbf{49.92}^{\dagger}$", "49.92"),
        (r"\textbf{49.92}$^1$", "49.92"),
        (r"\textcolor{red}{49.92}", "49.92"),
        (r"\underline{49.92}\footnote{best}", "49.92"),
        (r"Visible $\rightarrow$ Thermal", "Visible to Thermal"),
        (r"$r\!=\!1$", "r=1"),
        (r"{\bf AGW}~\citep[see][]{ye}", "AGW"),
    ],
)
def test_markup_is_left_out(latex: str, shown: str) -> None:
    assert plain_latex(latex) == shown
