"""Fuzzing of every input format for a given time: `make fuzz SECONDS=600`.

Each format's mutants are read in a child process, so that a crash of the process or an endless wait
is a fault as any other. A fault is printed with the seed that repeats it:

    python tests/fuzzing/fuzz.py --format features --start 1234 --count 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import runpy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

FORMATS_FILE = Path(__file__).parent / "formats.py"
CHUNK = 500
SECONDS_A_MUTANT = 20.0


def read_mutants(name: str, start: int, count: int, current: Any, faults: Any) -> None:
    """Read some mutants of a format, in a child process; each seed is told before it is tried."""
    formats = runpy.run_path(str(FORMATS_FILE))
    form = formats["FORMATS"][name]
    with tempfile.TemporaryDirectory() as folder:
        path = form.make(Path(folder))
        content = path.read_bytes()
        for seed in range(start, start + count):
            current.value = seed
            path.write_bytes(formats["mutant"](form, content, seed))
            fault = formats["fault_of"](form.read, path)
            if fault is not None:
                faults.put((seed, fault))
    current.value = -1


def run_chunk(name: str, start: int, count: int) -> tuple[list[tuple[int, str]], int]:
    """Return the faults of a chunk and how many mutants were read."""
    context = multiprocessing.get_context("spawn")
    current, faults = context.Value("q", start), context.Queue()
    process = context.Process(target=read_mutants, args=(name, start, count, current, faults))
    process.start()
    found: list[tuple[int, str]] = []
    last, since = -2, time.monotonic()
    while process.is_alive():
        process.join(0.2)
        if current.value != last:
            last, since = current.value, time.monotonic()
        elif last >= 0 and time.monotonic() - since > SECONDS_A_MUTANT + 20:
            process.kill()
            found.append((last, f"no end after {SECONDS_A_MUTANT:.0f} s"))
    while not faults.empty():
        found.append(faults.get())
    if current.value >= 0 and not any(seed == current.value for seed, _ in found):
        found.append((current.value, f"the process ended with {process.exitcode}"))
    read = count if current.value < 0 else current.value - start + 1
    return found, read


def main() -> None:
    """Fuzz the chosen formats in turn until the time is up."""
    names = list(runpy.run_path(str(FORMATS_FILE))["FORMATS"])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=names, action="append")
    parser.add_argument("--seconds", type=float, default=0.0, help="for each format")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=CHUNK, help="of mutants, at the least")
    options = parser.parse_args()
    failed = False
    for name in options.format or names:
        end, start, total, kinds = time.monotonic() + options.seconds, options.start, 0, {}
        while total < options.count or time.monotonic() < end:
            found, read = run_chunk(name, start, min(CHUNK, options.count))
            start, total = start + max(read, 1), total + max(read, 1)
            for seed, fault in found:
                kinds.setdefault(fault[:60], (seed, fault))
        failed |= bool(kinds)
        sys.stdout.write(f"{name}: {total} mutants, {len(kinds)} kinds of fault\n")
        for seed, fault in kinds.values():
            sys.stdout.write(f"    seed {seed}: {fault}\n")
        sys.stdout.flush()
    sys.exit(failed)


if __name__ == "__main__":
    main()
