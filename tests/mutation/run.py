"""Mutation tests: which small changes of a module do its tests not notice? `make mutation`.

The tests of the file that mirrors a module are collected once. A first run tells which lines each
of them reaches; then every mutant is put into a process forked from there, which runs the tests
that reach it, the fastest first, until one fails. What is run on import alone (constants, defaults,
class bodies) is changed in a process that has not imported the package yet. What lives meets the
tests of the whole folder in the same way.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import gc
import importlib
import itertools
import json
import multiprocessing
import os
import random
import runpy
import signal
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

if TYPE_CHECKING:
    from mutants import Mutant

T = TypeVar("T")

mutants_of = runpy.run_path(str(Path(__file__).parent / "mutants.py"))["mutants_of"]
EQUIVALENT = Path(__file__).parent / "equivalent.toml"
HEAVY = ("numba", "pandas", "pydantic.types", "scipy.stats", "torch", "torchvision")
"""Imported before the processes are forked that import a mutant, where the tests use them."""
PATIENCE = 2.0
"""The tests of a mutant may take so many times as long as without it, and `--seconds` more."""
PYTEST_OPTIONS = ("-x", "-q", "-s", "-p", "no:xdist", "-m", "not slow", "--hypothesis-seed=0")
IMPORT_SECONDS = 60.0
MOST_SECONDS = 20.0
"""What tests of one mutant take at most without it: the fastest of those that reach it are run."""
EVERY_LINE = (1, 10**4)
CACHE = type(cache(len))
FORK = multiprocessing.get_context("fork")


def in_child(work: Callable[[], T], seconds: float | None = None) -> T | None:
    """Return what a forked process returns; None if it crashes or takes too long."""
    receiver, sender = FORK.Pipe(duplex=False)

    def target() -> None:
        os.setpgid(0, 0)  # with what it starts itself, so that all of it can be ended
        sender.send(work())

    process = FORK.Process(target=target)
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(seconds) else None
    except EOFError:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()


def run_tests(tests: Sequence[str], plugin: object = None) -> bool:
    """Run tests until one fails, and say whether all pass; prints nothing."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    return pytest.main([*PYTEST_OPTIONS, *tests], plugins=[plugin] if plugin else []) == 0


class Reach(NamedTuple):
    """The lines of the module that a test reaches, and how long it takes."""

    lines: set[int]
    seconds: float


def fastest(reached: Mapping[str, Reach]) -> list[str]:
    """Return the tests that take least, as many as take MOST_SECONDS together, one at least.

    Those that reach no line come last: they may notice a default or a constant.
    """
    names = sorted(reached, key=lambda name: (not reached[name].lines, reached[name].seconds))
    total = list(itertools.accumulate(reached[name].seconds for name in names))
    return names[: max(1, bisect.bisect(total, MOST_SECONDS))]


