"""The door for the tests of a plugin: the checks that every method must pass."""

from bench_core.testing.conformance import Check as Check, method_checks as method_checks
