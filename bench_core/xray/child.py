"""The process in which a stranger's function is called; started by `bench_core.xray.process`.

It writes what it finds to a file, a JSON document a line, each as soon as it is known: the function
may end the process at any moment.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from bench_core.xray.forms import (
    FORMS,
    Arrays,
    Form,
    arguments,
    count_required,
    describe,
    parameters_of,
)
from bench_core.xray.images import write_images


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is called.

    Attributes:
        script: The file.
        function: Name of the function in it.
        form: Name of the form, or "auto".
        arrays: In what features are given, or "auto".
        images: Root of the files that a form draws from, which takes a folder.
        answers: The file to write to.
        stack: The file for what Python was doing when the time was up.
        timeout_seconds: The most that the function may take, all calls together.
    """

    script: str
    function: str
    form: str
    arrays: str
    images: str
    answers: str
    stack: str
    timeout_seconds: float


def main(job_file: str) -> None:
    """Do what a job says."""
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    with Path(job.stack).open("w") as stack, Path(job.answers).open("w") as answers:
        faulthandler.dump_traceback_later(job.timeout_seconds, exit=True, file=stack)
        for document in documents(job):
            answers.write(json.dumps(document) + "\n")
            answers.flush()
        faulthandler.cancel_dump_traceback_later()


def documents(job: Job) -> Iterator[Mapping[str, Any]]:
    """Load the function, and call it with every probe of its form."""
    try:
        function = _load(Path(job.script), job.function)
    except BaseException as error:  # noqa: BLE001  # a stranger's script may raise anything
        yield {"not_loaded": _failure(error)}
        return
    if not callable(function):
        yield {"no_function": sorted(_functions(job.script))}
        return
    form = _find_form(function, job.form)
    if form is None:
        known = parameters_of(function)
        shown = "(...)" if known is None else f"({', '.join(map(str, known.values()))})"
        yield {"no_form": shown}
        return
    yield from call_with_probes(function, form, _arrays(form, job.arrays), images=Path(job.images))


def call_with_probes(
    function: Callable[..., Any], form: Form, arrays: Arrays, *, images: Path
) -> Iterator[Mapping[str, Any]]:
    """Call a function with the probes of a form; yield the form, and then what each call gave."""
    parameters = parameters_of(function) or {}
    defaults = {
        name: repr(one.default)[:80]
        for name, one in parameters.items()
        if one.default is not inspect.Parameter.empty
    }
    yield {"form": form.name, "defaults": defaults}
    if form.name == "draw":
        write_images(images)
    for probe in form.probes:
        given, options = arguments(form, probe, arrays, parameters, images)
        before, _ = arguments(form, probe, arrays, parameters, images)
        try:
            returned = describe(function(*given, **options))
        except BaseException as error:  # noqa: BLE001  # a stranger's function may raise anything
            yield {"probe": probe, "failed": _failure(error)}
            continue
        pairs = zip(parameters, before, given, strict=False)
        changed = [name for name, old, new in pairs if not _same(old, new)]
        yield {"probe": probe, "returned": returned, "changed": changed}


def _load(script: Path, name: str) -> Any:
    """Run a script as a module, not as a program, and return what it calls by a name."""
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    spec = importlib.util.spec_from_file_location(script.stem, script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[script.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name, None)


def _functions(script: str) -> list[str]:
    module = sys.modules[Path(script).stem]
    return [name for name, value in vars(module).items() if inspect.isfunction(value)]


def _find_form(function: Callable[..., Any], name: str) -> Form | None:
    if name != "auto":
        return FORMS[name]
    required = count_required(function)
    return next((form for form in FORMS.values() if form.required == required), None)


def _arrays(form: Form, name: str) -> Arrays:
    return next((known for known in get_args(Arrays) if known == name), form.arrays)


def _same(old: Any, new: Any) -> bool:
    """Say whether an argument is what it was; of objects in arrays, only that they are there."""
    if type(old).__module__.split(".")[0] == "torch":
        return bool((old == new).all())
    if isinstance(old, np.ndarray) and old.dtype != object:
        return np.array_equal(old, new)
    return True


def _failure(error: BaseException) -> dict[str, Any]:
    """Say what was raised, and where: the last line outside of this package and of libraries."""
    from bench_core.system.escaping import in_one_line

    own = str(Path(__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not frame.filename.startswith((own, "<"))]
    theirs = [frame for frame in outside if "site-packages" not in frame.filename] or outside
    if isinstance(error, SyntaxError) and error.filename:
        return {"error": in_one_line(error), "file": error.filename, "line": error.lineno}
    last = theirs[-1] if theirs else None
    return {
        "error": in_one_line(error),
        "file": last.filename if last else None,
        "line": last.lineno if last else None,
    }
