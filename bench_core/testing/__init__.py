"""The door for the tests of a plugin: checks of methods and re-rankers, and what tests need.

It does without pytest: what it has are plain functions, which a plugin's fixtures return.
"""

from bench_core.testing.building import (
    MethodBuilder as MethodBuilder,
    describe_training as describe_training,
    random_batch as random_batch,
    random_data as random_data,
    training_run as training_run,
)
from bench_core.testing.checks import Check as Check
from bench_core.testing.conformance import method_checks as method_checks
from bench_core.testing.registering import registration_checks as registration_checks
from bench_core.testing.reranking import reranker_checks as reranker_checks
from bench_core.testing.stepping import (
    RecordedUpdates as RecordedUpdates,
    StopTrainingError as StopTrainingError,
    Update as Update,
    WatchedUpdates as WatchedUpdates,
    batch_of as batch_of,
    build_updates as build_updates,
    enter_stage as enter_stage,
    note_steps as note_steps,
    record_step as record_step,
    stage_of as stage_of,
    take_step as take_step,
    watch_step as watch_step,
)
