"""The hooks by which plugins, our own and strangers', take part.

A plugin is a module named by an entry point of the group `bench`. It marks functions of these
names with `@hookimpl`. Arguments may be added here in later versions, never renamed: a plugin
lists only those it uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from bench_core.contracts.dataset import DatasetSpec
    from bench_core.contracts.method import MethodSpec
    from bench_core.contracts.protocol import ProtocolSpec
    from bench_core.contracts.reranker import RerankerSpec
    from bench_core.contracts.result import ResultRecord

PROJECT = "bench"
ENTRY_POINT_GROUP = "bench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def bench_register_datasets() -> Sequence[DatasetSpec]:  # type: ignore[empty-body]
    """Return the datasets that the plugin can read.

    Called once, when the command line starts; it must import no heavy library and have no side
    effect. An id that another plugin registers too is an error that names both.
    """


@hookspec
def bench_register_protocols() -> Sequence[ProtocolSpec]:  # type: ignore[empty-body]
    """Return the protocols that the plugin defines; called as `bench_register_datasets` is."""


@hookspec
def bench_register_methods() -> Sequence[MethodSpec]:  # type: ignore[empty-body]
    """Return the methods that the plugin implements; called as `bench_register_datasets` is."""


@hookspec
def bench_register_rerankers() -> Sequence[RerankerSpec]:  # type: ignore[empty-body]
    """Return the re-rankers that the plugin implements; called as `bench_register_datasets` is."""


@hookspec
def bench_register_commands(cli: click.Group) -> None:
    """Add commands to the `bench` command line.

    Called once, after the built-in commands are there. A command whose name is taken is an error,
    and so is an object that is no `click.Command`: the plugin then adds none. What a plugin's
    command prints and exits with is its own affair; all else that plugins print goes to standard
    error.

    Args:
        cli: The root group; add to it with `cli.add_command`.
    """


@hookspec
def bench_run_started(method: str, protocol: str, config: Mapping[str, object]) -> None:
    """Observe that `bench run` is about to train or to look up a training.

    Args:
        method: Method and variant, such as "xiv:baseline".
        protocol: Protocol id.
        config: The full configuration as plain data.
    """


@hookspec
def bench_epoch_finished(
    training: str,
    stage: str,
    epoch: int,
    num_epochs: int,
    losses: Mapping[str, float],
    folder: str,
    line: Mapping[str, object],
) -> None:
    """Observe that an epoch of a training ended.

    Args:
        training: Training identity (SHA-256, hex).
        stage: Name of the stage.
        epoch: Number of the epoch within its stage, from 1.
        num_epochs: Number of epochs of the stage.
        losses: Mean of each named loss over the epoch.
        folder: Folder of the training.
        line: The epoch's line in the log of the training, as JSON values: the losses, the learning
            rate of each optimiser (`learning_rates`), `seconds`, `images_per_second`,
            `waiting_for_data`, and `validation_mAP` where it was validated.
    """


@hookspec
def bench_run_finished(record: ResultRecord, path: str, folders: Sequence[str]) -> None:
    """Observe that a result was written.

    Args:
        record: The result as written.
        path: The file that holds it.
        folders: Folder of each model that was scored, in the order of trials: one where all trials
            are scored with one model.
    """