class Trial:
    """A pytest plugin that runs the collected tests for each of a module's mutants in turn.

    Attributes:
        reached: What each test reaches that passes without any mutant; None if the tests crash, or
            fail when they are run twice.
        failing: The tests that fail without any mutant; nothing is caught by them.
        alive: Whether the tests pass with each mutant; None where no function that exists differs.
    """

    def __init__(self, module: Path, mutants: Sequence[Mutant], seconds: float) -> None:
        self.reached: dict[str, Reach] | None = None
        self.alive: list[bool | None] = []
        self._file = str(module.resolve())
        self._mutants = mutants
        self._seconds = seconds
        self.failing: list[str] = []
        self._lines: set[int] = set()
        self._of_fixture: dict[object, set[int]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure, then try every mutant."""
        from hypothesis import Phase, settings  # pytest is to import it first

        settings.register_profile(
            "no shrinking", settings(), phases=[Phase.explicit, Phase.generate]
        )
        settings.load_profile("no shrinking")
        if measured := in_child(partial(self._measure, session.items)):
            self.reached, self.failing = measured
            self._warm_up(session.items)
        functions = self._functions()
        gc.freeze()  # collecting in the forked processes would copy every page
        if not self._survives(EVERY_LINE, (), session.items):
            self.reached = None
        for mutant in self._mutants if self.reached else ():
            changed = list(_replacements(mutant.code, functions))
            self.alive.append(
                self._survives(mutant.lines, changed, session.items) if changed else None
            )
        return True

    def _warm_up(self, items: Sequence[pytest.Item]) -> None:
        """Run the test that reaches most, so that what it loads and compiles is there already."""
        reached = self.reached or {}
        passing = [i for i in items if isinstance(i, pytest.Function) and i.nodeid in reached]
        most = sorted(passing, key=lambda item: len(reached[item.nodeid].lines))[-1:]
        for _ in self._run(most):
            pass
        for cached in gc.get_objects():
            function = getattr(cached, "__wrapped__", None) if type(cached) is CACHE else None
            if type(function) is FunctionType and function.__code__.co_filename == self._file:
                cached.cache_clear()

    def _survives(
        self,
        lines: tuple[int, int],
        changed: Sequence[tuple[FunctionType, CodeType]],
        items: Sequence[pytest.Item],
    ) -> bool:
        places = set(range(lines[0], lines[1] + 1))
        reached = (self.reached or {}).items()
        reaching = {name: each for name, each in reached if each.lines & places}
        names = fastest(reaching)
        chosen = sorted(
            (i for i in items if i.nodeid in names), key=lambda i: names.index(i.nodeid)
        )

        def work() -> bool:
            for function, code in changed:
                function.__code__ = code
            return all(passed for _, passed in self._run(chosen))

        usual = sum(reaching[name].seconds for name in names)
        return in_child(work, PATIENCE * usual + self._seconds) is True

    def _run(self, items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, bool]]:
        for item, following in zip(items, [*items[1:], None], strict=False):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield item, item.nodeid not in self.failing

    def _measure(self, items: Sequence[pytest.Item]) -> tuple[dict[str, Reach], list[str]]:
        """Run every test with a trace; a test reaches what its fixtures reach, shared ones too."""
        sys.settrace(self._trace)
        threading.settrace(self._trace)
        reached, start = {}, time.monotonic()
        for item, passed in self._run(items):
            if passed:
                reached[item.nodeid] = Reach(self._lines, time.monotonic() - start)
            self._lines, start = set(), time.monotonic()
        for item in items:
            known = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
            for definition in itertools.chain(*known) if item.nodeid in reached else ():
                reached[item.nodeid].lines.update(self._of_fixture.get(definition, ()))
        return reached, self.failing

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: object) -> Iterator[None]:
        """Note what a fixture reaches, for the tests that find it set up."""
        before, self._lines = self._lines, set()
        try:
            return (yield)
        finally:
            self._of_fixture[fixturedef] = self._lines
            self._lines |= before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test failed."""
        if report.failed:
            self.failing.append(report.nodeid)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != self._file:
            return None
        self._lines.add(frame.f_lineno)
        return self._trace

    def _functions(self) -> list[FunctionType]:
        """Return the module's functions that are alive, however they are wrapped or registered."""
        return [
            thing
            for thing in gc.get_objects()
            if type(thing) is FunctionType and thing.__code__.co_filename == self._file
        ]


def _replacements(
    code: CodeType, functions: Sequence[FunctionType]
) -> Iterator[tuple[FunctionType, CodeType]]:
    """Yield the functions that a mutant changes, with their new code."""
    new: dict[tuple[str, int], CodeType] = {}
    waiting = [code]
    while waiting:
        inner = [each for each in waiting.pop().co_consts if isinstance(each, CodeType)]
        new |= {(each.co_qualname, each.co_firstlineno): each for each in inner}
        waiting += inner
    for function in functions:
        old = function.__code__
        other = new.get((old.co_qualname, old.co_firstlineno), old)
        if other != old and len(other.co_freevars) == len(old.co_freevars):
            yield function, other


def survives_import(module: Path, mutant: Mutant, tests: Sequence[str]) -> bool:
    """Say whether tests pass in a process that imports the mutant in the module's place."""
    usual = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        same = Path(loader.get_filename(name)) == module.resolve()
        return mutant.code if same else usual(loader, name)

    SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign]
    return run_tests(tests)


class Outcome(NamedTuple):
    """What a trial found, and which of the heavy libraries its tests use."""

    reached: dict[str, Reach] | None
    failing: list[str]
    alive: list[bool | None]
    libraries: list[str]


