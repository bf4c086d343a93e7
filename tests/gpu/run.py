"""The check of a machine with a CUDA device: `make gpu`; see docs/gpu.md.

It runs with the Python at hand: packages that are missing come from a folder of wheels. The same
code checks a processor in seconds: `python tests/gpu/run.py --device cpu --small`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

sys.path.insert(0, str(Path(__file__).parent))

from surroundings import ROOT, MissingPackagesError, missing, prepare

if TYPE_CHECKING:
    from device_check.sections import Section
    from device_check.setting import Setting

SECONDS = 450.0
"""For all sections; with what comes before and after, the check ends within 8 minutes."""
PREPARED = "--prepared"


def main() -> None:
    """Make sure of the packages, then check."""
    options = _parse()
    began = time.time() if options.prepared is None else options.prepared
    if options.missing:
        sys.stdout.write("".join(f"{name}\n" for name in missing()))
        return
    if options.prepared is None:
        _go_on_with_packages(options.wheels, began)
    sys.exit(check(options, began))


def check(options: argparse.Namespace, began: float) -> int:
    """Run the sections and summarize them.

    Args:
        options: What the command line says.
        began: When it did, in seconds since 1970.

    Returns:
        The exit code: 0, 1 where something is wrong, 2 where there is no such device, 130 or 143
        where it was interrupted.
    """
    created = datetime.now(UTC).replace(microsecond=0)
    folder: Path = options.output or ROOT / "runs" / "gpu" / f"{created:%Y%m%dT%H%M%SZ}"
    os.environ.setdefault("VIREID_BENCH_CACHE", str(folder / "cache"))

    from device_check.notes import Deadline
    from device_check.sections import run_sections
    from device_check.setting import Setting
    from device_check.summary import exit_code, keep_speeds, read_sections, summarize

    if not _is_there(options.device):
        return _fail(
            f"--device {options.device}: PyTorch sees no such device; --device cpu --small tries "
            "the check itself"
        )
    folder.mkdir(parents=True, exist_ok=True)
    setting = Setting(device_name=options.device, small=options.small, folder=folder)
    sections, deadline = all_sections(), Deadline.after(options.seconds - (time.time() - began))
    names = [section.name for section in sections]
    # Speeds of tiny sizes, and those of a processor, are of the check itself and stay beside it.
    is_trial = options.small or options.device == "cpu"
    speeds = folder if is_trial else ROOT / "results" / "speeds"
    ending = 0
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run_sections(
            sections, setting, folder, deadline,
            after=lambda: keep_speeds(read_sections(folder, names), created, speeds),
        )  # fmt: skip
    except KeyboardInterrupt as interruption:
        ending = 143 if interruption.args else 130
    found = read_sections(folder, names)
    summary = f"{summarize(found, small=options.small)}\n"
    (folder / "summary.txt").write_text(summary)
    kept = keep_speeds(found, created, speeds)
    sys.stdout.write(f"\n{summary}All of it is in {folder}.\n")
    if kept is not None:
        sys.stdout.write(f"Speeds: {kept}; bench leaderboard shows those of results/speeds.\n")
    return ending or exit_code(found)


def all_sections() -> list[Section[Setting]]:
    """Return the sections in their order: what is needed by others first, what takes long last."""
    from device_check import agreement, machine, peer, speeds, suite, trainings
    from device_check.sections import Section

    return [
        Section(name="machine", title="The machine", weight=20, work=machine.check_machine),
        Section(name="features", title="Features against those of a processor", weight=45,
                work=agreement.check_features),
        Section(name="tests", title="Tests with the mark gpu", weight=90, work=suite.run_gpu_tests),
        Section(name="extraction", title="Speed of extraction", weight=110,
                work=speeds.time_extraction),
        Section(name="steps", title="Speed of training steps", weight=65,
                work=speeds.time_training),
        Section(name="peer", title="Training against the usual loop", weight=50,
                work=peer.compare_training),
        Section(name="trainings", title="Trainings, interrupted and resumed", weight=90,
                work=trainings.train_methods),
        Section(name="compiled", title="Speed of compiled extraction", weight=60,
                work=speeds.time_compiled),
    ]  # fmt: skip


def _is_there(device: str) -> bool:
    """Return whether PyTorch sees a device; asked in another process, as this one will be forked.

    A process that has used CUDA cannot be forked and go on with it.
    """
    from device_check.sections import FORK

    if device == "cpu":
        return True
    process = FORK.Process(target=_look, args=(device,))
    process.start()
    process.join()
    return process.exitcode == 0


def _look(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:  # built without CUDA, or no driver, or no card
        sys.exit(f"PyTorch {torch.__version__}: {' '.join(str(error).split())}")


def _go_on_with_packages(wheels: Path | None, began: float) -> None:
    """Go on in a Python that has all packages."""
    try:
        python = prepare(wheels)
    except MissingPackagesError as error:
        sys.exit(_fail(str(error)))
    os.execv(python, [str(python), *sys.argv, PREPARED, str(began)])  # noqa: S606


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt(signal.SIGTERM)


def _fail(message: str) -> int:
    sys.stderr.write(f"Error: {message}\n")
    return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:INDEX or cpu [default: cuda]")
    parser.add_argument(
        "--small", action="store_true", help="tiny sizes: to try the check itself on a processor"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"for all of it [default: {SECONDS:.0f}]"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="[default: runs/gpu/TIME]")
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="where packages come from that are missing"
    )
    parser.add_argument(
        "--missing", action="store_true", help="say which packages are missing, and end"
    )
    parser.add_argument(PREPARED, type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
