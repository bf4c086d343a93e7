"""What a section finds out, written line by line: a killed run leaves what it had."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

Item = TypeVar("Item")
Line: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["passed", "failed", "skipped", "target", "cut", "measured", "end"]


@dataclass(frozen=True)
class Deadline:
    """When a section has to end.

    Attributes:
        at: Seconds of `time.monotonic`.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that lies some seconds ahead."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass(frozen=True)
class Notes:
    """The lines of a section, in a file of its own.

    Attributes:
        path: The file; a line is a JSON object with "kind" and "name".
        say: Told of each line but of what was measured, as text.
    """

    path: Path
    say: Callable[[str], object] = _print

    def passed(self, name: str, detail: str = "") -> None:
        """Note that something is as it must be."""
        self._add("passed", name, detail=detail)

    def failed(self, name: str, detail: str) -> None:
        """Note that something is wrong."""
        self._add("failed", name, detail=detail)

    def refused(self, name: str, error: Exception) -> None:
        """Note that something raised: no failure where the device has too little memory for it."""
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
            self.skipped(name, reason)
        else:
            self.failed(name, reason)

    def skipped(self, name: str, detail: str) -> None:
        """Note that something cannot be looked at here."""
        self._add("skipped", name, detail=detail)

    def check(self, name: str, holds: bool, detail: str) -> None:  # it is the verdict
        """Note whether something is as it must be."""
        self._add("passed" if holds else "failed", name, detail=detail)

    def target(self, name: str, value: float, *, least: float | None = None,
               most: float | None = None, detail: str = "") -> None:  # fmt: skip
        """Note a figure that has a target; one that misses it is no failure."""
        met = (least is None or value >= least) and (most is None or value <= most)
        self._add("target", name, value=value, least=least, most=most, met=met, detail=detail)

    def cut(self, name: str, detail: str = "no time was left") -> None:
        """Note that something was not begun or not ended."""
        self._add("cut", name, detail=detail)

    def measured(self, name: str, what: str, document: Line) -> None:
        """Note a figure.

        Args:
            name: Of what, for people.
            what: Which part of a record of speeds it is, or another word.
            document: The figure.
        """
        self._add("measured", name, what=what, document=document)

    def end(self, seconds: float) -> None:
        """Note that the section has come to its end."""
        self._add("end", self.path.stem, seconds=round(seconds, 3))

    def within(
        self, items: Iterable[Item], deadline: Deadline, name: Callable[[Item], str] = str
    ) -> Iterator[Item]:
        """Yield items until the time is over; those that are left are noted as cut."""
        for item in items:
            if deadline.left:
                yield item
            else:
                self.cut(name(item))

    def _add(self, kind: Kind, name: str, **more: Any) -> None:
        line = {"kind": kind, "name": name, **more}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if kind != "end":
            self.say(f"  {as_text(line)}\n")


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a section; a last one that is not whole is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:  # the process was killed while it wrote this
            break
    return lines


def measured_in(lines: Sequence[Line], what: str) -> list[Line]:
    """Return what was measured of a part of a record."""
    return [line["document"] for line in lines if line.get("what") == what]


def as_text(line: Line) -> str:
    """Return a line as it is shown to people."""
    if line["kind"] == "measured":
        return f"measured {line['name']}{_figure(line['document'])}"
    if line["kind"] == "target":
        bounds = [f"at least {line['least']:g}"] if line["least"] is not None else []
        bounds += [f"at most {line['most']:g}"] if line["most"] is not None else []
        word = "target met" if line["met"] else "target MISSED"
        detail = f" ({line['detail']})" if line["detail"] else ""
        return f"{word}: {line['name']} {line['value']:.3g}, {' and '.join(bounds)}{detail}"
    detail = f": {line['detail']}" if line["detail"] else ""
    word = "FAILED" if line["kind"] == "failed" else line["kind"]
    return f"{word} {line['name']}{detail}"


def _figure(document: Line) -> str:
    if "images_per_second" in document:
        return f": {document['images_per_second']:,.1f} images/s"
    if "flops_per_second" in document:
        return f": {document['flops_per_second'] / 1e12:,.2f} TFLOP/s"
    return ""
