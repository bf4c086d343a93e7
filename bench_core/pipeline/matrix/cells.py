"""The cells of a matrix: every run that its file asks for, in an order that is always the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_core.configuration import MethodChoice, choose_method
from bench_core.configuration_files import read_configuration
from bench_core.contracts.errors import UsageError, unknown_name
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.contracts.protocol import Convention, ProtocolSpec
from bench_core.pipeline.inputs import usual_preset
from bench_core.pipeline.matrix.file import EVERY_DATASET, MatrixFile, MethodEntry
from bench_core.plugins import Registry
from bench_core.released.declaration import declare
from bench_core.scoring.reranking import RerankerChoice, choose_reranker

ALL_VARIANTS = "*"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What is trained: a method with its configuration and a seed.

    Attributes:
        choice: The method.
        name: What `--method` is given: its name, or the file that declares it.
        configuration: What `--config` is given, if anything.
        assignments: What `--set` is given, as "key=value".
        weights: What `--weights` is given, if anything.
        seed: Seed of the training.
    """

    choice: MethodChoice
    name: str
    configuration: Path | None
    assignments: tuple[str, ...]
    weights: str | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class Reranked:
    """What re-ranks the distances of a cell.

    Attributes:
        choice: The re-ranker, with its settings under the cell's protocol.
        assignments: What `--rerank-set` is given, as "key=value".
    """

    choice: RerankerChoice
    assignments: tuple[str, ...]

    @property
    def words(self) -> str:
        """Its id and the settings that the file gives, such as "k-reciprocal k1=30"."""
        return " ".join((self.choice.spec.id, *self.assignments))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the matrix.

    Attributes:
        trained: What is trained.
        protocol: What it is scored under.
        convention: How galleries are drawn.
        reranked: What re-ranks distances; None for nothing.
        root: Root of the dataset; None for synthetic people.
    """

    trained: Trained
    protocol: ProtocolSpec
    convention: Convention
    reranked: Reranked | None
    root: Path | None


def expand(registry: Registry, file: MatrixFile, path: Path) -> tuple[Cell, ...]:
    """Return the cells of a matrix: what is trained, in the order of the file; under each, scores.

    The order is that of methods, presets, settings, seeds, protocols, conventions, re-ranking, the
    last of which changes first.

    Args:
        registry: The plugins.
        file: What was read.
        path: Its file, which errors name.

    Raises:
        UsageError: A name is unknown, a value is wrong, keys contradict each other, or two cells
            are the same.
    """
    usual = _scorings(registry, file, str(path))
    entries = [
        _own_scorings(registry, file, entry, f"{path}: methods.{place} ({entry.name})") or usual
        for place, entry in enumerate(file.methods)
    ]
    protocols = {one.protocol.id: one.protocol for scorings in entries for one in scorings}
    roots = _roots(file, list(protocols.values()), path)
    presets = _usual_presets(file, path, list(roots.values()))
    cells = []
    for place, (entry, scorings) in enumerate(zip(file.methods, entries, strict=True)):
        with blaming(path, f"methods.{place} ({entry.name})"):
            cells += [
                Cell(
                    trained=trained,
                    protocol=scoring.protocol,
                    convention=scoring.convention,
                    reranked=scoring.reranked,
                    root=roots[scoring.protocol.dataset],
                )
                for trained in _of_entry(registry, file, entry, presets)
                for scoring in scorings
            ]
    _refuse_twice(cells, path)
    return tuple(cells)


@dataclass(frozen=True, kw_only=True)
class _Scoring:
    """How a model is scored."""

    protocol: ProtocolSpec
    convention: Convention
    reranked: Reranked | None


def _scorings(registry: Registry, file: MatrixFile, place: str) -> list[_Scoring]:
    """Return how models are scored, in the order of the file.

    Args:
        registry: The plugins.
        file: The file, or one with what a method has of its own instead.
        place: What errors name: the file and, of a method's own, the method.
    """
    protocols = _protocols(registry, file, place)
    rerankers = {protocol.id: _rerankers(registry, file, protocol, place) for protocol in protocols}
    return [
        _Scoring(protocol=protocol, convention=convention, reranked=reranked)
        for protocol in protocols
        for convention in _conventions(file, protocol, place)
        for reranked in rerankers[protocol.id]
    ]


def _own_scorings(
    registry: Registry, file: MatrixFile, entry: MethodEntry, place: str
) -> list[_Scoring]:
    """Return how a method is scored that says so itself, in part at least; nothing for others."""
    own = {name: getattr(entry, name) for name in ("protocols", "conventions", "rerank")}
    given = {name: value for name, value in own.items() if value}
    return _scorings(registry, file.model_copy(update=given), place) if given else []


@contextmanager
def blaming(path: Path | str, key: str) -> Iterator[None]:
    """Name file and key in a usage error of this block."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path}: {key}: {error}") from error


def _protocols(registry: Registry, file: MatrixFile, place: str) -> list[ProtocolSpec]:
    with blaming(place, "protocols"):
        return [registry.protocol(name) for name in file.protocols]


