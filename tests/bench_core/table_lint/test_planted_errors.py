"""Fifty errors planted into correct tables by a seed: how many are found, how many false alarms.

The tables are built of the registry's rows in three syntaxes; nothing of the linter is used to
build them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from random import Random

import pytest

from bench_core.published.registry import Published
from bench_core.published.schema import PublishedRow
from bench_core.table_lint.lint import LintReport

Lint = Callable[..., LintReport]
NUM_ERRORS, NUM_CORRECT = 50, 60
HEADINGS = {
    "sysu-all-single": ("All Search", "All-search single-shot", "SYSU-MM01 (all)"),
    "sysu-indoor-single": ("Indoor Search", "indoor-search single-shot", "SYSU-MM01 (indoor)"),
    "sysu-all-multi": ("All Search Multi-shot", "All-search, multi-shot"),
    "sysu-indoor-multi": ("Indoor Search Multi-shot", "indoor-search, 10-shot"),
    "regdb-visible-to-thermal": ("Visible to Thermal", "RegDB V2T", "visible2thermal"),
    "regdb-thermal-to-visible": ("Thermal to Visible", "RegDB T2V", "thermal2visible"),
    "llcm-infrared-to-visible": ("LLCM IR to VIS", "LLCM I2V"),
    "llcm-visible-to-infrared": ("LLCM VIS to IR", "LLCM V2I"),
}
METRIC_NAMES = {
    "rank-1": ("R1", "Rank-1", "rank 1", "r=1", "R@1"),
    "rank-10": ("R10", "Rank-10", "rank 10", "r=10", "R@10"),
    "rank-20": ("R20", "Rank-20", "rank 20", "r=20", "R@20"),
    "mAP": ("mAP", "mAP (%)"),
    "mINP": ("mINP", "MINP"),
}
GROUPS = (
    ("sysu-all-single", "sysu-indoor-single"),
    ("sysu-all-single", "sysu-all-multi", "sysu-indoor-single", "sysu-indoor-multi"),
    ("regdb-visible-to-thermal", "regdb-thermal-to-visible"),
    ("sysu-all-single", "regdb-visible-to-thermal", "regdb-thermal-to-visible"),
    ("llcm-infrared-to-visible", "llcm-visible-to-infrared"),
)
Column = tuple[str, str]  # protocol, metric


@dataclass(frozen=True)
class Table:
    """Rows of names and numbers under columns; `changed` are (row, column) of planted errors."""

    columns: tuple[Column, ...]
    methods: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    changed: frozenset[tuple[int, int]] = frozenset()
    kinds: tuple[str, ...] = ()

    def with_cells(self, row: int, values: dict[int, str], *kinds: str) -> Table:
        cells = [list(line) for line in self.cells]
        for column, value in values.items():
            cells[row][column] = value
        changed = frozenset((row, column) for column in values)
        return replace(self, cells=tuple(map(tuple, cells)), changed=changed, kinds=kinds)


class Source:
    """The plain, undisputed numbers of the registry."""

    def __init__(self, published: Published) -> None:
        self.published = published
        self.plain: dict[tuple[str, str], list[PublishedRow]] = {}
        self.marked: dict[tuple[str, str], list[PublishedRow]] = {}
        for row in published.rows:
            if row.protocol is None or published.source_by_id[row.source].evidence == "unchecked":
                continue
            other_run = row.reranked or row.variant in ("author-rerun", "best-epoch", "user-rerun")
            if row.variant is None and not row.reranked:
                self.plain.setdefault((row.method_id, row.protocol), []).append(row)
            elif other_run:
                self.marked.setdefault((row.method_id, row.protocol), []).append(row)

    def trusted(self, method: str, column: Column) -> list[str]:
        protocol, metric = column
        return [
            row.values[metric]
            for row in self.plain.get((method, protocol), [])
            if metric in row.values and not any(self.published.disputes(row, metric))
        ]

    def is_right(self, method: str, column: Column, text: str) -> bool:
        """Whether any source prints it there, or with more digits, disputed or not.

        A five at the end may have been rounded either way.
        """
        protocol, metric = column
        return any(
            text
            in (shortened(row.values[metric], text), shortened(row.values[metric], text, down=True))
            for row in self.plain.get((method, protocol), [])
            if metric in row.values
        )


def shortened(printed: str, like: str, *, down: bool = False) -> str:
    digits = min(len(text.partition(".")[2]) for text in (printed, like))
    way = ROUND_HALF_DOWN if down else ROUND_HALF_UP
    return str(Decimal(printed).quantize(Decimal(1).scaleb(-digits), way))


def correct_table(source: Source, random: Random) -> Table:
    protocols = random.choice(GROUPS)
    metrics = random.choice([
        ("rank-1", "mAP"), ("rank-1", "rank-10", "rank-20", "mAP"), ("rank-1", "mAP", "mINP"),
        ("mAP", "rank-1", "rank-20"),
    ])  # fmt: skip
    columns = tuple((protocol, metric) for protocol in protocols for metric in metrics)
    known = sorted({method for method, _ in source.plain})
    with_numbers = [
        method
        for method in known
        if sum(bool(source.trusted(method, column)) for column in columns) >= 2
    ]
    if len(with_numbers) < 3:
        return correct_table(source, random)
    methods = random.sample(with_numbers, min(len(with_numbers), random.randint(3, 9)))
    cells = []
    for method in methods:
        one_decimal = random.random() < 0.3
        line = []
        for column in columns:
            printed = source.trusted(method, column)
            text = printed[0] if printed else "-"
            line.append(shortened(text, "0.0") if one_decimal and printed else text)
        cells.append(tuple(line))
    return Table(columns, tuple(methods), tuple(cells))


def fits(source: Source, table: Table, row: int, values: dict[int, str]) -> bool:
    """Whether every one of the changed cells is an error."""
    method = table.methods[row]
    return bool(values) and not any(
        table.cells[row][column] in ("-", value)
        or source.is_right(method, table.columns[column], value)
        for column, value in values.items()
    )


def another_method(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    other = random.choice([place for place in range(len(table.methods)) if place != row])
    protocol = random.choice(table.columns)[0]
    return {
        place: table.cells[other][place]
        for place, column in enumerate(table.columns)
        if column[0] == protocol and "-" not in (table.cells[other][place], table.cells[row][place])
    }


def swapped_metrics(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    first, second = random.sample(range(len(table.columns)), 2)
    if table.columns[first][0] != table.columns[second][0]:
        return {}
    return {first: table.cells[row][second], second: table.cells[row][first]}


def swapped_protocols(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    protocols = list(dict.fromkeys(protocol for protocol, _ in table.columns))
    here, there = random.sample(protocols, 2)
    place = {column: number for number, column in enumerate(table.columns)}
    changes = {}
    for metric in dict.fromkeys(metric for _, metric in table.columns):
        one, two = place[here, metric], place[there, metric]
        if "-" not in (table.cells[row][one], table.cells[row][two]):
            changes |= {one: table.cells[row][two], two: table.cells[row][one]}
    return changes


def inverse_for_precision(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    for place, (protocol, metric) in enumerate(table.columns):
        inverse = source.trusted(table.methods[row], (protocol, "mINP"))
        if metric == "mAP" and inverse:
            return {place: inverse[0]}
    return {}


def other_run(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    """Numbers of a re-ranked run, of a rerun, or of a model chosen on the test data."""
    for protocol in dict.fromkeys(protocol for protocol, _ in table.columns):
        for marked in source.marked.get((table.methods[row], protocol), []):
            return {
                place: marked.values[metric]
                for place, (of, metric) in enumerate(table.columns)
                if of == protocol and metric in marked.values
            }
    return {}


def last_digit(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    place = random.randrange(len(table.columns))
    text = table.cells[row][place]
    if text == "-":
        return {}
    unit = Decimal(1).scaleb(-len(text.partition(".")[2]))
    return {place: str(Decimal(text) + random.choice((-1, 1)) * unit)}


def exchanged_digits(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    place = random.randrange(len(table.columns))
    whole, _, rest = table.cells[row][place].partition(".")
    return {place: f"{whole[1]}{whole[0]}.{rest}"} if rest and len(whole) == 2 else {}


def falling_rank(source: Source, table: Table, row: int, random: Random) -> dict[int, str]:
    """A rank-1 above the next rank, in a row that nobody knows."""
    place = next((n for n, (_, metric) in enumerate(table.columns) if metric == "rank-1"), 0)
    later = [
        Decimal(table.cells[row][number])
        for number, (protocol, metric) in enumerate(table.columns)
        if metric.startswith("rank") and number != place and protocol == table.columns[place][0]
        and table.cells[row][number] != "-"
    ]  # fmt: skip
    return {place: str(min(Decimal("99.9"), min(later) + 1))} if later else {}


PLANTS: tuple[tuple[Callable[..., dict[int, str]], tuple[str, ...]], ...] = (
    (another_method, ("method",)),
    (swapped_metrics, ("metric",)),
    (swapped_protocols, ("direction", "protocol", "dataset")),
    (inverse_for_precision, ("metric",)),
    (other_run, ("re-ranked", "run")),
    (last_digit, ("rounding",)),
    (exchanged_digits, ("digits",)),
    (falling_rank, ("rank-order",)),
)


def planted(source: Source, random: Random, number: int) -> Table:
    """A table with one error, of the kinds in turn."""
    plant, kinds = PLANTS[number % len(PLANTS)]
    while True:
        table = correct_table(source, random)
        row = random.randrange(len(table.methods))
        values = plant(source, table, row, random)
        if plant is falling_rank and values:
            methods = list(table.methods)
            methods[row] = "Our New Net"
            return replace(table, methods=tuple(methods)).with_cells(row, values, *kinds)
        if fits(source, table, row, values):
            return table.with_cells(row, values, *kinds)


def spelled(source: Source, method: str, random: Random, syntax: str) -> str:
    known = source.published.method_by_id.get(method)
    name = random.choice(known.names) if known else method
    name = random.choice([name, name.upper(), name.replace("-", " "), name])
    if syntax == "latex":
        cite = r"~\cite{a," + method + "}"
        return random.choice([name, rf"\textbf{{{name}}}", name + cite])
    bare = name.replace("$", "").replace("^", "")
    return random.choice([bare, f"{bare} (ICCV'19)", f"{bare} [12]"])


def written(
    source: Source, table: Table, random: Random, syntax: str
) -> tuple[str, dict[int, int]]:
    """The table as text, and the line of each row."""
    headings = {protocol: random.choice(HEADINGS[protocol]) for protocol, _ in table.columns}
    style = {metric: random.choice(names) for metric, names in METRIC_NAMES.items()}
    names = [spelled(source, method, random, syntax) for method in table.methods]
    groups = list(headings)
    width = len(table.columns) // len(groups)
    metrics = [style[metric] for _, metric in table.columns]
    if syntax == "latex":
        metrics = [metric.replace("%", r"\%") for metric in metrics]
    body = [[name, *cells] for name, cells in zip(names, table.cells, strict=True)]
    if syntax == "latex":
        head = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{headings[g]}}}" for g in groups)
        lines = [r"\begin{tabular}{l" + "c" * len(metrics) + "}", r"\toprule",
                 rf"\multirow{{2}}{{*}}{{Method}} & {head} \\", rf"\cmidrule(lr){{2-{width + 1}}}",
                 f" & {' & '.join(metrics)}" + r" \\", r"\midrule"]  # fmt: skip
        first = len(lines) + 1
        lines += [" & ".join(cells) + r" \\" for cells in body] + [r"\end{tabular}"]
    elif syntax == "markdown":
        full = [f"{headings[p]} {m}" for (p, _), m in zip(table.columns, metrics, strict=True)]
        lines = [
            "# Results",
            "",
            f"| Method | {' | '.join(full)} |",
            "|:-" + "|-:" * len(full) + "|",
        ]
        first = len(lines) + 1
        lines += ["| " + " | ".join(cells) + " |" for cells in body]
    else:
        above = [headings[group] if not n else "" for group in groups for n in range(width)]
        lines = [",".join(['"' + h + '"' if "," in h else h for h in ("", *above)])]
        lines.append(",".join(["Method", *metrics]))
        first = len(lines) + 1
        lines += [",".join(cells) for cells in body]
    return "\n".join(lines) + "\n", {first + row: row for row in range(len(body))}


SYNTAXES = (("latex", ".tex"), ("markdown", ".md"), ("csv", ".csv"))


def linted(
    lint: Lint, source: Source, tables: list[Table], random: Random
) -> Iterator[tuple[Table, str, LintReport, set[tuple[int, int]]]]:
    for number, table in enumerate(tables):
        syntax, suffix = SYNTAXES[number // len(PLANTS) % 3]
        text, rows = written(source, table, random, syntax)
        report = lint(text, suffix)
        at = {(rows[finding.line], finding.column - 2) for finding in report.findings}
        yield table, text, report, at


@pytest.mark.parametrize("seed", [2026])
def test_planted_errors_are_found_and_correct_cells_are_not_accused(
    lint: Lint, published: Published, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    random = Random(seed)
    source = Source(published)
    bad = [planted(source, random, number) for number in range(NUM_ERRORS)]
    good = [correct_table(source, random) for _ in range(NUM_CORRECT)]
    missed, misread, accused, cells = [], [], 0, 0
    for table, text, report, at in linted(lint, source, bad, random):
        accused += len(at - table.changed)
        cells += sum(cell != "-" for line in table.cells for cell in line) - len(table.changed)
        kinds = {finding.kind for finding in report.findings}
        if not at & table.changed:
            missed.append((table.kinds, sorted(table.changed), text))
        elif not kinds & set(table.kinds):
            misread.append((table.kinds, kinds, text))
    alarmed = []
    for table, text, report, at in linted(lint, source, good, random):
        cells += sum(cell != "-" for line in table.cells for cell in line)
        accused += len(at)
        alarmed += [(text, report.findings)] if at else []
        assert report.num_agreeing > 0, text
    found = NUM_ERRORS - len(missed)
    with capsys.disabled():
        sys.stdout.write(
            f"\nlint-table, seed {seed}: {found} of {NUM_ERRORS} planted errors found, "
            f"{found - len(misread)} of them called what they are; {accused} of {cells} correct "
            f"cells and {len(alarmed)} of {NUM_CORRECT} correct tables accused\n"
        )
    assert found >= 0.95 * NUM_ERRORS, missed
    assert found - len(misread) >= 0.8 * NUM_ERRORS, misread
    assert accused <= 0.02 * cells, alarmed
    assert len(alarmed) <= 0.02 * NUM_CORRECT, alarmed
