"""The file of a matrix: what is trained and scored, and where; typed, in TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from bench_core.configuration import FrozenModel
from bench_core.contracts.errors import UsageError, unknown_name
from bench_core.contracts.method import Precision, Selection
from bench_core.contracts.reranker import K_RECIPROCAL
from bench_core.pipeline.matrix import LauncherName
from bench_core.system.toml_files import read_toml

LONGEST_SHOWN = 60
"""Characters of a value that an error shows."""
EVERY_DATASET = "*"
"""Key of `data` where one root was given, and not one for each dataset."""
OUR_OPTIONS = frozenset(
    {
        "dependency", "error", "job-name", "kill-on-invalid-dep", "ntasks-per-node", "nodes",
        "open-mode", "output", "requeue", "signal",
    }
)  # fmt: skip
"""Options of sbatch that decide how jobs depend, resume and log, and are not the user's."""
OWN_KEYS: Mapping[str, str] = {
    "partition": "partition",
    "account": "account",
    "time": "minutes",
    "gpus-per-node": "gpus",
    "cpus-per-task": "cpus",
    "mem": "memory_gb",
}
"""Options of sbatch for which `[slurm]` has a key of its own."""

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


OWN_LISTS = ("presets", "protocols", "conventions", "rerank", "seeds")
"""The lists that a method of the matrix may have of its own."""


