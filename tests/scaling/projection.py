"""What very large galleries and very many trainings cost, from rates measured on one machine.

`projection.py` prints the tables of docs/scale.md; `projection.py --write` puts them there. They
rest on rates.json beside it, which measure.py makes, and on `CARD` and `PRICES`, which are
assumptions and said to be so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import Cluster, Outcome, simulate  # beside this file
from tabulate import tabulate

HERE = Path(__file__).parent
RATES = HERE / "rates.json"
PAGE = HERE.parents[1] / "docs" / "scale.md"
START, END = "<!-- {} starts -->", "<!-- {} ends -->"

DIMENSIONS = 2048
QUERIES = 4_000
IMAGE_BYTES = 256 * 128 * 3
SYSU_TEST_IMAGES = 10_578
SEEDS, METHODS, PROTOCOLS = 10, 100, 8
RERANKED_NEIGHBOURS = 21
"""k1 = 20 neighbours of each image, and the image itself."""


@dataclass(frozen=True)
class Card:
    """A graphics card that nobody measured here.

    Attributes:
        name: Its name.
        peak: Multiplications and additions of dense matrix products in bfloat16 a second, by its
            data sheet.
        share: Share of the peak that extraction and training are taken to reach.
    """

    name: str
    peak: float
    share: float

    @property
    def flops(self) -> float:
        """FLOPs that it is taken to do in a second."""
        return self.peak * self.share


CARD = Card("an H100 at 40 % of its data sheet's bfloat16 peak (assumed)", 989e12, 0.4)
PRICES = {"core_hour": 0.04, "card_hour": 2.50, "terabyte_month": 20.0}
"""US dollars, assumed: what large clouds ask, in round figures."""


def show_seconds(seconds: float) -> str:
    """Return a duration with two digits, such as "3.1 hours".

    Example:
        >>> show_seconds(0.02), show_seconds(11_160), show_seconds(1e9)
        ('0.020 seconds', '3.1 hours', '32 years')
    """
    for unit, length in (
        ("years", 365 * 86_400), ("days", 86_400), ("hours", 3_600), ("minutes", 60)
    ):  # fmt: skip
        if seconds >= 1.5 * length:
            return f"{two_digits(seconds / length)} {unit}"
    return f"{two_digits(seconds)} seconds"


def show_bytes(number: float) -> str:
    """Return a size with two digits in decimal units.

    Example:
        >>> show_bytes(983_040_000_000), show_bytes(512)
        ('980 GB', '510 bytes')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= 0.995 * size:
            return f"{two_digits(number / size)} {unit}"
    return f"{two_digits(number)} bytes"


def two_digits(value: float) -> str:
    """Round to two significant digits, without an exponent.

    Example:
        >>> two_digits(1234.5), two_digits(9.96), two_digits(0.0456)
        ('1,200', '10', '0.046')
    """
    rounded = float(f"{value:.1e}")
    digits = max(0, 1 - int(f"{rounded:e}".partition("e")[2]))
    return f"{rounded:,.{digits}f}"


def gallery_table(rates: Mapping[str, Any], num_images: int) -> str:
    """What one gallery of `num_images` images and `QUERIES` queries costs, step by step."""
    extract_flops = 2 * rates["extraction"]["macs"] * num_images
    compared = QUERIES * num_images
    neighbours = num_images**2 / 2
    steps = (
        Step("decode and resize", num_images / rates["decoded_per_second"], None,
             num_images * IMAGE_BYTES),
        Step("extract (ResNet-50, 256x128)", num_images / rates["extraction"]["per_second"],
             extract_flops / CARD.flops, num_images * DIMENSIONS * 4),
        Step("score, exactly", compared / rates["scoring"]["pairs_per_second"],
             2 * compared * DIMENSIONS / CARD.flops, None),
        Step("re-rank, k-reciprocal", neighbours / rates["scoring"]["pairs_per_second"],
             2 * neighbours * DIMENSIONS / CARD.flops, num_images * RERANKED_NEIGHBOURS * 8),
    )  # fmt: skip
    headers = ("step", f"{rates['cores']} cores", "$", "one card", "$", "leaves on disk")
    return table(headers, [each.row(rates["cores"]) for each in steps])


