"""The process in which a plugin is checked; started by `bench_core.plugin_check.process`.

It writes what it finds to a file, a JSON document a line, each as soon as it is known: the plugin
may end the process at any moment.
"""

from __future__ import annotations

import faulthandler
import inspect
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from bench_core.contracts.errors import BenchError, UsageError
from bench_core.contracts.hooks import ENTRY_POINT_GROUP
from bench_core.contracts.method import MethodSpec, VariantSpec
from bench_core.contracts.reranker import RerankerSpec
from bench_core.loading import load_object
from bench_core.plugin_check.report import CheckResult
from bench_core.plugins import Registry, load_registry
from bench_core.system.escaping import in_one_line
from bench_core.system.guard import Place, raised_in
from bench_core.testing.checks import Check
from bench_core.testing.conformance import DeedError, NothingToldError, method_checks
from bench_core.testing.registering import LOADED, registration_checks
from bench_core.testing.reranking import reranker_checks
from bench_core.testing.small import small_assignments


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is checked.

    Attributes:
        module: What the entry point names.
        methods: Ids of the methods to check.
        rerankers: Ids of the re-rankers to check; where no id of either is named, all are checked.
        variants: Names of their variants; empty for all.
        assignments: `key=value` texts of the user.
        answers: The file to write to.
        stack: The file for what Python was doing when the time was up.
        timeout_seconds: The most that each check may take.
    """

    module: str
    methods: tuple[str, ...]
    rerankers: tuple[str, ...]
    variants: tuple[str, ...]
    assignments: tuple[str, ...]
    answers: str
    stack: str
    timeout_seconds: float

    def wants(self, spec: MethodSpec | RerankerSpec) -> bool:
        """Say whether a method or a re-ranker is checked."""
        own = self.methods if isinstance(spec, MethodSpec) else self.rerankers
        return spec.id in own or not (self.methods or self.rerankers)


def main(job_file: str) -> None:
    """Do what a job says."""
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    with Path(job.stack).open("w") as stack, Path(job.answers).open("w") as answers:
        for document in documents(job):
            answers.write(json.dumps(document) + "\n")
            answers.flush()
            faulthandler.cancel_dump_traceback_later()
            faulthandler.dump_traceback_later(job.timeout_seconds, exit=True, file=stack)
        faulthandler.cancel_dump_traceback_later()


def documents(job: Job) -> Iterator[Mapping[str, Any]]:
    """Yield group by group the checks that come, and then what each found."""
    failed = set[str]()
    entry = registration_checks(job.module)
    yield from _run(entry, {job.module.partition(".")[0]}, None, failed)
    if LOADED in failed:
        yield {"finished": True}
        return
    registry = load_registry([EntryPoint(job.module, job.module, ENTRY_POINT_GROUP)])
    try:
        for checks, spec in _groups(job, registry):
            yield from _run(checks, _packages(job.module, spec), spec, set())
    except UsageError as error:
        yield {"refused": str(error)}
        return
    yield {"finished": True}


def _groups(
    job: Job, registry: Registry
) -> Iterator[tuple[list[Check], MethodSpec | RerankerSpec]]:
    """Yield the checks of each variant and of each re-ranker that is wanted.

    Raises:
        UsageError: A text of the user does not fit one of them.
    """
    for method in filter(job.wants, registry.methods.values()):
        for variant in method.variants:
            if not job.variants or variant.name in job.variants:
                yield _checks(method, variant, job.assignments), method
    for reranker in filter(job.wants, registry.rerankers.values()):
        yield reranker_checks(reranker, job.assignments if job.rerankers else ()), reranker


def _packages(module: str, spec: MethodSpec | RerankerSpec) -> set[str]:
    """Return the plugin's packages; the class of a released model is not of them, but ours."""
    own = module.partition(".")[0]
    named = {name.partition(".")[0] for name in (_named_class(spec), spec.config)}
    return {own} | (named - {"bench_core"})


def _named_class(spec: MethodSpec | RerankerSpec) -> str:
    return spec.method if isinstance(spec, MethodSpec) else spec.reranker


def _checks(spec: MethodSpec, variant: VariantSpec, assignments: Sequence[str]) -> list[Check]:
    """Return the checks of a small method; of one whose presets are wrong the first tell."""
    try:
        small = small_assignments(spec, variant, assignments)
    except UsageError:
        raise
    except BenchError:
        small = tuple(assignments)
    return method_checks(spec, variant, small)


def _run(
    checks: Sequence[Check],
    packages: Collection[str],
    spec: MethodSpec | RerankerSpec | None,
    failed: set[str],
) -> Iterator[Mapping[str, Any]]:
    """Tell which checks come, and what each found; `failed` gets those that did not pass."""
    yield {
        "coming": [
            asdict(CheckResult(about=about, check=check.rule, state="not run", mend=check.mend))
            for check in checks
            for about in [check.name.rpartition(":")[0]]
        ]
    }
    for check in checks:
        result = _try(check, packages, spec, failed)
        if result.state != "passed":
            failed.add(check.rule)
        yield {"result": asdict(result)}


def _try(
    check: Check,
    packages: Collection[str],
    spec: MethodSpec | RerankerSpec | None,
    failed: Collection[str],
) -> CheckResult:
    about, rule = check.name.rpartition(":")[0], check.rule
    if missing := [need for need in check.needs if need in failed]:
        detail = str(NothingToldError(missing[0]))
        return CheckResult(about=about, check=rule, state="not run", detail=detail)
    try:
        check.run()
    except NothingToldError as error:
        return CheckResult(about=about, check=rule, state="not run", detail=str(error))
    except BaseException as error:  # noqa: BLE001  # a stranger's method may raise anything
        place = _place(error, packages) or _defined(spec, check.part, packages)
        return CheckResult(
            about=about,
            check=rule,
            state="failed",
            detail=_detail(error),
            file=place.file if place else None,
            line=place.line if place else None,
            mend=check.mend,
        )
    return CheckResult(about=about, check=rule, state="passed")


def _detail(error: BaseException) -> str:
    if isinstance(error, DeedError):
        return error.what
    return str(error) if isinstance(error, BenchError) else in_one_line(error)


def _place(error: BaseException, packages: Collection[str]) -> Place | None:
    """Return the last line of the plugin that an exception, or its cause, passed through."""
    if isinstance(error, DeedError):
        return error.place
    found = raised_in(error, packages)
    if found is None and error.__cause__ is not None:
        return _place(error.__cause__, packages)
    return found


def _defined(
    spec: MethodSpec | RerankerSpec | None, part: str, packages: Collection[str]
) -> Place | None:
    """Return where the plugin defines what a check is about, or else the class."""
    if spec is None:
        return None
    try:
        kind = load_object(spec.config if part == "config" else _named_class(spec))
    except BenchError:
        return None
    for thing in (getattr(kind, part, None), kind):
        module = str(getattr(thing, "__module__", ""))
        if thing is not None and module.partition(".")[0] in packages:
            _, line = inspect.getsourcelines(thing)
            return Place(str(sys.modules[module].__file__), line)
    return None
