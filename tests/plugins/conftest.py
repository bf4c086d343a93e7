"""Every plugin's module `test_conformance` says in `CONFORMING` what is to conform."""

from __future__ import annotations

import pytest

from bench_core.testing import method_checks


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Check every variant of these methods; `make test` checks the first, which is the whole one.

    `CONFORMING` has pairs of a method's specification and the options that make it small; where
    these are not the same for all variants, by the variant's name.
    """
    conforming = getattr(metafunc.module, "CONFORMING", ())
    if not conforming or "check" not in metafunc.fixturenames:
        return
    checks = [
        pytest.param(check, marks=pytest.mark.exhaustive if place else [])
        for spec, options in conforming
        for place, variant in enumerate(spec.variants)
        for check in method_checks(
            spec, variant, options[variant.name] if isinstance(options, dict) else options
        )
    ]
    metafunc.parametrize("check", checks, ids=str)
