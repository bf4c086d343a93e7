"""Checks of what a plugin registers: specs of the right types, names, commands."""

from __future__ import annotations

import re
import reprlib
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bench_core.contracts.dataset import DatasetSpec
from bench_core.contracts.errors import PluginError
from bench_core.contracts.method import MethodSpec, PresetSpec, VariantSpec
from bench_core.contracts.protocol import ProtocolSpec
from bench_core.contracts.reranker import RerankerSpec

if TYPE_CHECKING:
    import click

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
"""What ids, variants and presets are called: they are parts of commands and of file names."""

Spec = TypeVar("Spec", DatasetSpec, ProtocolSpec, MethodSpec, RerankerSpec)


def checked_specs(returned: Sequence[Sequence[Any]], kind: type[Spec]) -> tuple[Spec, ...]:
    """Return the specs of one kind that a plugin registers.

    Args:
        returned: What its hooks returned.
        kind: What each must be.

    Raises:
        PluginError: A spec is of another kind, a field of it of another type, or a name of other
            characters.
    """
    specs = tuple(spec for specs in returned for spec in specs)
    for spec in specs:
        if not isinstance(spec, kind):
            raise PluginError(f"expected a {kind.__name__}, got {type(spec).__name__}")
        _check_types(spec)
        _check_name("id", spec.id)
        if isinstance(spec, MethodSpec):
            _check_method(spec)
        if isinstance(spec, ProtocolSpec):
            _check_conventions(spec)
        if isinstance(spec, RerankerSpec):
            _check_reranker(spec)
    return specs


@dataclass(frozen=True)
class CommandTree:
    """The commands of a group and of the groups in it, before a plugin adds its own.

    Attributes:
        groups: Each group with its commands by name.
    """

    groups: tuple[tuple[click.Group, Mapping[str, click.Command]], ...]

    @classmethod
    def of(cls, group: click.Group) -> CommandTree:
        """Note the commands as they are."""
        import click

        inner = [command for command in group.commands.values() if isinstance(command, click.Group)]
        nested = [pair for command in inner for pair in cls.of(command).groups]
        return cls(((group, dict(group.commands)), *nested))

    def check_additions(self) -> None:
        """Refuse what is no command, and commands that took the place of others.

        Raises:
            PluginError: One of these was found.
        """
        for group, before in self.groups:
            for name, command in before.items():
                if group.commands.get(name) is not command:
                    raise PluginError(f"it takes the place of the command '{name}'")
            for name in group.commands.keys() - before.keys():
                _check_command(name, group.commands[name])

    def restore(self) -> None:
        """Put the commands back as they were."""
        for group, before in self.groups:
            group.commands = dict(before)


def _check_command(name: object, command: object) -> None:
    """Refuse what is no command, also within a group."""
    import click

    _check_name("command", name)
    if not isinstance(command, click.Command):
        raise PluginError(
            f"what it adds as '{name}' is no click.Command, but a {type(command).__name__}"
        )
    command.get_short_help_str()  # as 'bench --help' will
    if isinstance(command, click.Group):
        for inner_name, inner in command.commands.items():
            _check_command(inner_name, inner)


def _check_method(spec: MethodSpec) -> None:
    if missing := {"paper", "quick"} - {preset.name for preset in spec.presets}:
        raise PluginError(f"method '{spec.id}' lacks the preset {', '.join(sorted(missing))}")
    if not spec.variants:
        raise PluginError(f"method '{spec.id}' has no variant; name at least the full method")
    if (first := spec.variants[0].name) != "full":
        raise PluginError(
            f"the first variant of method '{spec.id}' is called '{first}'; it is the whole method, "
            "and is called 'full' in every plugin"
        )
    named: tuple[tuple[str, Sequence[VariantSpec | PresetSpec]], ...] = (
        ("variant", spec.variants),
        ("preset", spec.presets),
    )
    for kind, parts in named:
        for name, count in Counter(part.name for part in parts).items():
            _check_name(f"{kind} of method '{spec.id}'", name)
            if count > 1:
                raise PluginError(f"method '{spec.id}' has two of the {kind} '{name}'")


def _check_conventions(spec: ProtocolSpec) -> None:
    if not spec.conventions:
        raise PluginError(f"protocol '{spec.id}' has no convention; name how galleries are drawn")
    for name in spec.conventions:
        _check_name(f"convention of protocol '{spec.id}'", name)


def _check_reranker(spec: RerankerSpec) -> None:
    if not {"features", "distances"} & set(spec.needs):
        raise PluginError(
            f"re-ranker '{spec.id}' needs neither features nor distances, so that it has nothing "
            "to rank by; name one in needs"
        )


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"the {kind} '{name}' is not made of at most 64 letters, digits and . _ + - alone, the "
            "first a letter or a digit"
        )


def _check_types(spec: DatasetSpec | ProtocolSpec | MethodSpec | RerankerSpec) -> None:
    if field := _wrong_field(spec):
        raise PluginError(
            f"{field} of the {type(spec).__name__} '{spec.id}' is not what it must be, but "
            f"{reprlib.repr(getattr(spec, field))}; see docs/plugins.md"
        )


def _wrong_field(spec: object) -> str | None:
    """Return the name of a field whose value is not of the field's type; None where all are."""
    kind: Any = type(spec)
    hints = _hints(kind).items()
    return next((name for name, hint in hints if not _fits(getattr(spec, name), hint)), None)


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fits(value: object, kind: Any) -> bool:
    """Say whether a value is of the type that a field of a spec has; lists may stand for tuples."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or origin is Literal:
        return kind is Any or (isinstance(value, str) and value in arguments)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is tuple:
        return isinstance(value, tuple | list) and _fit_in_order(value, arguments)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, arguments[0]) and _fits(inner, arguments[1]) for key, inner in value.items()
        )
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return False
    return not is_dataclass(kind) or _wrong_field(value) is None


def _fit_in_order(values: Sequence[object], kinds: tuple[Any, ...]) -> bool:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return all(_fits(value, kinds[0]) for value in values)
    return len(values) == len(kinds) and all(map(_fits, values, kinds))
