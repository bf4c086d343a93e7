"""Number formats and threads of devices, and what a processor says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench_core import UsageError
from bench_core.system import devices as module
from bench_core.system.devices import (
    THREADS_VARIABLE,
    NumberFormat,
    arithmetic,
    check_format,
    choose_precision,
    default_threads,
    device_name,
    fixed_threads,
    number_formats,
    processor_facts,
    processor_flags,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def settings() -> tuple[bool, bool, bool]:
    return (
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.is_autocast_enabled("cpu"),
    )


@pytest.mark.parametrize(
    ("number_format", "expected"),
    [
        ("float32", (False, False, False)),
        ("tf32", (True, True, False)),
        ("bfloat16", (False, False, True)),
    ],
)
def test_a_block_computes_in_its_format(
    number_format: NumberFormat, expected: tuple[bool, bool, bool]
) -> None:
    before = settings()
    with arithmetic(CPU, number_format):
        assert settings() == expected
    assert settings() == before


def test_float32_is_computed_also_within_autocast() -> None:
    layer, values = torch.nn.Linear(4, 4), torch.rand(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16), arithmetic(CPU, "float32"):
        assert layer(values).dtype == torch.float32


def test_settings_are_restored_after_an_error() -> None:
    before = settings()
    with pytest.raises(KeyError), arithmetic(CPU, "bfloat16"):
        raise KeyError
    assert settings() == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("model name : X\nflags : fpu avx2 avx512_bf16\n", ("float32", "bfloat16")),
        ("flags : fpu avx512f amx_bf16\n", ("float32", "bfloat16")),
        ("Features : fp asimd bf16\n", ("float32", "bfloat16")),
        ("flags : fpu avx2\n", ("float32",)),
        ("nothing known\n", ("float32",)),
    ],
)
def test_a_processor_has_the_formats_that_its_flags_name(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str,
    expected: tuple[NumberFormat, ...],
) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text(content)
    monkeypatch.setattr(module, "_PROCESSOR_INFORMATION", information)
    assert number_formats(CPU) == expected


def test_a_system_that_does_not_say_has_no_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_PROCESSOR_INFORMATION", tmp_path / "missing")
    assert processor_flags() == frozenset()
    assert processor_facts("model name") == []
    assert device_name(CPU)
    assert number_formats(CPU) == ("float32",)


def test_a_format_that_would_be_imitated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "number_formats", lambda _device: ("float32",))
    check_format("float32", CPU)
    with pytest.raises(UsageError, match=r"--precision bfloat16: .* use --precision float32"):
        check_format("bfloat16", CPU)


@pytest.mark.parametrize(
    ("option", "device", "preset", "expected"),
    [
        ("auto", CPU, "quick", "float32"),
        ("auto", CPU, "paper", "float32"),
        ("auto", CUDA, "quick", "bfloat16"),
        ("auto", CUDA, "official-code", "float32"),
        ("auto", CUDA, "paper", "float32"),
        ("float32", CUDA, "quick", "float32"),
        ("tf32", CUDA, "paper", "tf32"),
        ("bfloat16", CUDA, "paper", "bfloat16"),
    ],
)
def test_the_precision_follows_from_option_device_and_preset(
    option: str,
    device: torch.device,
    preset: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0))
    assert choose_precision(option, device, preset) == expected


def test_a_processor_has_no_tf32() -> None:
    with pytest.raises(UsageError, match="--precision tf32: only CUDA has it"):
        choose_precision("tf32", CPU, "quick")


def test_a_card_without_the_format_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "an old card")
    assert choose_precision("auto", CUDA, "quick") == "float32"
    for precision in ("tf32", "bfloat16"):
        with pytest.raises(UsageError, match="an old card has no arithmetic for it"):
            choose_precision(precision, CUDA, "quick")


def test_what_a_processor_says_is_of_each_core(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text("model name\t: A: 1\ncpu MHz : 2.5\n\nmodel name\t: B\ncpu MHz : 3\n")
    monkeypatch.setattr(module, "_PROCESSOR_INFORMATION", information)
    assert processor_facts("cpu MHz") == ["2.5", "3"]
    with fixed_threads(1):
        assert device_name(CPU) == "A: 1, 1 thread"


@pytest.mark.parametrize(("text", "expected"), [(None, 2), ("1", 1), ("16", 16)])
def test_the_environment_names_the_threads(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: int
) -> None:
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(THREADS_VARIABLE, text)
    assert default_threads() == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "1.5", "1025", "9" * 5000, "²"])
def test_a_wrong_number_of_threads_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, text)
    with pytest.raises(UsageError, match=r"VIREID_BENCH_THREADS=.*: expected a number of threads"):
        default_threads()


def test_threads_are_fixed_in_a_block_and_given_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), fixed_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
