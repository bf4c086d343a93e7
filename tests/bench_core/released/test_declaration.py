"""The file that declares a released model: what it says is checked before anything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import pytest

from bench_core.configuration import choose_method
from bench_core.contracts.errors import PluginError, UsageError
from bench_core.plugins import Registry, load_registry
from bench_core.released.declaration import ReleasedConfig, declare, read_declaration, redeclare

AGW = (Path(__file__).parents[2] / "released_model" / "agw.toml").read_text()
Declare: TypeAlias = Callable[..., Path]


@pytest.fixture
def own_registry() -> Registry:
    """One to add methods to."""
    return load_registry()


def test_a_declared_model_is_a_method_whose_configuration_is_the_declaration(
    own_registry: Registry, declare_model: Declare
) -> None:
    spec = declare(own_registry, declare_model())
    assert own_registry.method("theirs") == (spec, spec.variants[0])
    for preset in ("paper", "quick"):
        config = cast("ReleasedConfig", choose_method(spec, spec.variants[0], preset).config)
        assert config.network == "model:embed_net"
        assert config.arguments == {"class_num": 5}
        assert config.outputs == {"pooled": (0,), "neck": (1,)}
        assert config.call.positional == ("images", "images")
        assert (config.call.visible, config.call.infrared) == (1, 2)
        assert config.image_size == (32, 16)
        assert config.source.startswith("sha256:")


def test_what_only_matters_after_the_training_can_be_set(
    own_registry: Registry, declare_model: Declare
) -> None:
    spec = declare(own_registry, declare_model())
    choice = choose_method(spec, spec.variants[0], "paper", ["embedding=pooled", "flip=true"])
    assert choice.config.after_training["embedding"] == "pooled"
    assert choice.config.after_training["flip"] is True


def test_the_same_file_may_be_declared_again(
    own_registry: Registry, declare_model: Declare
) -> None:
    assert declare(own_registry, declare_model()) == declare(own_registry, declare_model())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = ", "is not TOML of a released model"),
        (AGW.replace("metric", "metrik"), "unknown configuration key 'metrik'.*'metric'"),
        (AGW.replace('"cosine"', '"manhattan"'), 'metric="manhattan"'),
        (AGW.replace("model:embed_net", "embed_net"), 'network="embed_net"'),
        (AGW.replace("model:embed_net", "modle:embed_net"), "there is no module modle; 'code'"),
        (AGW.replace("model:embed_net", "sys:path"), "sys"),
        (AGW.replace("model:embed_net", "model:__doc__"), "nothing that can be called"),
        (AGW.replace('embedding = "neck"', 'embedding = "head"'), "none of the outputs: pooled, n"),
        (AGW.replace('["images", "images"]', "[1]"), "no argument of the call is 'images'"),
        (AGW.replace("= 32", "= 3"), "image_height=3"),
        ('source = "mine"\n' + AGW, "source is found out"),
        ("code = 'nowhere'\n" + AGW, "nowhere is no folder"),
        (AGW.replace("{ class_num = 5 }", "{ 'a.b' = 1 }"), "a dot"),
        ("std = [0, 1, 1]\n" + AGW, "std"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(
    own_registry: Registry, declare_model: Declare, text: str, message: str
) -> None:
    path = declare_model(text)
    with pytest.raises(UsageError, match=message) as raised:
        declare(own_registry, path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "--set" not in str(raised.value)


@pytest.mark.parametrize("name", ["xiv", "no name"])
def test_a_name_that_is_taken_or_none_is_refused(
    own_registry: Registry, declare_model: Declare, name: str
) -> None:
    with pytest.raises((UsageError, PluginError), match=f"'{name}'"):
        declare(own_registry, declare_model(name=name))


def test_code_that_cannot_be_imported_is_an_error_that_says_why(
    own_registry: Registry, declare_model: Declare, released_model: Path
) -> None:
    (released_model / "old.py").write_text("import torch\nfrom torch import no_such_name\n")
    with pytest.raises(PluginError, match=r"theirs\.toml: cannot load old:Net: ImportError"):
        declare(own_registry, declare_model('network = "old:Net"'))


def test_reading_a_declaration_runs_nothing_of_its_code(
    declare_model: Declare, released_model: Path
) -> None:
    touched = released_model / "touched"
    (released_model / "model.py").write_text(f"open({str(touched)!r}, 'w')\n")
    assert read_declaration(declare_model()).code == released_model
    assert not touched.exists()


def test_a_module_of_the_same_name_from_elsewhere_is_not_taken_for_it(
    own_registry: Registry, declare_model: Declare, released_model: Path, tmp_path: Path
) -> None:
    first = declare_model()
    declare(own_registry, first)
    shutil.copytree(released_model, tmp_path / "other")
    with pytest.raises(UsageError, match="there are two modules model"):
        declare(own_registry, tmp_path / "other" / first.name)


def test_a_finished_training_declares_its_model_again(declare_model: Declare) -> None:
    found = read_declaration(declare_model())
    registry = load_registry()
    redeclare(registry, "theirs", found.config.model_dump(mode="json"))
    assert registry.method("theirs")[0] == found.spec
    redeclare(registry, "other", {"epochs": 1})
    assert "other" not in registry.methods