def _as_entry(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _as_method(value: Any) -> Any:
    entry = _as_entry(value)
    if not isinstance(entry, dict):
        return entry
    # What went through a function is no JSON to pydantic any more, whose lists are tuples.
    return {
        key: tuple(one) if key in OWN_LISTS and isinstance(one, list) else one
        for key, one in entry.items()
    }


def _as_reranker(value: Any) -> Any:
    if isinstance(value, bool):
        return {"name": K_RECIPROCAL} if value else None
    return _as_entry(value)


def _refuse_twice(table: FrozenModel, keys: tuple[str, ...]) -> None:
    for key in keys:
        values = getattr(table, key)
        if any(value in values[:place] for place, value in enumerate(values)):
            raise ValueError(f"{key} names a value twice; each cell is run once")


def _as_roots(value: Any) -> Any:
    return {EVERY_DATASET: value} if isinstance(value, str) else value


class RerankerEntry(FrozenModel):
    """A re-ranker of the matrix; a text alone is its name, true is k-reciprocal re-ranking.

    Attributes:
        name: Its id.
        set: Settings of it, as `--rerank-set` takes them.
    """

    name: Text
    set: dict[str, JsonValue] = Field(default_factory=dict)


RerankerChoiceInFile: TypeAlias = Annotated[
    RerankerEntry | None,
    BeforeValidator(_as_reranker, json_schema_input_type=bool | Text | RerankerEntry),
]
"""A re-ranker, or None for distances as they are."""


class MethodEntry(FrozenModel):
    """A method of the matrix; a text alone is its name.

    Attributes:
        name: "METHOD", "METHOD:VARIANT", "METHOD:*" for all its variants, or the "FILE.toml" that
            declares a released model.
        presets: Instead of those of the file; none for those of the file.
        config: As `--config`: a configuration file, over which the values of `set` go.
        weights: As `--weights`, instead of those of the file.
        protocols: Instead of those of the file; likewise.
        conventions: Instead of those of the file; likewise.
        rerank: Instead of what re-ranks by the file; likewise.
        seeds: Instead of those of the file; likewise. A method that draws nothing needs one alone.
        set: Values besides those of the file; of a key that both have, these.
    """

    name: Text
    presets: tuple[Text, ...] = ()
    config: Text | None = None
    weights: Text | None = None
    protocols: tuple[Text, ...] = ()
    conventions: tuple[Text, ...] = ()
    rerank: tuple[RerankerChoiceInFile, ...] = ()
    seeds: tuple[Seed, ...] = ()
    set: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _nothing_is_given_twice(self) -> Self:
        _refuse_twice(self, OWN_LISTS)
        return self


class SlurmTable(FrozenModel):
    """What each job asks SLURM for.

    Attributes:
        partition: Where it runs; the cluster's default without it.
        account: Who pays.
        minutes: Time limit of a job. A training that reaches it is requeued and goes on.
        gpus: GPUs of a job.
        cpus: Processors of a job.
        memory_gb: Memory of a job; the cluster's default without it.
        most_timeouts: How often a job that reaches its time limit is requeued.
        warning_seconds: How long before the limit it is told to requeue.
        setup: Shell lines before each job, such as "module load cuda".
        sbatch: Other options of sbatch by their long names, such as `qos`.
    """

    partition: Text | None = None
    account: Text | None = None
    minutes: int = Field(default=24 * 60, ge=1)
    gpus: int = Field(default=0, ge=0)
    cpus: int = Field(default=2, ge=1)
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    most_timeouts: int = Field(default=20, ge=0)
    warning_seconds: int = Field(default=90, ge=1)
    setup: tuple[Text, ...] = ()
    sbatch: dict[Text, str | int | bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _options_have_one_place(self) -> Self:
        for option in self.sbatch:
            name = option.replace("_", "-")
            if name in OUR_OPTIONS:
                raise ValueError(f"--{name} is set by bench itself; leave it out")
            if name in OWN_KEYS:
                raise ValueError(f"--{name} has a key of its own: {OWN_KEYS[name]}")
        return self


class MatrixFile(FrozenModel):
    """The content of a matrix file. Paths are relative to the current folder, as options are.

    Attributes:
        methods: What is trained.
        protocols: What each model is scored under.
        presets: Configurations to start from; without them as `bench run` chooses.
        seeds: Seeds of the trainings.
        set: Values of configuration keys; a list is swept over, so that a value which is a list
            itself stands in a list of its own.
        conventions: How galleries are drawn; without them each protocol's first.
        rerank: What re-ranks: true, a name or a table, and false for nothing; each model is scored
            with all that are named, such as [false, true].
        select: Which state of a training is kept.
        weights: As `--weights`.
        precision: As `--precision`.
        threads: As `--threads`.
        processes: As `--processes`.
        device: As `--device`; on a cluster "auto" is CUDA where `slurm.gpus` asks for some.
        data: Root of the dataset, or of each by its id; synthetic people without it.
        results: Folder of the records.
        runs: Folder of the trainings, and of the logs of jobs.
        launcher: Where jobs run.
        slurm: What they ask a cluster for.
    """

    methods: Annotated[
        tuple[
            Annotated[
                MethodEntry, BeforeValidator(_as_method, json_schema_input_type=Text | MethodEntry)
            ],
            ...,
        ],
        Field(min_length=1),
    ]
    protocols: Annotated[tuple[Text, ...], Field(min_length=1)]
    presets: tuple[Text, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    set: dict[str, JsonValue] = Field(default_factory=dict)
    conventions: tuple[Text, ...] = ()
    rerank: Annotated[tuple[RerankerChoiceInFile, ...], Field(min_length=1)] = (None,)
    select: Selection = "last"
    weights: Text | None = None
    precision: Literal["auto"] | Precision = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    processes: int = Field(default=1, ge=1, le=1024)
    device: Text = "auto"
    data: Annotated[
        dict[str, Text],
        BeforeValidator(_as_roots, json_schema_input_type=Text | dict[str, Text]),
    ] = Field(default_factory=dict)
    results: Path = Path("results")
    runs: Path = Path("runs")
    launcher: LauncherName = "local"
    slurm: SlurmTable = SlurmTable()

    @model_validator(mode="after")
    def _nothing_is_given_twice(self) -> Self:
        _refuse_twice(self, ("protocols", "presets", "seeds", "conventions", "rerank"))
        return self


def read_matrix(path: Path) -> MatrixFile:
    """Read the file of a matrix.

    Raises:
        UsageError: It cannot be read, is no TOML, or a key of it is unknown or wrong; one line that
            names the file and the key.
    """
    text = json.dumps(read_toml(path, "a matrix"))
    try:
        # As JSON, where lists are tuples; strict, so that true is no number and "3" neither.
        return MatrixFile.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _explained(path, error) from None


def _explained(path: Path, error: ValidationError) -> UsageError:
    defect = error.errors(include_url=False)[0]
    location = [str(part) for part in defect["loc"]]
    key = ".".join(location)
    if defect["type"] == "extra_forbidden":
        known = _keys_beside(location)
        return UsageError(f"{path}: {unknown_name('key', key, known)}")
    if defect["type"] == "missing":
        return UsageError(f"{path}: the key '{key}' is missing; see docs/matrix.md for an example")
    message = defect["msg"].removeprefix("Value error, ")
    text = message[:1].lower() + message[1:]
    given = json.dumps(defect["input"], default=str)
    value = f" = {given}" if len(given) <= LONGEST_SHOWN else ""
    return UsageError(f"{path}: {f'{key}{value}: ' if key else ''}{text}")


def _keys_beside(location: list[str]) -> list[str]:
    """Return the keys that could stand where an unknown one does, as they would be written."""
    tables: dict[str, type[FrozenModel]] = {
        "methods": MethodEntry,
        "rerank": RerankerEntry,
        "slurm": SlurmTable,
    }
    kind = tables.get(location[0], MatrixFile) if len(location) > 1 else MatrixFile
    prefix = ".".join(location[:-1])
    return [f"{prefix}.{name}" if prefix else name for name in kind.model_fields]
