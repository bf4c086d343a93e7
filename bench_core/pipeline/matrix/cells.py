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
    protocols = _protocols(registry, file, path)
    roots = _roots(file, protocols, path)
    rerankers = {protocol.id: _rerankers(registry, file, protocol, path) for protocol in protocols}
    cells = [
        Cell(
            trained=trained,
            protocol=protocol,
            convention=convention,
            reranked=reranked,
            root=roots[protocol.dataset],
        )
        for trained in _all_trained(registry, file, path, list(roots.values()))
        for protocol in protocols
        for convention in _conventions(file, protocol, path)
        for reranked in rerankers[protocol.id]
    ]
    return tuple(cells)


@contextmanager
def blaming(path: Path, key: str) -> Iterator[None]:
    """Name file and key in a usage error of this block."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path}: {key}: {error}") from error


def _protocols(registry: Registry, file: MatrixFile, path: Path) -> list[ProtocolSpec]:
    with blaming(path, "protocols"):
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


def _conventions(file: MatrixFile, protocol: ProtocolSpec, path: Path) -> tuple[Convention, ...]:
    known = protocol.conventions
    for name in file.conventions:
        if name not in known:
            raise UsageError(
                f"{path}: conventions: {protocol.id} does not define '{name}', only "
                f"{', '.join(known)}; give such protocols a file of their own"
            )
    return tuple(name for name in known if name in file.conventions) or known[:1]


def _rerankers(
    registry: Registry, file: MatrixFile, protocol: ProtocolSpec, path: Path
) -> list[Reranked | None]:
    """Return what re-ranks under a protocol, in the order of the file."""
    found: list[Reranked | None] = []
    for place, entry in enumerate(file.rerank):
        if entry is None:
            found.append(None)
            continue
        assignments = tuple(_assignment(key, value) for key, value in _flat(entry.set).items())
        with blaming(path, f"rerank.{place} ({entry.name})"):
            choice = choose_reranker(registry, entry.name, protocol.id, assignments)
        found.append(Reranked(choice=choice, assignments=assignments))
    used = [one.choice.used for one in found if one is not None]
    for place, one in enumerate(used):
        if one in used[:place]:
            raise UsageError(
                f"{path}: rerank asks for {one.id} with the same settings under {protocol.id} "
                "twice; remove one of them"
            )
    return found


def _all_trained(
    registry: Registry, file: MatrixFile, path: Path, roots: Sequence[Path | None]
) -> list[Trained]:
    usual = tuple({usual_preset(root) for root in roots})
    if len(usual) > 1 and not file.presets:
        raise UsageError(
            f"{path}: some people of data are synthetic and some real, whose presets differ; "
            "name them with presets"
        )
    trained: list[Trained] = []
    for place, entry in enumerate(file.methods):
        with blaming(path, f"methods.{place} ({entry.name})"):
            trained += _of_entry(registry, file, entry, usual)
    _refuse_twice(trained, path)
    return trained


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
                for seed in file.seeds:
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


def _refuse_twice(trained: Sequence[Trained], path: Path) -> None:
    seen: set[tuple[str, str, str, str | None, int]] = set()
    for one in trained:
        choice = one.choice
        config = choice.config.model_dump_json()
        key = (choice.name, choice.preset.name, config, one.weights, one.seed)
        if key in seen:
            settings = " ".join(one.assignments)
            raise UsageError(
                f"{path}: methods: {choice.name} with the preset '{choice.preset.name}'"
                f"{' and ' if settings else ''}{settings} is asked for twice; remove one of them"
            )
        seen.add(key)
