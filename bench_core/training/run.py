"""The training loop: every stage of every method goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench_core.contracts.errors import UsageError
from bench_core.modeling.division import Division
from bench_core.modeling.sharing import WHOLE_BATCH, Sharing
from bench_core.system.process_group import is_first, num_processes, wait_for_all
from bench_core.system.progress import progress
from bench_core.training import checkpoint
from bench_core.training.batches import BatchLoader
from bench_core.training.checkpoint import CHECKPOINT_FILE, Kept, Position, Progress
from bench_core.training.data import TrainingData
from bench_core.training.identity import TrainingDescription
from bench_core.training.log import (
    LOG_FILE,
    EpochObserver,
    FinishedEpoch,
    JsonLines,
    LossLog,
    ignore_epoch,
)
from bench_core.training.own_loop import LoopPlan, OwnLoop
from bench_core.training.selection import Selector, is_validated
from bench_core.training.stage_images import StageImages
from bench_core.training.stage_runner import StageRunner, enter_stages
from bench_core.training.stages import Stage

MODEL_FILE = "model.safetensors"
VALIDATION_SCORE = "validation_mAP"
"""What the log calls the score of an epoch that was validated."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """Where and how one training runs.

    Attributes:
        folder: Folder of its log, checkpoint and model.
        description: What is trained.
        device: Device to train on.
        checkpoint_seconds: Longest time between two checkpoints within an epoch.
        on_epoch: Told of each finished epoch.
        sharing: How each batch is shared.
        validate: Returns the mAP of the networks as they are on validation people; the networks of
            the best epoch of the last stage are kept. Without it those of the last epoch are.
    """

    folder: Path
    description: TrainingDescription
    device: torch.device
    checkpoint_seconds: float = 300.0
    on_epoch: EpochObserver = ignore_epoch
    sharing: Sharing = WHOLE_BATCH
    validate: Callable[[], float] | None = None

    def execute(self, networks: nn.ModuleDict, stages: Sequence[Stage], data: TrainingData) -> None:
        """Run the stages from the last checkpoint, or from the start, to the end.

        With `validate`, the last stage is validated now and then (see
        `bench_core.training.selection`), and the networks end as they were when they scored best.

        Raises:
            TrainingError: A loss is not finite, or a stage's check failed.
            CheckpointError: The folder holds the checkpoint of another training.
            PluginError: A step returned no losses, or updates what it has no optimiser for.
            UsageError: Its batches have no even shares.
            BenchError: A file cannot be written.
        """
        networks.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        saved = self.saved(networks)
        wait_for_all()  # before the first of them writes another checkpoint
        position = saved.position
        log = JsonLines(self.folder / LOG_FILE, saved.log)
        selector = self.validate and Selector(networks, self.validate, saved.kept.selected)
        what = self.description
        runners = enter_stages(
            networks,
            stages,
            precision=what.precision,
            seed=what.seed,
            division=divided_evenly(networks, stages, self.sharing),
        )
        for runner in runners:
            if runner.index < saved.position.stage:
                continue
            last = runner.index + 1 == len(stages)
            loop = _StageLoop(self, networks, runner, data, log, selector if last else None)
            if runner.index == saved.position.stage:
                loop.restore(saved)
            loop.run(position)
            position = Position(stage=runner.index + 1)
        if selector:
            selector.restore()

    def loop(self, plan: LoopPlan) -> OwnLoop:
        """Return the epochs of a loop of the method's own: what its `train` iterates over.

        It logs, saves, resumes and tells of epochs as `execute` does.

        Raises:
            CheckpointError: The folder holds the checkpoint of another training.
            BenchError: A file cannot be written.
        """
        return OwnLoop(self, plan)

    def saved(self, networks: nn.Module, from_stage: int = 0) -> Progress:
        """Return what an interrupted training left; its networks are loaded where they are due.

        Args:
            networks: All networks of the training.
            from_stage: An earlier stage's networks are left as they are.

        Raises:
            CheckpointError: The file is unreadable, or belongs to another training.
        """
        path = self.folder / CHECKPOINT_FILE
        if not path.exists():
            return Progress()
        return checkpoint.load_progress(
            path, networks, self.description.identity, from_stage=from_stage
        )


class _StageLoop:
    """The epochs of one stage."""

    def __init__(
        self,
        run: TrainingRun,
        networks: nn.ModuleDict,
        runner: StageRunner,
        data: TrainingData,
        log: JsonLines,
        selector: Selector | None,
    ) -> None:
        self._run, self._networks, self._log, self._selector = run, networks, log, selector
        self._runner, self._stage = runner, runner.stage
        self._images = StageImages(data, self._stage)
        self._loader = BatchLoader(
            data.pixels, run.device, self._stage.views, note=self._images.notes
        )
        self._saved_at, self._looked = time.monotonic(), False

    def restore(self, saved: Progress) -> None:
        """Take over what an interrupted training kept; one that begins keeps what it brings."""
        if saved.position.epoch == saved.position.step == 0:
            return
        for name, state in saved.optimizers.items():
            checkpoint.restore_optimizer(self._runner.optimizers[name], state)
        self._stage.memory.clear()
        self._stage.memory.update(saved.kept.memory)
        if saved.kept.pseudo_labels:
            self._images.restore(saved.kept.pseudo_labels)

    def run(self, position: Position) -> None:
        """Run the epochs from a position on."""
        self._runner.bring_memory(self._run.device)
        steps = self._images.steps_per_epoch
        total = self._stage.epochs * steps
        done = position.epoch * steps + position.step
        with progress(total=total, initial=done, description=self._stage.name, unit="step") as bar:
            while position.epoch < self._stage.epochs:
                line = self._epoch(position, bar)
                finished = position.epoch + 1
                position = Position(stage=self._runner.index, epoch=finished)
                self._save(position)
                # Observers hear of an epoch that is safe on disk.
                if is_first():
                    self._run.on_epoch(
                        FinishedEpoch(
                            training=self._run.description.identity,
                            folder=self._run.folder,
                            stage=self._stage.name,
                            epoch=finished,
                            num_epochs=self._stage.epochs,
                            losses=line["losses"],
                            line=line,
                        )
                    )

    def _epoch(self, position: Position, bar: Any) -> dict[str, Any]:
        """Run the rest of an epoch, and return its line in the log."""
        epoch, step = position.epoch, position.step
        losses = LossLog(self._stage.name, epoch, position.loss_sums, step)
        started, waited_before = time.perf_counter() - position.seconds, self._loader.waited_seconds
        if step == 0:  # else the hook has done its part before the interruption
            self._runner.look(epoch, self._images, self._run.device, ends=False)
        drawn = self._images.begin()
        self._runner.begin_epoch(epoch, drawn.steps)
        for batch in self._runner.batches(drawn, self._loader, epoch, step):
            losses.add(step, self._runner.step(batch, epoch, step))
            if not self._looked:  # at once, not after minutes of training
                checkpoint.check_optimizers(self._runner.optimizers.values())
                self._looked = True
            step += 1
            bar.show(*self._summary(epoch, losses))
            bar.update()
            if time.monotonic() - self._saved_at > self._run.checkpoint_seconds:
                losses.read()
                self._save(
                    Position(
                        stage=self._runner.index, epoch=epoch, step=step, loss_sums=losses.sums,
                        seconds=time.perf_counter() - started,
                    )
                )  # fmt: skip
        losses.read()
        self._runner.look(epoch, self._images, self._run.device, ends=True)
        seconds = time.perf_counter() - started
        waited = self._loader.waited_seconds - waited_before
        report = self._report(epoch, losses.means(), seconds, waited, step)
        line = {**report, **self._validate(epoch + 1)}
        self._log.append(line)
        bar.show(*self._summary(epoch, losses))
        return line

    def _summary(self, epoch: int, losses: LossLog) -> tuple[str, dict[str, float]]:
        best = self._selector and self._selector.selected
        score = {f"mAP of epoch {best.epoch}": best.score} if best else {}
        return f"{self._stage.name} epoch {epoch + 1}/{self._stage.epochs}", {
            **score,
            **losses.means(),
        }

    def _validate(self, epoch: int) -> dict[str, float]:
        """Validate after an epoch (from 1) where it is due, and return what the log says of it."""
        if self._selector is None or not is_validated(epoch, self._stage.epochs):
            return {}
        started = time.perf_counter()
        score = self._selector.validate(epoch)
        seconds = time.perf_counter() - started
        return {VALIDATION_SCORE: score, "validation_seconds": round(seconds, 3)}

    def _report(
        self, epoch: int, means: dict[str, float], seconds: float, waited: float, steps: int
    ) -> dict[str, Any]:
        stage = self._stage
        images = 2 * stage.sampling.identities * stage.sampling.images * steps
        return {
            "stage": stage.name,
            "epoch": epoch + 1,
            "losses": means,
            "learning_rates": self._runner.learning_rates,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / seconds, 1),
            "waiting_for_data": round(waited / seconds, 4),
        }

    def _save(self, position: Position) -> None:
        if is_first():
            checkpoint.save_progress(
                self._run.folder / CHECKPOINT_FILE,
                self._networks,
                self._runner.optimizers,
                position,
                self._run.description.identity,
                self._log.text,
                Kept(
                    selected=self._selector.selected if self._selector else None,
                    memory=self._stage.memory,
                    pseudo_labels=self._images.pseudo_labels,
                ),
            )
        self._saved_at = time.monotonic()


def divided_evenly(
    networks: nn.ModuleDict, stages: Sequence[Stage], sharing: Sharing
) -> Division | None:
    """Return the division of batches into shares; None where a batch is one.

    Args:
        networks: All networks of the training.
        stages: Its stages.
        sharing: How batches are shared.

    Raises:
        UsageError: A batch has a number of images that cannot be shared evenly, or so few that a
            share of one image would be normalised by its own statistics.
        PluginError: A network cannot be divided.
    """
    number = sharing.num_shares
    if number == 1:
        return None
    for stage in stages:
        size = stage.sampling.identities * stage.sampling.images
        batch = (
            f"a batch of {stage.sampling.identities} identities x {stage.sampling.images} images "
            f"of the stage '{stage.name}'"
        )
        if size % number:
            raise UsageError(
                f"{_sharers(sharing)} cannot share {batch} evenly; use numbers whose product "
                f"divides {size}"
            )
        if size == number and sharing.statistics == "share":
            raise UsageError(
                f"{_sharers(sharing)} have one image each of {batch}, which has no statistics of "
                "its own; use fewer, or --batch-statistics whole"
            )
    return Division(networks, sharing)


def _sharers(sharing: Sharing) -> str:
    """Say who shares a batch, such as "2 processes x 4 parts"."""
    kinds = {"processes": num_processes(), "parts": sharing.parts}
    return " x ".join(f"{number} {kind}" for kind, number in kinds.items() if number > 1)
