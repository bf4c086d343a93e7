"""Plugins: each is loaded on its own, checked before it counts, and found by id."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import click
import pytest

from bench_core.contracts import hooks
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.loading import load_object
from bench_core.plugins import PluginInfo, Registry, load_registry

Install = Callable[..., None]

HEADER = """
import dataclasses
from bench_core import (
    DatasetSpec, MethodSpec, Paper, PresetSpec, ProtocolSpec, VariantSpec, hookimpl
)

calls = []

def method(id, presets=("paper", "quick"), variants=("full", "baseline")):
    return MethodSpec(
        id=id,
        title=id.upper(),
        paper=Paper(title="T", authors="A", venue="V", year=2020),
        variants=tuple(VariantSpec(name=name, summary=name) for name in variants),
        presets=tuple(PresetSpec(name=name, summary=name) for name in presets),
        method="m:M",
        config="m:C",
    )

def dataset(id):
    return DatasetSpec(
        id=id, title=id, paper="P", source="S", synthetic=None, reader="m:R"
    )

def protocol(id, dataset):
    return ProtocolSpec(
        id=id,
        dataset=dataset,
        title=id,
        query_modality="infrared",
        gallery_modality="visible",
        cmc="image",
        conventions=("agw",),
        definition="m:P",
    )
"""


def registers(method: str) -> str:
    """Source of a plugin that registers one method."""
    return f"""
        @hookimpl
        def bench_register_methods():
            return [{method}]
    """


ALPHA = registers('method("alpha")')
BETA = registers('method("beta")')


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder of installed packages, gone from the interpreter after the test."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Write a package with one entry point: its module, and what pip would note of it."""

    def write(package: str, source: str, *, name: str | None = None, version: str = "1.0") -> None:
        module = package.replace("-", "_")
        (site / f"{module}.py").write_text(HEADER + textwrap.dedent(source))
        notes = site / f"{module}-{version}.dist-info"
        notes.mkdir()
        (notes / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (notes / "entry_points.txt").write_text(f"[bench]\n{name or package} = {module}\n")

    return write


@pytest.fixture
def load(site: Path) -> Callable[[], Registry]:
    """Load the plugins of the test's packages, and no other."""

    def candidates() -> Iterator[EntryPoint]:
        for distribution in distributions(path=[str(site)]):
            yield from distribution.entry_points

    return lambda: load_registry(candidates())


def test_a_plugin_is_known_by_entry_point_module_and_package(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("bench-alpha", ALPHA, name="alpha", version="2.3")
    (info,) = load().plugins
    assert info == PluginInfo(name="alpha", module="bench_alpha", distribution="bench-alpha 2.3")
    assert info.error is None


def test_all_that_plugins_register_is_found_by_id(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-b", BETA)
    install(
        "pkg-a",
        ALPHA
        + """
        @hookimpl
        def bench_register_datasets():
            return [dataset("town"), dataset("city")]

        @hookimpl
        def bench_register_protocols():
            return [protocol("town-all", "town")]
        """,
    )
    registry = load()
    assert list(registry.methods) == ["alpha", "beta"]
    assert list(registry.datasets) == ["city", "town"]
    assert registry.dataset("town").id == "town"
    assert registry.protocol("town-all").dataset == "town"
    assert registry.distribution_of("beta") == "pkg-b 1.0"


def test_every_package_that_takes_part_in_a_run_is_named(
    install: Install, load: Callable[[], Registry]
) -> None:
    hooks_of = {
        "method": ("methods", 'method("alpha")'),
        "dataset": ("datasets", 'dataset("town")'),
        "protocol": ("protocols", 'protocol("town-all", "town")'),
    }
    for kind, (registered, spec) in hooks_of.items():
        source = f"""
        @hookimpl
        def bench_register_{registered}():
            return [{spec}]
        """
        install(f"pkg-{kind}", source)
    observer = """
        @hookimpl
        def bench_run_finished(record):
            calls.append(record)
    """
    install("pkg-observer", observer, name="watcher")
    install("pkg-idle", BETA)
    expected = ("pkg-dataset", "pkg-method", "pkg-observer", "pkg-protocol")
    assert load().participants("town-all", "alpha") == expected


def test_protocols_of_a_dataset_come_in_the_order_of_their_plugin(
    install: Install, load: Callable[[], Registry]
) -> None:
    install(
        "pkg-a",
        """
        @hookimpl
        def bench_register_protocols():
            return [protocol(id, id.split("-")[0]) for id in ("town-b", "city-c", "town-a")]
        """,
    )
    registry = load()
    assert [spec.id for spec in registry.protocols_of("town")] == ["town-b", "town-a"]
    assert registry.protocols_of("village") == ()


def test_a_method_may_be_asked_for_with_or_without_a_variant(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-a", ALPHA)
    registry = load()
    for name, variant in (("alpha", "full"), ("alpha:full", "full"), ("alpha:baseline",) * 2):
        spec, found = registry.method(name)
        assert (spec.id, found.name) == ("alpha", variant.removeprefix("alpha:"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("alfa", r"unknown method 'alfa'; did you mean 'alpha'\? \(known: alpha\)"),
        ("", r"unknown method ''"),
        ("alpha:basline", r"unknown variant of alpha 'basline'; did you mean 'baseline'\?"),
        ("alpha:", r"unknown variant of alpha '' \(known: baseline, full\)"),
        ("alpha:full:more", r"unknown variant of alpha 'full:more'"),
    ],
)
def test_an_unknown_method_or_variant_is_wrong_usage(
    name: str, message: str, install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-a", ALPHA)
    with pytest.raises(UsageError, match=message):
        load().method(name)


def test_an_unknown_dataset_or_protocol_is_wrong_usage(load: Callable[[], Registry]) -> None:
    with pytest.raises(UsageError, match=r"unknown dataset 'town' \(known: none\)"):
        load().dataset("town")
    with pytest.raises(UsageError, match=r"unknown protocol 'town-all' \(known: none\)"):
        load().protocol("town-all")


def test_what_was_registered_cannot_be_changed(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-a", ALPHA)
    methods: Any = load().methods
    with pytest.raises(TypeError, match="does not support item assignment"):
        methods["alpha"] = None
    with pytest.raises(FrozenInstanceError):
        methods["alpha"].id = "beta"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("raise SystemExit('needs a licence')", "SystemExit: needs a licence"),
        ("def broken(:", "SyntaxError: "),
        (registers("1 / 0"), "ZeroDivisionError: division by zero"),
        (registers('method("bad", variants=())'), "PluginError: method 'bad' has no variant"),
        (
            registers('method("bad", variants=("baseline", "full"))'),
            "PluginError: the first variant of method 'bad' is called 'baseline'; it is the whole",
        ),
        (
            registers('method("bad", presets=("quick", "best"))'),
            "PluginError: method 'bad' lacks the preset paper",
        ),
        (
            registers('method("bad", presets=())'),
            "PluginError: method 'bad' lacks the preset paper, quick",
        ),
        (registers('dataset("bad")'), "PluginError: expected a MethodSpec, got DatasetSpec"),
        (registers('"bad"'), "PluginError: expected a MethodSpec, got str"),
        (
            "@hookimpl\ndef bench_register_datasets():\n    return [method('bad')]",
            "PluginError: expected a DatasetSpec, got MethodSpec",
        ),
        (
            "@hookimpl\ndef bench_register_protocols():\n    return [{'id': 'bad'}]",
            "PluginError: expected a ProtocolSpec, got dict",
        ),
        (
            "@hookimpl\ndef bench_register_method():\n    return []",
            "PluginError: unknown hook 'bench_register_method'; did you mean 'bench_register_meth",
        ),
        (
            "@hookimpl\ndef bench_run_finished(recrod):\n    pass",
            "PluginValidationError: Plugin 'bad' for hook 'bench_run_finished'",
        ),
    ],
)
def test_a_broken_plugin_is_kept_with_its_error_and_the_others_work(
    source: str, error: str, install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-a", ALPHA)
    install("pkg-broken", source, name="bad")
    install("pkg-z", BETA)
    registry = load()
    assert list(registry.methods) == ["alpha", "beta"]
    bad = {info.name: info for info in registry.plugins}["bad"]
    assert bad.distribution == "pkg-broken 1.0"
    assert bad.error is not None
    assert bad.error.startswith(error)
    assert "\n" not in bad.error


@pytest.mark.parametrize(
    "name",
    ["x/../../escaped", "w/o-attention", "..", ".", "", "a b", "-a", "a\n", "Größe", "n" * 65],
)
@pytest.mark.parametrize("kind", ["id", "variant", "preset"])
def test_a_name_that_is_no_name_of_a_file_is_refused(
    name: str, kind: str, install: Install, load: Callable[[], Registry]
) -> None:
    spec = {
        "id": f"method({name!r})",
        "variant": f"method('bad', variants=('full', {name!r}))",
        "preset": f"method('bad', presets=('paper', 'quick', {name!r}))",
    }
    install("pkg-bad", registers(spec[kind]), name="bad")
    (info,) = load().plugins
    assert info.error is not None
    assert "is not made of at most 64 letters, digits and . _ + - alone" in info.error


@pytest.mark.parametrize("kind", ["variants", "presets"])
def test_two_of_one_name_are_refused(
    kind: str, install: Install, load: Callable[[], Registry]
) -> None:
    names = ("full" if kind == "variants" else "paper", "quick", "quick")
    install("pkg-bad", registers(f'method("bad", {kind}={names})'))
    (info,) = load().plugins
    assert info.error == f"PluginError: method 'bad' has two of the {kind[:-1]} 'quick'"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("title=5", "title"), ("paper='T'", "paper"), ("variants=None", "variants"),
        ("variants={'full': 1}", "variants"), ("presets=('paper', 'quick')", "presets"),
        ("method=None", "method"), ("config=b'm:C'", "config"), ("id=[]", "id"),
        ("paper=Paper(title='T', authors='A', venue='V', year='2020')", "paper"),
        ("paper=Paper(title='T', authors='A', venue='V', year=True)", "paper"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_refused_and_named(
    change: str, field: str, install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-bad", registers(f'dataclasses.replace(method("bad"), {change})'), name="bad")
    (info,) = load().plugins
    assert info.error is not None
    assert info.error.startswith(f"PluginError: {field} of the MethodSpec '")


def test_lists_may_stand_for_tuples(install: Install, load: Callable[[], Registry]) -> None:
    install(
        "pkg-a",
        """
        @hookimpl
        def bench_register_protocols():
            from dataclasses import replace
            return [replace(protocol("p", "d"), excluded_camera_pairs=[[2, 3]])]
        """,
    )
    assert load().protocol("p").excluded_camera_pairs == [[2, 3]]


def test_the_plugin_in_whose_code_an_error_came_up_is_found(
    install: Install, load: Callable[[], Registry], site: Path
) -> None:
    (site / "m.py").write_text("def fail():\n    raise ValueError('odd')\n")
    install("pkg-a", ALPHA, name="a")
    registry = load()
    with pytest.raises(ValueError, match="odd") as caught:
        load_object("m:fail")()
    assert str(registry.culprit(caught.value)) == "plugin 'a' (pkg-a 1.0)"
    assert registry.culprit(ValueError("of nobody")) is None
    wrapped = PluginError("cannot load m:fail")
    wrapped.__cause__ = caught.value
    assert registry.culprit(wrapped) == registry.culprit(caught.value)


def test_a_broken_plugin_takes_no_part_at_all(
    install: Install, load: Callable[[], Registry]
) -> None:
    install(
        "pkg-broken",
        registers('"no spec"')
        + """
        @hookimpl
        def bench_run_started(method):
            calls.append(method)
        """,
    )
    load().notify("bench_run_started", method="alpha", protocol="p", config={})
    assert sys.modules["pkg_broken"].calls == []


def test_plugins_are_listed_by_name_the_broken_ones_too(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-a", BETA, name="z")
    install("pkg-b", "1 / 0", name="m")
    install("pkg-c", ALPHA, name="a")
    assert [info.name for info in load().plugins] == ["a", "m", "z"]


def test_an_entry_point_of_no_package_is_called_so(site: Path) -> None:
    (site / "loose.py").write_text("")
    registry = load_registry([EntryPoint("loose", "loose", "bench")])
    assert [info.distribution for info in registry.plugins] == ["unknown package"]


@pytest.mark.parametrize(
    ("hook", "spec", "kind"),
    [
        ("bench_register_methods", 'method("twin")', "method"),
        ("bench_register_datasets", 'dataset("twin")', "dataset"),
        ("bench_register_protocols", 'protocol("twin", "town")', "protocol"),
    ],
)
def test_an_id_that_two_plugins_register_is_an_error_that_names_both(
    hook: str, spec: str, kind: str, install: Install, load: Callable[[], Registry]
) -> None:
    source = f"@hookimpl\ndef {hook}():\n    return [{spec}]"
    install("pkg-one", source, name="one", version="1.5")
    install("pkg-two", source, name="two")
    registry = load()
    assert [info.error for info in registry.plugins] == [None, None]
    with pytest.raises(PluginError) as caught:
        registry.method("twin")
    assert str(caught.value) == (
        f"{kind} 'twin' is registered by plugin 'one' (pkg-one 1.5) and by plugin 'two' "
        "(pkg-two 1.0); uninstall one of the two"
    )


def test_two_packages_may_call_their_plugins_alike(
    install: Install, load: Callable[[], Registry]
) -> None:
    install("pkg-one", ALPHA, name="same")
    install("pkg-two", BETA, name="same")
    registry = load()
    assert [info.distribution for info in registry.plugins] == ["pkg-one 1.0", "pkg-two 1.0"]
    assert list(registry.methods) == ["alpha", "beta"]


def test_two_entry_points_of_one_module_conflict_by_what_they_register(site: Path) -> None:
    (site / "shared.py").write_text(HEADER + textwrap.dedent(ALPHA))
    points = [EntryPoint(name, "shared", "bench") for name in ("one", "two")]
    with pytest.raises(PluginError, match=r"method 'alpha' .* plugin 'one' .* plugin 'two'"):
        load_registry(points).method("alpha")


def test_observers_are_told_with_the_arguments_they_list(
    install: Install, load: Callable[[], Registry]
) -> None:
    install(
        "pkg-a",
        """
        @hookimpl
        def bench_epoch_finished(epoch, losses):
            calls.append((epoch, losses))
        """,
    )
    load().notify(
        "bench_epoch_finished",
        training="0" * 64,
        stage="joint",
        epoch=1,
        num_epochs=2,
        losses={"total": 0.5},
        folder="runs/x",
        line={"stage": "joint"},
    )
    assert sys.modules["pkg_a"].calls == [(1, {"total": 0.5})]


def test_commands_are_added_to_the_group(install: Install, load: Callable[[], Registry]) -> None:
    install(
        "pkg-a",
        """
        @hookimpl
        def bench_register_commands(cli):
            import click
            cli.add_command(click.Command("extra"))
        """,
    )
    cli = click.Group()
    load().add_commands(cli)
    assert list(cli.commands) == ["extra"]


def test_the_installed_plugins_all_work() -> None:
    registry = load_registry()
    assert {info.error for info in registry.plugins} == {None}
    assert registry.conflicts == ()
    assert "xiv" in registry.methods
    assert {spec.dataset for spec in registry.protocols.values()} <= set(registry.datasets)


def test_an_object_is_loaded_by_reference() -> None:
    assert load_object("bench_core.loading:load_object") is load_object


@pytest.mark.parametrize(
    "reference", ["no_such_module:Name", "bench_core.plugins:NoSuchName", "bench_core.plugins"]
)
def test_a_reference_that_leads_nowhere_is_named(reference: str) -> None:
    with pytest.raises(PluginError, match=f"cannot load {reference}: "):
        load_object(reference)


HOOKS = [value for name, value in vars(hooks).items() if name.startswith("bench_")]


def test_the_hooks_are_those_of_the_design() -> None:
    assert {hook.__name__ for hook in HOOKS} == {
        "bench_register_datasets",
        "bench_register_protocols",
        "bench_register_methods",
        "bench_register_rerankers",
        "bench_register_commands",
        "bench_run_started",
        "bench_epoch_finished",
        "bench_run_finished",
    }


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_documents_itself_and_its_arguments(hook: Callable[..., object]) -> None:
    documentation = inspect.getdoc(hook) or ""
    assert documentation
    arguments = inspect.signature(hook).parameters
    documented = [line.split(":")[0].strip() for line in documentation.splitlines() if ":" in line]
    assert [name for name in documented if name in arguments] == list(arguments)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_registration_returns_specs_and_observation_nothing(hook: Callable[..., object]) -> None:
    returned = inspect.signature(hook).return_annotation
    collected = hook.__name__.startswith("bench_register_") and "commands" not in hook.__name__
    assert returned.startswith("Sequence[") if collected else returned == "None"
