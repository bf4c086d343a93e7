"""Loading plugins: each entry point on its own, checked before anything is registered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy

from bench_core.contracts import hooks
from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import PluginError, UsageError, unknown_name
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.contracts.reranker import RerankerSpec
from bench_core.corrupted_twins import with_twins
from bench_core.doors import load_failure
from bench_core.registration import CommandTree, checked_specs
from bench_core.system.escaping import in_one_line
from bench_core.system.interruption import from_outside, raising_packages

if TYPE_CHECKING:
    import click

Spec = TypeVar("Spec", DatasetSpec, ProtocolSpec, MethodSpec, RerankerSpec)


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """One entry point: where it comes from, and why it failed if it did.

    Attributes:
        name: Name of the entry point.
        module: What the entry point names.
        distribution: Installed package and version, such as "vireid-bench 0.1.0".
        error: One line that says why it could not be loaded, or None.
    """

    name: str
    module: str
    distribution: str
    error: str | None = None

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.distribution})"


@dataclass(frozen=True)
class _Claim(Generic[Spec]):
    spec: Spec
    plugin: PluginInfo


@dataclass(frozen=True)
class _Loaded:
    info: PluginInfo
    module: object
    datasets: tuple[DatasetSpec, ...]
    protocols: tuple[ProtocolSpec, ...]
    methods: tuple[MethodSpec, ...]
    rerankers: tuple[RerankerSpec, ...]


class Registry:
    """All that the installed plugins provide.

    Attributes:
        conflicts: One line for each id that two plugins claim.
    """

    def __init__(self, loaded: Sequence[_Loaded], broken: Sequence[PluginInfo]) -> None:
        self._manager = _new_manager()
        for number, plugin in enumerate(loaded):
            # Two packages may give their entry points one name, or name one module.
            if not self._manager.is_registered(plugin.module):
                self._manager.register(plugin.module, f"{number}:{plugin.info.name}")
        self._infos = sorted([*(p.info for p in loaded), *broken], key=lambda info: info.name)
        self._packages = {package: p.info for p in loaded for package in _packages(p)}
        self._command_errors: dict[str, str] = {}
        twice: list[str] = []
        self._datasets = _claims(
            "dataset", ((s, p.info) for p in loaded for s in p.datasets), twice
        )
        self._protocols = _claims(
            "protocol", ((s, p.info) for p in loaded for s in p.protocols), twice
        )
        self._methods = _claims("method", ((s, p.info) for p in loaded for s in p.methods), twice)
        self._rerankers = _claims(
            "re-ranker", ((s, p.info) for p in loaded for s in p.rerankers), twice
        )
        self.conflicts: tuple[str, ...] = tuple(twice)

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every entry point, the broken ones with their error, sorted by name."""
        errors = self._command_errors
        return tuple(
            replace(info, error=info.error or errors.get(info.name)) for info in self._infos
        )

    def culprit(self, error: BaseException) -> PluginInfo | None:
        """Return the plugin in whose code an error came up, or in that of its cause, if in any."""
        blamed = None
        for package in raising_packages(error.__traceback__):
            blamed = self._packages.get(package, blamed)
        if blamed is None and error.__cause__ is not None:
            return self.culprit(error.__cause__)
        return blamed

    def add_commands(self, cli: click.Group) -> None:
        """Let each plugin add its commands; one that fails adds none and is listed as broken."""
        for name, call in self._implementations("bench_register_commands"):
            before = CommandTree.of(cli)
            try:
                call(cli=cli)
                before.check_additions()
            except BaseException as error:  # a stranger's plugin may raise anything
                if from_outside(error):
                    raise
                before.restore()
                self._command_errors[name] = in_one_line(error)

    def notify(self, hook: str, **arguments: object) -> None:
        """Tell each plugin's observer; one that fails is named on standard error.

        Args:
            hook: Name of an observer's hook, such as "bench_run_started".
            arguments: Its arguments.
        """
        for name, call in self._implementations(hook):
            try:
                call(**arguments)
            except BaseException as error:  # an observer must not end a run
                if from_outside(error):
                    raise
                named = next(info for info in self._infos if info.name == name)
                sys.stderr.write(f"Warning: {hook} of {named} failed: {in_one_line(error)}\n")

    def _implementations(self, hook: str) -> Iterator[tuple[str, Callable[..., object]]]:
        plugins = self._manager.list_name_plugin()
        for name, plugin in sorted(plugins, key=lambda pair: pair[0]):
            others = [other for _, other in plugins if other is not plugin]
            caller = self._manager.subset_hook_caller(hook, others)
            if caller.get_hookimpls():
                yield name.partition(":")[2] or name, caller

    @property
    def datasets(self) -> Mapping[str, DatasetSpec]:
        """The datasets by id, sorted. Raises PluginError on a conflict."""
        return self._specs(self._datasets)

    @property
    def protocols(self) -> Mapping[str, ProtocolSpec]:
        """The protocols by id, sorted. Raises PluginError on a conflict."""
        return self._specs(self._protocols)

    @property
    def protocols_and_twins(self) -> Mapping[str, ProtocolSpec]:
        """The protocols and their corrupted twins, sorted. Raises PluginError on a conflict."""
        return with_twins(self.protocols)

    @property
    def methods(self) -> Mapping[str, MethodSpec]:
        """The methods by id, sorted. Raises PluginError on a conflict."""
        return self._specs(self._methods)

    @property
    def rerankers(self) -> Mapping[str, RerankerSpec]:
        """The re-rankers by id, sorted. Raises PluginError on a conflict."""
        return self._specs(self._rerankers)

    def dataset(self, dataset_id: str) -> DatasetSpec:
        """Return a dataset's spec.

        Raises:
            UsageError: No plugin registers the id.
            PluginError: Two plugins claim an id.
        """
        return _lookup("dataset", dataset_id, self.datasets)

    def protocol(self, protocol_id: str) -> ProtocolSpec:
        """Return the spec of a protocol or of a corrupted twin; raises as `dataset` does."""
        return _lookup("protocol", protocol_id, self.protocols_and_twins)

    def protocols_of(self, dataset_id: str) -> tuple[ProtocolSpec, ...]:
        """Return the protocols of a dataset, in the order in which plugins register them.

        Raises:
            PluginError: Two plugins claim an id.
        """
        registered = [self.protocol(key) for key in self._protocols]
        return tuple(spec for spec in registered if spec.dataset == dataset_id)

    def method(self, name: str) -> tuple[MethodSpec, VariantSpec]:
        """Return the spec and variant that `METHOD` or `METHOD:VARIANT` names.

        Raises:
            UsageError: No plugin registers the method, or the method has no such variant.
            PluginError: Two plugins claim an id.
        """
        method_id, _, variant_name = name.partition(":")
        spec = _lookup("method", method_id, self.methods)
        if ":" not in name:
            return spec, spec.variants[0]
        variants = {variant.name: variant for variant in spec.variants}
        if variant_name not in variants:
            raise unknown_name(f"variant of {method_id}", variant_name, variants)
        return spec, variants[variant_name]

    def reranker(self, reranker_id: str) -> RerankerSpec:
        """Return a re-ranker's spec; raises as `dataset` does."""
        return _lookup("re-ranker", reranker_id, self.rerankers)

    def add_method(self, spec: MethodSpec, source: PluginInfo) -> None:
        """Add a method that no plugin registers, for this process.

        Args:
            spec: The method.
            source: Where it comes from; it is no installed package.

        Raises:
            UsageError: The id is that of a plugin's method.
        """
        known = self._methods.get(spec.id)
        if known is not None and known.plugin in self._infos:
            raise UsageError(f"the name '{spec.id}' is that of a method of {known.plugin}")
        self._methods[spec.id] = _Claim(spec, source)

    def participants(
        self, protocol_id: str, method_id: str | None = None, reranker_id: str | None = None
    ) -> tuple[str, ...]:
        """Return the names of the installed packages that take part in a run, sorted.

        They are those that register the method, the protocol, its dataset and the re-ranker, and
        those whose observers hear of it. Where features from outside are scored, there is no
        method, and no observer hears of it.
        """
        protocol = self._protocols[self.protocol(protocol_id).twin_of or protocol_id]
        claims: list[_Claim[Any]] = [
            *(() if method_id is None else (self._methods[method_id],)),
            protocol,
            self._datasets[protocol.spec.dataset],
            *(() if reranker_id is None else (self._rerankers[reranker_id],)),
        ]
        registered = (claim.plugin for claim in claims if claim.plugin in self._infos)
        plugins = {plugin.name: plugin for plugin in registered}
        observers = {
            name
            for hook in ("bench_run_started", "bench_epoch_finished", "bench_run_finished")
            if method_id is not None
            for name, _ in self._implementations(hook)
        }
        taking_part = [*plugins.values(), *(i for i in self._infos if i.name in observers)]
        return tuple(sorted({info.distribution.partition(" ")[0] for info in taking_part}))

    def distribution_of(self, method_id: str) -> str:
        """Return the installed package and version that registers a method."""
        return self.plugin_of(method_id).distribution

    def plugin_of(self, method_id: str) -> PluginInfo:
        """Return the plugin that registers a method."""
        return self._methods[method_id].plugin

    def plugin_of_reranker(self, reranker_id: str) -> PluginInfo:
        """Return the plugin that registers a re-ranker."""
        return self._rerankers[reranker_id].plugin

    def _specs(self, claims: Mapping[str, _Claim[Spec]]) -> Mapping[str, Spec]:
        if self.conflicts:
            raise PluginError("; ".join(self.conflicts) + "; uninstall one of the two")
        return MappingProxyType({key: claims[key].spec for key in sorted(claims)})