@dataclass(frozen=True)
class Step:
    """A step of the work on one gallery.

    Attributes:
        name: What is done.
        seconds: On the cores that were measured.
        card_seconds: On `CARD`; None where a card does not do it.
        kept: Bytes that it leaves; None for next to nothing.
    """

    name: str
    seconds: float
    card_seconds: float | None
    kept: float | None

    def row(self, cores: int) -> list[str]:
        """Return its cells in the table."""
        dollars = self.seconds / 3600 * cores * PRICES["core_hour"]
        on_card = ["-", "-"]
        if self.card_seconds is not None:
            card_dollars = self.card_seconds / 3600 * PRICES["card_hour"]
            on_card = [show_seconds(self.card_seconds), two_digits(card_dollars)]
        kept = "-" if self.kept is None else show_bytes(self.kept)
        return [self.name, show_seconds(self.seconds), two_digits(dollars), *on_card, kept]


def training_table(rates: Mapping[str, Any]) -> str:
    """What one training of each method takes at its paper's length on SYSU-MM01."""
    speed = rates["training"]["flops_per_second"]
    rows = []
    for name, macs in rates["training"]["macs"].items():
        flops = 2 * macs
        rows.append([
            name, f"{two_digits(flops / 1e15)}", show_seconds(flops / speed),
            show_seconds(flops / CARD.flops),
            two_digits(flops / CARD.flops / 3600 * PRICES["card_hour"]),
        ])  # fmt: skip
    headers = ("method", "PFLOP", f"{rates['cores']} cores", "one card", "$ card")
    return table(headers, rows)


def cluster_table(rates: Mapping[str, Any]) -> str:
    """How long `METHODS` x `SEEDS` trainings queue, simulated, by cards and preemption."""
    macs = list(rates["training"]["macs"].values())
    trainings = [2 * macs[number % len(macs)] / CARD.flops for number in range(METHODS)] * SEEDS
    rows = []
    for cards in (1, 8, 64, 512):
        for hours in (None, 4.0, 1.0):
            cluster = Cluster(cards=cards, hours_between_preemptions=hours)
            rows.append(simulated_row(cluster, simulate(trainings, cluster, seed=0)))
    headers = ("cards", "preempted", "all done after", "longest", "lost", "$")
    return table(headers, rows)


def simulated_row(cluster: Cluster, outcome: Outcome) -> list[str]:
    """Format one simulated cluster."""
    hours = cluster.hours_between_preemptions
    preempted = "never" if hours is None else f"every {hours:g} h, on average"
    dollars = outcome.card_seconds / 3600 * PRICES["card_hour"]
    return [
        str(cluster.cards), preempted, show_seconds(outcome.seconds), show_seconds(outcome.longest),
        f"{100 * outcome.lost_share:.1f} %", two_digits(dollars),
    ]  # fmt: skip


def kept_table(rates: Mapping[str, Any]) -> str:
    """What `METHODS` x `SEEDS` trainings leave on disk, and what it takes to read their records."""
    trainings, records = METHODS * SEEDS, METHODS * SEEDS * PROTOCOLS
    kept = rates["kept"]
    parts = (
        ("models", trainings, kept["model_bytes"]),
        ("checkpoints, while they train", trainings, kept["checkpoint_bytes"]),
        ("features of SYSU-MM01's test images", trainings, SYSU_TEST_IMAGES * DIMENSIONS * 4),
        ("result records", records, kept["record_bytes"]),
    )
    rows = [
        [name, f"{number:,}", show_bytes(number * each), two_digits(monthly(number * each))]
        for name, number, each in parts
    ]
    seconds = records / kept["records_per_second"]
    return (
        table(("what", "number", "bytes", "$ a month"), rows)
        + f"\n\nA leaderboard of {records:,} records is made in about {show_seconds(seconds)}."
    )


def monthly(num_bytes: float) -> float:
    """Return what it costs to keep bytes for a month, in US dollars."""
    return num_bytes / 1e12 * PRICES["terabyte_month"]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table."""
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def parts(rates: Mapping[str, Any]) -> dict[str, str]:
    """Return all tables by the names that the page has for them."""
    return {
        "gallery": gallery_table(rates, 10_000_000),
        "training": training_table(rates),
        "cluster": cluster_table(rates),
        "kept": kept_table(rates),
    }


def put_into(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with tables between the comments that name them.

    Raises:
        ValueError: The page has no place for one of them.
    """
    for name, content in tables.items():
        start, end = START.format(name), END.format(name)
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no '{start}' followed by '{end}'")
        page = f"{before}{start}\n{content}\n{end}{after}"
    return page


def main() -> None:
    """Print the tables, or put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    arguments = parser.parse_args()
    tables = parts(json.loads(RATES.read_text()))
    if arguments.write:
        PAGE.write_text(put_into(PAGE.read_text(), tables))
        return
    print("\n\n".join(tables.values()))  # noqa: T201  # a script's result


if __name__ == "__main__":
    main()