def _roots(
    file: MatrixFile, protocols: Sequence[ProtocolSpec], path: Path
) -> dict[str, Path | None]:
    """Return the root of each dataset; the synthetic one's is None."""
    datasets = list(dict.fromkeys(protocol.dataset for protocol in protocols))
    if not file.data:
        return dict.fromkeys(datasets)
    if EVERY_DATASET in file.data:
        if len(datasets) > 1:
            raise UsageError(
                f"{path}: data: the protocols are of {' and '.join(datasets)}, which one folder "
                f'cannot hold; write a table: [data], {datasets[0]} = "FOLDER", and so on'
            )
        return {datasets[0]: Path(file.data[EVERY_DATASET])}
    for name in file.data:
        if name not in datasets:
            raise UsageError(f"{path}: {unknown_name('key', f'data.{name}', _keys(datasets))}")
    for name in datasets:
        if name not in file.data:
            raise UsageError(f"{path}: data has no folder for {name}; add one, or leave data out")
    return {name: Path(file.data[name]) for name in datasets}


def _keys(datasets: Iterable[str]) -> list[str]:
    return [f"data.{dataset}" for dataset in datasets]


def _conventions(file: MatrixFile, protocol: ProtocolSpec, where: str) -> tuple[Convention, ...]:
    known = protocol.conventions
    for name in file.conventions:
        if name not in known:
            raise UsageError(
                f"{where}: conventions: {protocol.id} does not define '{name}', only "
                f"{', '.join(known)}; name such protocols in a method of their own"
            )
    return tuple(name for name in known if name in file.conventions) or known[:1]


def _rerankers(
    registry: Registry, file: MatrixFile, protocol: ProtocolSpec, where: str
) -> list[Reranked | None]:
    """Return what re-ranks under a protocol, in the order of the file."""
    found: list[Reranked | None] = []
    for place, entry in enumerate(file.rerank):
        if entry is None:
            found.append(None)
            continue
        assignments = tuple(_assignment(key, value) for key, value in _flat(entry.set).items())
        with blaming(where, f"rerank.{place} ({entry.name})"):
            choice = choose_reranker(registry, entry.name, protocol.id, assignments)
        found.append(Reranked(choice=choice, assignments=assignments))
    used = [one.choice.used for one in found if one is not None]
    for place, one in enumerate(used):
        if one in used[:place]:
            raise UsageError(
                f"{where}: rerank asks for {one.id} with the same settings under {protocol.id} "
                "twice; remove one of them"
            )
    return found


def _usual_presets(file: MatrixFile, path: Path, roots: Sequence[Path | None]) -> tuple[str, ...]:
    """Return the preset where neither file nor method names one."""
    usual = tuple({usual_preset(root) for root in roots})
    if len(usual) > 1 and not file.presets:
        raise UsageError(
            f"{path}: some people of data are synthetic and some real, whose presets differ; "
            "name them with presets"
        )
    return usual


def _of_entry(
    registry: Registry, file: MatrixFile, entry: MethodEntry, usual: Sequence[str]
) -> Iterator[Trained]:
    given = None if entry.config is None else read_configuration(Path(entry.config))
    named = (given.preset,) if given is not None and given.preset else ()
    weights = entry.weights or file.weights
    for spec, variant in _variants(registry, entry.name):
        for preset in entry.presets or file.presets or named or usual:
            for assignments in _settings({**_flat(file.set), **_flat(entry.set)}):
                chosen = [*assignments, *_weights(weights)]
                choice = choose_method(spec, variant, preset, chosen, given)
                for seed in entry.seeds or file.seeds:
                    yield Trained(
                        choice=choice,
                        name=entry.name if _is_declared(entry.name) else choice.name,
                        configuration=None if given is None else given.path,
                        assignments=assignments,
                        weights=weights,
                        seed=seed,
                    )


def _is_declared(name: str) -> bool:
    return name.endswith(".toml")


def _variants(registry: Registry, name: str) -> list[tuple[MethodSpec, VariantSpec]]:
    if _is_declared(name):
        spec = declare(registry, Path(name))
        return [(spec, spec.variants[0])]
    method, _, variant = name.partition(":")
    if variant != ALL_VARIANTS:
        return [registry.method(name)]
    spec, _ = registry.method(method)
    return [(spec, known) for known in spec.variants]


def _weights(given: str | None) -> list[str]:
    """Return what `--weights` adds to the settings."""
    if given is None:
        return []
    return [f"weights={given if given in ('imagenet', 'none') else 'file'}"]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables as keys with dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + key
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _settings(values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return every combination of the swept values; without any, the one of no settings."""
    for key, value in values.items():
        if value == []:
            raise UsageError(f"set.{key} is an empty list, so that no cell is left; name a value")
    each = [
        [_assignment(key, one) for one in (value if isinstance(value, list) else [value])]
        for key, value in values.items()
    ]
    return list(itertools.product(*each))


def _assignment(key: str, value: Any) -> str:
    """Return what `--set` is given: a text as it is, unless it would be read as something else.

    Examples:
        >>> _assignment("epochs", 3), _assignment("backbone", "small"), _assignment("x", "3")
        ('epochs=3', 'backbone=small', 'x="3"')
    """
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return f"{key}={value}"
    return f"{key}={json.dumps(value)}"


def _refuse_twice(cells: Sequence[Cell], path: Path) -> None:
    seen: set[str] = set()
    for cell in cells:
        one, reranked = cell.trained, cell.reranked
        choice = one.choice
        config = choice.config.model_dump_json()
        used = None if reranked is None else reranked.choice.used.model_dump_json()
        scored = (cell.protocol.id, cell.convention, used)
        key = repr((choice.name, choice.preset.name, config, one.weights, one.seed, scored))
        if key in seen:
            settings = " ".join(one.assignments)
            raise UsageError(
                f"{path}: methods: {choice.name} with the preset '{choice.preset.name}'"
                f"{' and ' if settings else ''}{settings} is asked for twice under "
                f"{cell.protocol.id}; remove one of them"
            )
        seen.add(key)