def try_in_place(
    module: Path, mutants: Sequence[Mutant], tests: Sequence[str], seconds: float
) -> Outcome:
    """Try the mutants of a module's functions; the others' answer is None."""
    trial = Trial(module, mutants, seconds)
    run_tests(tests, trial)
    libraries = [name for name in HEAVY if name in sys.modules]
    return Outcome(trial.reached, trial.failing, trial.alive, libraries)


def alive_of(
    module: Path, mutants: Sequence[Mutant], tests: Sequence[str], seconds: float
) -> list[Mutant]:
    """Return the mutants of a module that the tests do not notice."""
    outcome = in_child(partial(try_in_place, module, mutants, tests, seconds))
    if not outcome or not outcome.reached:
        sys.exit(f"these tests cannot be run: pytest -m 'not slow' {' '.join(tests)}")
    for name in outcome.failing:
        sys.stdout.write(f"{name} fails without any mutant and is left out\n")
    for name in outcome.libraries:
        importlib.import_module(name)
    gc.freeze()
    chosen = fastest(outcome.reached)
    patience = PATIENCE * MOST_SECONDS + IMPORT_SECONDS

    alive = []
    for mutant, answer in zip(mutants, outcome.alive, strict=True):
        work = partial(survives_import, module, mutant, chosen)
        if in_child(work, patience) is True if answer is None else answer:
            alive.append(mutant)
    return alive


def tests_of(module: Path) -> list[list[str]]:
    """Return the tests that mirror a module, its examples with them, and those of its package."""
    folder = Path("tests") / module.parent
    while not folder.is_dir():
        folder = folder.parent
    file = folder / f"test_{module.name}"
    nearest = [str(file)] if file.is_file() else []
    if ">>> " in module.read_text():
        nearest.append(str(module))
    return [nearest, [str(folder)]] if nearest else [[str(folder)]]


def examine(module: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Try a module's mutants, print those that live, and return the module's part of the report."""
    start, mutants = time.monotonic(), mutants_of(module)
    if options.sample and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    known = tomllib.loads(EQUIVALENT.read_text()).get(str(module), [])
    living, equivalent = mutants, 0
    stages = tests_of(module)[:1] if options.nearest else tests_of(module)
    for tests in [*stages, *([path] for path in options.tests)]:
        if living:
            alive = alive_of(module, living, tests, options.seconds)
            living = [mutant for mutant in alive if not is_equivalent(mutant, known)]
            equivalent += len(alive) - len(living)
    caught = len(mutants) - equivalent - len(living)
    share, seconds = caught / max(1, caught + len(living)), time.monotonic() - start
    sys.stdout.write(
        f"{module}: {len(mutants)} mutants, {equivalent} equivalent, {caught} caught, "
        f"{len(living)} alive: {share:.1%} in {seconds:.0f} s\n"
    )
    lines = {line.strip() for line in module.read_text().splitlines()}
    for line in [each["line"] for each in known if each["line"] not in lines]:
        sys.stdout.write(f"  {EQUIVALENT.name} lists a line that is gone: {line}\n")
    for mutant in living:
        sys.stdout.write(
            f"  {module}:{mutant.lines[0]} {mutant.function}: {mutant.line}\n"
            f"      {mutant.before}\n   -> {mutant.after or '(left out)'}\n"
        )
    sys.stdout.flush()
    changes = [mutant.change for mutant in living]
    return {
        "mutants": len(mutants), "equivalent": equivalent, "caught": caught, "alive": changes
    }  # fmt: skip


def is_equivalent(mutant: Mutant, known: Sequence[Mapping[str, str]]) -> bool:
    """Say whether a change is listed as one that no test can notice."""
    change = {**mutant.change, "reason": ""}
    return any({**change, **each, "reason": ""} == change for each in known)


def main() -> None:
    """Try the mutants of some modules, print what lives, and write a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--tests", action="append", default=[], help="besides those that mirror")
    parser.add_argument("--nearest", action="store_true", help="only tests of the mirroring file")
    parser.add_argument("--sample", type=int, help="so many mutants of a module, not all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="beyond the usual, for a mutant"
    )
    parser.add_argument("--report", type=Path, default=Path("runs/mutation.json"))
    options = parser.parse_args()
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TMPDIR": folder, "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        tempfile.tempdir = None  # read anew
        for module in options.modules:
            report[str(module)] = examine(module, options)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