def load_registry(candidates: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every plugin on its own; one that fails is kept with its error and the rest work.

    Args:
        candidates: Entry points to load; those of the installed packages by default.

    Returns:
        The registry of all that could be loaded.
    """
    loaded: list[_Loaded] = []
    broken: list[PluginInfo] = []
    if candidates is None:
        candidates = _installed(broken)
    for candidate in sorted(candidates, key=lambda point: (point.name, point.value)):
        package = "unknown package" if candidate.dist is None else _name(candidate.dist)
        info = PluginInfo(name=candidate.name, module=candidate.value, distribution=package)
        try:
            loaded.append(_load(candidate, info))
        except BaseException as error:  # a stranger's module may raise anything
            if from_outside(error):
                raise
            broken.append(replace(info, error=load_failure(error)))
    return Registry(loaded, broken)


def _installed(broken: list[PluginInfo]) -> list[EntryPoint]:
    """Return the entry points of the installed packages; damaged packages are added to `broken`."""
    try:
        return list(entry_points(group=hooks.ENTRY_POINT_GROUP))
    except Exception:  # noqa: BLE001  # of one package; which it is only a closer look tells
        return [point for package in distributions() for point in _points_of(package, broken)]


def _points_of(package: Distribution, broken: list[PluginInfo]) -> list[EntryPoint]:
    try:
        return list(package.entry_points.select(group=hooks.ENTRY_POINT_GROUP))
    except Exception as error:  # noqa: BLE001  # a damaged package may raise anything
        name, text = _name(package), in_one_line(error)
        broken.append(
            PluginInfo(name=name, module="entry_points.txt", distribution=name, error=text)
        )
        return []


def _load(candidate: EntryPoint, info: PluginInfo) -> _Loaded:
    """Load and check one plugin; nothing is registered yet when it turns out to be wrong."""
    module = candidate.load()
    manager = _new_manager()
    manager.register(module, candidate.name)
    _refuse_unknown_hooks(module)
    _refuse_empty_registrations(module, manager)
    return _Loaded(
        info=info,
        module=module,
        datasets=checked_specs(manager.hook.bench_register_datasets(), DatasetSpec),
        protocols=checked_specs(manager.hook.bench_register_protocols(), ProtocolSpec),
        methods=checked_specs(manager.hook.bench_register_methods(), MethodSpec),
        rerankers=checked_specs(manager.hook.bench_register_rerankers(), RerankerSpec),
    )


def _refuse_empty_registrations(module: object, manager: pluggy.PluginManager) -> None:
    """Refuse a forgotten `return`: pluggy leaves out what returns None without a word."""
    for kind in ("datasets", "protocols", "methods", "rerankers"):
        name = f"bench_register_{kind}"
        if hasattr(module, name) and not getattr(manager.hook, name)():
            raise PluginError(f"{name} returned None; return a list")


def _refuse_unknown_hooks(module: object) -> None:
    known = {name for name in vars(hooks) if name.startswith("bench_")}
    for name in dir(module):
        marked = hasattr(getattr(module, name), f"{hooks.PROJECT}_impl")
        if marked and name not in known:
            raise PluginError(str(unknown_name("hook", name, known)))


def _claims(
    kind: str, offered: Iterable[tuple[Spec, PluginInfo]], conflicts: list[str]
) -> dict[str, _Claim[Spec]]:
    claims: dict[str, _Claim[Spec]] = {}
    for spec, plugin in offered:
        if spec.id in claims:
            first = claims[spec.id].plugin
            conflicts.append(f"{kind} '{spec.id}' is registered by {first} and by {plugin}")
        claims.setdefault(spec.id, _Claim(spec, plugin))
    return claims


def _lookup(kind: str, name: str, known: Mapping[str, Spec]) -> Spec:
    if name not in known:
        raise unknown_name(kind, name, known)
    return known[name]


def _name(distribution: Distribution) -> str:
    """Return a package and its version; a damaged package may lack either."""
    metadata = distribution.metadata.json
    return f"{metadata.get('name', 'unnamed package')} {metadata.get('version', '(no version)')}"


def _packages(loaded: _Loaded) -> set[str]:
    """Return the packages that a plugin's code lies in."""
    references = (
        loaded.info.module,
        *(spec.reader for spec in loaded.datasets),
        *(spec.definition for spec in loaded.protocols),
        *(name for spec in loaded.methods for name in (spec.method, spec.config)),
        *(name for spec in loaded.rerankers for name in (spec.reranker, spec.config)),
    )
    return {_package(reference) for reference in references} - {"bench_core"}


def _package(reference: str) -> str:
    return reference.partition(":")[0].partition(".")[0]


def _new_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    return manager
