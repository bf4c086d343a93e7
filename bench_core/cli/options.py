"""Options that several commands share, and how a command gets its options as one object."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_type_hints

import click

from bench_core.contracts.errors import UsageError
from bench_core.contracts.method import Metric
from bench_core.contracts.protocol import Convention, ProtocolSpec
from bench_core.contracts.reranker import K_RECIPROCAL
from bench_core.features.reading import RowOrder

if TYPE_CHECKING:
    from bench_core.plugins import Registry
    from bench_core.scoring.reranking import RerankerChoice

Command = TypeVar("Command", bound=Callable[..., Any])


class Option:
    """A click option, declared in the annotation of the field that it fills.

    Args:
        *names: Its names on the command line.
        **attributes: As of `click.option`.

    Examples:
        >>> Threads = Annotated[int, Option("--threads", default=2)]
    """

    def __init__(self, *names: str, **attributes: Any) -> None:
        self._names, self._attributes = names, attributes

    def filling(self, field: str) -> Callable[[Command], Command]:
        """Return the decorator that adds the option to a command, as an argument of that name."""
        return click.option(*self._names, field, **self._attributes)


def receives(kind: type[Any]) -> Callable[[Command], Command]:
    """Return the decorator that adds the options of a class, and hands over one object of it.

    Args:
        kind: A frozen dataclass; the annotation of each field holds an `Option`. Those of its base
            classes come first.
    """
    options = {
        name: option
        for name, hint in get_type_hints(kind, include_extras=True).items()
        for option in get_args(hint)
        if isinstance(option, Option)
    }

    def add(command: Command) -> Command:
        @wraps(command)
        def run(*args: Any, **values: Any) -> Any:
            given = kind(**{name: values.pop(name) for name in options})
            return command(*args, given, **values)

        added: Any = run
        for name, option in reversed(options.items()):
            added = option.filling(name)(added)
        return added  # type: ignore[no-any-return]

    return add


UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
"""Of memory, in bytes."""
_JSON = Option("--json", is_flag=True, help="Print one JSON document on standard output.")
AsJson = Annotated[bool, _JSON]
json_option = _JSON.filling("as_json")
"""The same for a command whose few options are its arguments."""
Method = Annotated[str, Option(
    "--method", required=True, metavar="METHOD[:VARIANT]",
    help="See 'bench list methods' and 'bench list variants'; or the FILE.toml that declares a "
    "released model.",
)]  # fmt: skip
Assignments = Annotated[tuple[str, ...], Option(
    "--set", multiple=True, metavar="KEY=VALUE",
    help="Change a value of the configuration, such as epochs=3; may be repeated.",
)]  # fmt: skip
PresetName = Annotated[str | None, Option(
    "--preset", metavar="NAME",
    help="[default: --config's, else 'paper' for real --data, else 'quick']",
)]  # fmt: skip
Seed = Annotated[int, Option(
    "--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, show_default=True,
    help="Seed of every random draw.",
)]  # fmt: skip
ConfigurationPath = Annotated[Path | None, Option(
    "--config", type=click.Path(path_type=Path), metavar="FILE",
    help="Configuration that 'bench show METHOD --preset NAME --output FILE' wrote, and you "
    "changed: it goes over the preset, and --set over it.",
)]  # fmt: skip
ProtocolId = Annotated[
    str, Option("--protocol", required=True, metavar="ID", help="See 'bench list protocols'.")
]
DataRoot = Annotated[Path | None, Option(
    "--data", type=click.Path(path_type=Path), metavar="ROOT",
    help="Root folder of the dataset. Without it, synthetic people are rendered and used.",
)]  # fmt: skip
ConventionName = Annotated[str | None, Option(
    "--convention", metavar="NAME",
    help="How galleries are drawn, such as official or agw; see 'bench list protocols'. "
    "[default: the protocol's first]",
)]  # fmt: skip
RerankerName = Annotated[str | None, Option(
    "--rerank", is_flag=False, flag_value=K_RECIPROCAL, metavar="[NAME]",
    help="Re-rank distances by NAME, see 'bench list rerankers', without it by k-reciprocal "
    "neighbours; such results are marked and ranked apart.",
)]  # fmt: skip
RerankerSettings = Annotated[tuple[str, ...], Option(
    "--rerank-set", multiple=True, metavar="KEY=VALUE",
    help="Change a setting of the re-ranker, such as k1=30; may be repeated.",
)]  # fmt: skip
MetricName = Annotated[Metric | None, Option(
    "--metric", type=click.Choice(get_args(Metric)),
    help="Distance of features that name none. [default: euclidean]",
)]  # fmt: skip
RowOrderName = Annotated[RowOrder | None, Option(
    "--row-order", type=click.Choice(get_args(RowOrder)),
    help="How the rows of an identity stand in a folder of NAME_camC.mat that MATLAB did not "
    "write: in the order of its sorted files, or against it, as AlignGAN and JSIA write them. "
    "The files cannot show it.",
)]  # fmt: skip
DeviceName = Annotated[
    str,
    Option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX."),
]
Threads = Annotated[int | None, Option(
    "--threads", type=click.IntRange(min=1, max=1024), metavar="N",
    help="Processor threads of training and extraction; their number decides the last bits. "
    "[default: $VIREID_BENCH_THREADS, else 2]",
)]  # fmt: skip


def read_image_size(
    _: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    """Return (height, width) of an option's text, such as "256x128"; None where it is not given.

    Raises:
        UsageError: The text is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if match is None:
        raise UsageError(f"{option.opts[0]} {text}: expected HEIGHTxWIDTH in pixels, as 256x128")
    return int(match[1]), int(match[2])


def read_memory(_: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Return the bytes of an option's text, such as "8GiB"; None where it is not given.

    Raises:
        UsageError: The text is something else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?) ?(MiB|GiB|MB|GB)", text)
    size = round(float(match[1]) * UNITS[match[2]]) if match else 0
    if not size:
        raise UsageError(f"{option.opts[0]} {text}: expected a size, as 8GiB or 500MiB")
    return size


def resolve_convention(protocol: ProtocolSpec, convention: str | None) -> Convention:
    """Return the convention to use.

    Raises:
        UsageError: The protocol does not define it.
    """
    for known in protocol.conventions:
        if convention in (None, known):
            return known
    raise UsageError(
        f"--convention {convention}: {protocol.id} defines only {', '.join(protocol.conventions)}"
    )


def resolve_reranker(
    registry: Registry, protocol: ProtocolSpec, name: str | None, settings: tuple[str, ...]
) -> RerankerChoice | None:
    """Return the re-ranker to use; None where none is asked for.

    Raises:
        UsageError: There is no such re-ranker, it has no such setting, or settings are given
            without one.
        PluginError: The re-ranker's own settings cannot be loaded, or are wrong.
    """
    if name is None:
        if settings:
            raise UsageError(
                f"--rerank-set {settings[0]}: nothing is re-ranked; give --rerank, too"
            )
        return None
    from bench_core.scoring.reranking import choose_reranker

    return choose_reranker(registry, name, protocol.id, settings)
