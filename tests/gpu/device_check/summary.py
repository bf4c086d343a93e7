"""What a check came to: its record of speeds, a summary for people, and how it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_core.contracts.speed import SpeedRecord
from bench_core.results.provenance import git_state
from bench_core.results.speeds import write_speeds
from device_check.notes import Line, as_text, measured_in, read_lines

ROOT = Path(__file__).parents[3]
DEVICE_KEYS = ("name", "kind", "driver", "readings", "versions")
PARTS = ("peaks", "extraction", "training")


def read_sections(folder: Path, names: Sequence[str]) -> dict[str, list[Line]]:
    """Return the lines that each section has left, in the order of the sections."""
    return {name: read_lines(folder / f"{name}.jsonl") for name in names}


def build_record(sections: dict[str, list[Line]], created: datetime) -> SpeedRecord | None:
    """Make a record of speeds of what was measured; None where that is too little."""
    lines = [line for section in sections.values() for line in section]
    devices = measured_in(lines, "device")
    parts = {part: measured_in(lines, part) for part in PARTS}
    if not devices or not (parts["extraction"] or parts["training"]):
        return None
    commit, dirty = git_state(ROOT)
    document: dict[str, Any] = {
        "schema_version": 1,
        "created": created,
        "git_commit": commit,
        "git_dirty": dirty,
        "device": {key: devices[0][key] for key in DEVICE_KEYS},
        **parts,
    }
    return SpeedRecord.model_validate(document)


def keep_speeds(sections: dict[str, list[Line]], created: datetime, folder: Path) -> Path | None:
    """Write the record of speeds of what was measured so far; None where that is too little."""
    record = build_record(sections, created)
    return None if record is None else write_speeds(folder, record)


def summarize(sections: dict[str, list[Line]], *, small: bool) -> str:
    """Return the summary: a line a section, then by name what failed, missed or was cut.

    Args:
        sections: The lines of each section.
        small: Whether all sizes were tiny.
    """
    lines = [line for section in sections.values() for line in section]
    return "\n".join([
        "Summary" + (" (tiny sizes: its figures say nothing of a device)" if small else ""),
        *(f"  {name:<12}{_counts(section)}" for name, section in sections.items()),
        *_listed("Failed", lines, "failed"),
        *_listed("Missed its target, which is no failure", _targets(lines, met=False), "target"),
        *_listed("Met its target", _targets(lines, met=True), "target"),
        *_listed("Cut for want of time", lines, "cut"),
        *_listed("Skipped", lines, "skipped"),
    ])  # fmt: skip


def exit_code(sections: dict[str, list[Line]]) -> int:
    """Return 1 where something is wrong, or nothing at all was found out; else 0."""
    lines = [line for section in sections.values() for line in section]
    found = any(line["kind"] in ("passed", "measured") for line in lines)
    return int(not found or any(line["kind"] == "failed" for line in lines))


def _counts(lines: Sequence[Line]) -> str:
    counts = Counter(line["kind"] for line in lines)
    seconds = next((f", {line['seconds']:.0f} s" for line in lines if line["kind"] == "end"), "")
    kinds = ("passed", "failed", "skipped", "measured", "cut")
    words = [f"{counts[kind]} {kind}" for kind in kinds if counts[kind]]
    targets = [line for line in lines if line["kind"] == "target"]
    if targets:
        words.append(f"{sum(line['met'] for line in targets)} of {len(targets)} targets met")
    ended = "" if seconds else ", not ended" if lines else "not begun"
    return ", ".join(words) + seconds + ended


def _targets(lines: Sequence[Line], *, met: bool) -> list[Line]:
    return [line for line in lines if line["kind"] == "target" and line["met"] == met]


def _listed(title: str, lines: Sequence[Line], kind: str) -> Iterator[str]:
    chosen = [line for line in lines if line["kind"] == kind]
    if chosen:
        yield f"{title}:"
        yield from (f"  {as_text(line)}" for line in chosen)
