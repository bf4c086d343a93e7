"""From the text of a spec to the object that it names, once for all that need it."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench_core.contracts.errors import PluginError
from bench_core.contracts.protocol import StatesAssumptions
from bench_core.doors import load_failure
from bench_core.system.interruption import from_outside

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bench_core.contracts.dataset import Splits
    from bench_core.contracts.method import MethodSpec
    from bench_core.contracts.protocol import Convention, EvaluationProtocol, ProtocolSpec, Trial
    from bench_core.contracts.reranker import RerankerSpec

PARTS_OF_A_METHOD = ("metric", "networks", "load_pretrained", "train", "extract")


def load_object(reference: str) -> Any:
    """Import what a spec names as "module:Name".

    Raises:
        PluginError: The module cannot be imported, or has no such name.
    """
    module_name, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except BaseException as error:  # a stranger's module may raise anything
        if from_outside(error):
            raise
        raise PluginError(f"cannot load {reference}: {load_failure(error)}") from error


def trains_nothing(spec: MethodSpec) -> bool:
    """Return whether a method says that it only extracts, by `extract_only` in its class.

    Raises:
        PluginError: It cannot be loaded.
    """
    return bool(getattr(load_object(spec.method), "extract_only", False))


def load_protocol(spec: ProtocolSpec, splits: Splits) -> EvaluationProtocol:
    """Build the protocol that a spec names, bound to split files of its dataset.

    Raises:
        PluginError: It cannot be loaded.
    """
    if spec.twin_of is None:
        protocol: EvaluationProtocol = load_object(spec.definition)(spec, splits)
        return protocol
    of = replace(spec, id=spec.twin_of, twin_of=None, degradation=None)
    return Twin(spec, load_protocol(of, splits))


class Twin:
    """A protocol that draws and trains as another one does, under its own spec."""

    def __init__(self, spec: ProtocolSpec, of: EvaluationProtocol) -> None:
        self.spec = spec
        self._of = of

    def training_split(self, trial: int) -> str:
        """Return that of the other protocol."""
        return self._of.training_split(trial)

    def training_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return those of the other protocol."""
        return self._of.training_rows(images, split)

    def test_rows(self, images: pd.DataFrame, split: str) -> NDArray[np.int64]:
        """Return those of the other protocol."""
        return self._of.test_rows(images, split)

    def trial(self, images: pd.DataFrame, convention: Convention, trial: int) -> Trial:
        """Return that of the other protocol."""
        return self._of.trial(images, convention, trial)

    def validation_trial(self, images: pd.DataFrame) -> Trial:
        """Return that of the other protocol."""
        return self._of.validation_trial(images)

    def assumptions(self) -> tuple[str, ...]:
        """Return those of the other protocol, if it states any."""
        return self._of.assumptions() if isinstance(self._of, StatesAssumptions) else ()


def load_method(spec: MethodSpec, config: Any, num_identities: int) -> Any:
    """Build the method that a spec names.

    Args:
        spec: The method.
        config: Its configuration.
        num_identities: Training identities, of which its classifiers tell one from another.

    Returns:
        A `bench_core.methods.Method`.

    Raises:
        PluginError: It cannot be loaded, or lacks what a method must have.
    """
    method = load_object(spec.method)(config, num_identities=num_identities)
    if missing := [name for name in PARTS_OF_A_METHOD if not hasattr(method, name)]:
        raise PluginError(f"{spec.method} lacks {', '.join(missing)}; see docs/plugins.md")
    return method


def load_reranker(spec: RerankerSpec, config: Any) -> Any:
    """Build the re-ranker that a spec names.

    Args:
        spec: The re-ranker.
        config: Its settings.

    Returns:
        A `bench_core.rerankers.Reranker`.

    Raises:
        PluginError: It cannot be loaded, or has no `rerank`.
    """
    reranker = load_object(spec.reranker)(config)
    if not hasattr(reranker, "rerank"):
        raise PluginError(f"{spec.reranker} lacks rerank; see 'A re-ranker' in docs/plugins.md")
    return reranker
