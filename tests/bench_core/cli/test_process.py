"""`bench` as a process: its streams, signals and exit codes, whatever plugins do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Finished: TypeAlias = subprocess.CompletedProcess[str]
RunBench: TypeAlias = Callable[..., Finished]

ENTRY = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from bench_start import main; main()"
)
"""As a terminal starts it: what runs in the background of a shell ignores Ctrl-C."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def install(site: Path) -> Callable[[str], None]:
    """Install the plugin 'evil' of the package evil-pack 1.0, of the given source."""

    def write(source: str) -> None:
        notes = site / "evil_pack-1.0.dist-info"
        notes.mkdir()
        (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-pack\nVersion: 1.0\n")
        (notes / "entry_points.txt").write_text("[bench]\nevil = evil_plugin\n")
        (site / "evil_plugin.py").write_text(textwrap.dedent(source))

    return write


@pytest.fixture
def bench(site: Path, tmp_path: Path) -> RunBench:
    """Run `bench` as a process of its own in an empty folder."""
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments: str | Path, code: str = ENTRY, **options: Any) -> Finished:
        environment = {**os.environ, "PYTHONPATH": str(site), **options.pop("env", {})}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(
            command, check=False, **{"cwd": work, "env": environment, **streams, **options}
        )

    return run


def error_of(finished: Finished, exit_code: int) -> str:
    """Return the one error line of a failed process."""
    assert finished.returncode == exit_code, finished.stderr
    assert "Traceback" not in finished.stderr
    lines = [line for line in finished.stderr.splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, finished.stderr
    return lines[0]


PRINTS = """
    import ctypes, os, subprocess, sys, warnings
    from bench_core import hookimpl

    print("by Python")
    os.write(1, b"by number\\n")
    ctypes.CDLL(None).puts(b"by C")
    subprocess.run([sys.executable, "-c", "print('by a child')"])

    @hookimpl
    def bench_register_commands(cli):
        print("in a hook")
        sys.stdout.write("to the stream\\n")
        sys.__stdout__.write("to the first stream\\n")
"""


def test_what_a_plugin_prints_goes_to_standard_error(
    install: Callable[[str], None], bench: RunBench
) -> None:
    install(PRINTS)
    finished = bench("list", "methods", "--json")
    assert [row["method"] for row in json.loads(finished.stdout)] == sorted(
        row["method"] for row in json.loads(finished.stdout)
    )
    for text in ("by Python", "by number", "by C", "by a child", "in a hook", "to the stream"):
        assert text in finished.stderr


OWN_COMMAND = """
    import subprocess, sys
    import click
    from bench_core import hookimpl

    @click.command()
    @click.argument("code", type=int)
    def mine(code):
        print("by Python")
        click.echo("by click")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", "print('by a child')"])
        sys.exit(code)

    @hookimpl
    def bench_register_commands(cli):
        cli.add_command(mine)
"""


@pytest.mark.parametrize("code", [0, 3])
def test_a_plugins_own_command_prints_and_exits_as_it_likes(
    install: Callable[[str], None], bench: RunBench, code: int
) -> None:
    install(OWN_COMMAND)
    finished = bench("mine", str(code))
    assert finished.stdout == "by Python\nby click\nby a child\n"
    assert (finished.stderr, finished.returncode) == ("", code)


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        ("sys.exit(0)", "SystemExit: 0"),
        ("sys.exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise type('Odd', (BaseException,), {'__str__': None})", "Odd: its message cannot"),
    ],
)
@pytest.mark.parametrize("place", ["import", "bench_register_methods", "bench_register_commands"])
def test_a_plugin_that_ends_the_program_is_named_and_the_rest_works(
    install: Callable[[str], None], bench: RunBench, raised: str, shown: str, place: str
) -> None:
    hook = f"@hookimpl\ndef {place}({'cli' if 'commands' in place else ''}):\n    {raised}"
    body = raised if place == "import" else hook
    install(f"import sys\nfrom bench_core import hookimpl\n{body}\n")
    finished = bench("list", "protocols", "--json")
    assert finished.returncode == 0
    assert json.loads(finished.stdout)
    assert "Warning: plugin 'evil' (evil-pack 1.0) could not be loaded" in finished.stderr
    assert shown in finished.stderr


@pytest.mark.parametrize(
    "body",
    [
        'cli.add_command("x", name="zz")',
        'cli.commands["zz"] = "x"',
        'cli.commands[3] = click.Command("x")',
        'cli.commands["list"].commands["methods"] = click.Command("methods")',
        'cli.add_command(click.Command("a/b"))',
        'cli.add_command(click.Command("x", help=5))',
        'cli.add_command(click.Group("g", commands={"x": iter([])}))',
        "cli.commands = None",
        "cli.commands.clear()",
    ],
)
def test_what_is_no_command_is_refused_and_the_others_stay(
    install: Callable[[str], None], bench: RunBench, body: str
) -> None:
    install(
        "import click\nfrom bench_core import hookimpl\n"
        f"@hookimpl\ndef bench_register_commands(cli):\n    {body}\n"
    )
    assert "leaderboard" in bench("--help").stdout
    finished = bench("list", "methods")
    assert "xiv" in finished.stdout
    assert "Warning: plugin 'evil' (evil-pack 1.0) could not be loaded" in finished.stderr


def test_a_damaged_package_is_named_and_the_rest_works(site: Path, bench: RunBench) -> None:
    notes = site / "evil_pack-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("")
    (notes / "entry_points.txt").write_bytes(b"[bench]\n\xff\xfe = \n= x\n")
    finished = bench("list", "plugins", "--json")
    states = {row["plugin"]: row["state"] for row in json.loads(finished.stdout)}
    assert states["xiv"] == "loaded"
    assert any("Error" in state for state in states.values())


def test_an_unexpected_error_is_one_line_that_names_the_plugin(
    install: Callable[[str], None], bench: RunBench
) -> None:
    install(
        """
        import click
        from bench_core import hookimpl

        @click.command()
        def mine():
            raise ValueError("odd\\nError: all is lost")

        @hookimpl
        def bench_register_commands(cli):
            cli.add_command(mine)
        """
    )
    line = error_of(bench("mine"), 1)
    assert "ValueError: odd Error: all is lost, in " in line
    assert "It came up in plugin 'evil' (evil-pack 1.0): report it to those who" in line
    asked = bench("mine", env={"VIREID_BENCH_TRACEBACK": "1"})
    assert "Traceback (most recent call last)" in asked.stderr


def test_a_fault_of_bench_itself_says_so(bench: RunBench) -> None:
    code = (
        "import bench_core.results.comparison as module\n"
        "def broken(*_):\n    raise ZeroDivisionError('oh')\n"
        "module.compare_results = broken\n"
    )
    line = error_of(bench("compare", "a", "b", code=code + ENTRY), 1)
    assert "ZeroDivisionError: oh" in line
    assert "This is a fault of bench: report it to those who maintain vireid-bench" in line


@pytest.mark.parametrize("raised", ["SystemExit(0)", "SystemExit", "KeyboardInterrupt"])
def test_an_exit_within_a_command_is_no_success(bench: RunBench, raised: str) -> None:
    code = (
        "import bench_core.results.comparison as module\n"
        f"def broken(*_):\n    raise {raised}\n"
        "module.compare_results = broken\n"
    )
    line = error_of(bench("compare", "a", "b", code=code + ENTRY), 1)
    assert f"{raised.removesuffix('(0)')} was raised, which ends a program, in " in line


@pytest.mark.parametrize("arguments", [["list", "methods"], ["--help"], ["list", "--help"]])
def test_a_full_disk_is_one_line(bench: RunBench, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        line = error_of(bench(*arguments, stdout=full), 1)
    assert "No space left on device" in line


def test_a_full_disk_for_errors_leaves_the_exit_code(bench: RunBench) -> None:
    with Path("/dev/full").open("w") as full:
        assert bench("list", "nonsense", stderr=full).returncode == 2


def test_a_reader_that_has_enough_ends_it_in_silence(bench: RunBench) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    finished = bench("list", "methods", stdout=writer)
    os.close(writer)
    assert (finished.returncode, finished.stderr) == (1, "")


@pytest.mark.parametrize("closed", [[1], [2], [0, 1, 2]])
def test_closed_streams_end_in_no_traceback(
    bench: RunBench, tmp_path: Path, closed: list[int]
) -> None:
    code = f"import os\nfor number in {closed}: os.close(number)\n"
    shell = " ".join(f"{number}{'<' if number == 0 else '>'}&-" for number in closed)
    finished = subprocess.run(
        ["bash", "-c", f'"$0" -c "{ENTRY}" list protocols --json {shell}', sys.executable],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert "Traceback" not in finished.stderr, code
    assert finished.returncode == (1 if 1 in closed else 0)
    if closed == [1]:
        assert finished.stderr == "Error: cannot write the result: standard output is closed\n"
    if closed == [2]:
        assert json.loads(finished.stdout)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp437"])
def test_a_text_that_an_encoding_lacks_is_shown_in_plain_signs(
    bench: RunBench, encoding: str
) -> None:
    code = (
        "import bench_core.cli.listing as module\n"
        "text = '5 \\xb1 1 \\u2013 \\u6570 \\U0001f600 \\udcff'\n"
        "module._print = lambda *_, **__: module.echo(text)\n"
    )
    finished = bench(
        "list", "methods", code=code + ENTRY, env={"PYTHONIOENCODING": encoding}, text=False
    )
    shown = {
        "latin-1": "5 ± 1 - \\u6570 \\ud83d\\ude00 \\udcff",
        "ascii": "5 +/- 1 - \\u6570 \\ud83d\\ude00 \\udcff",
        "utf-8": "5 ± 1 – 数 😀 \\udcff",  # noqa: RUF001
        "cp437": "5 ± 1 - \\u6570 \\ud83d\\ude00 \\udcff",
    }
    assert finished.stderr == b""
    assert finished.stdout.decode(encoding) == shown[encoding] + "\n"


def test_a_control_sequence_does_not_reach_the_terminal(bench: RunBench) -> None:
    line = error_of(bench("list", "methods", "\x1b]0;title\x07"), 2)
    assert r"\x1b]0;title\x07" in line


def test_standard_output_by_its_name_is_the_result(bench: RunBench, tmp_path: Path) -> None:
    (tmp_path / "work" / "results").mkdir()
    finished = bench("leaderboard", "--format", "markdown", "--output", "/dev/stdout")
    assert finished.stdout.startswith("# Leaderboard")
    assert finished.stderr == "leaderboard /dev/stdout\n"


WAITING = """
import time
import bench_core.results.comparison as module
def wait(*_):
    try:
        print("started", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
module.compare_results = wait
"""


def started(site: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code + ENTRY, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    return process


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_cleans_up_and_ends_in_one_line(
    site: Path, number: signal.Signals, exit_code: int
) -> None:
    process = started(site, WAITING, "compare", "a", "b")
    process.send_signal(number)
    output, errors = process.communicate()
    assert (process.returncode, output) == (exit_code, "")
    assert errors == f"cleaned up\nStopped by a signal: {signal.strsignal(number)}.\n"


def test_a_signal_while_plugins_are_loaded_ends_it_at_once(
    site: Path, install: Callable[[str], None]
) -> None:
    install("import sys, time\nprint('started', flush=True)\ntime.sleep(60)\n")
    process = started(site, "", "list", "methods")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert (process.returncode, output, errors) == (130, "", "")


def test_a_signal_that_a_destructor_would_swallow_is_not_lost(site: Path) -> None:
    code = """
import time
import bench_core.results.comparison as module
class Slow:
    def __del__(self):
        print("started", flush=True)
        time.sleep(60)
def work(*_):
    Slow()
    time.sleep(60)
module.compare_results = work
"""
    process = started(site, code, "compare", "a", "b")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "Stopped by a signal: Interrupt.\n")


def test_a_deleted_current_folder_is_one_line(bench: RunBench, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
    line = error_of(bench("doctor", code=code + ENTRY), 1)
    assert "the current folder cannot be used: No such file or directory" in line


NAMELESS = """
import os, pwd
def unknown(*_):
    raise KeyError("uid not found")
pwd.getpwuid = unknown
for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
"""


@pytest.mark.slow
def test_a_user_without_a_name_and_a_home_can_work(bench: RunBench, tmp_path: Path) -> None:
    cache = {"VIREID_BENCH_CACHE": str(tmp_path / "cache")}
    finished = bench("doctor", "--json", code=NAMELESS + ENTRY, env=cache)
    assert finished.returncode == 0, finished.stderr
    without = f"{NAMELESS}os.environ.pop('VIREID_BENCH_CACHE', None)\n"
    line = error_of(bench("doctor", code=without + ENTRY), 1)
    assert "this user has no home folder; set VIREID_BENCH_CACHE (or HOME) to a folder" in line


@pytest.mark.slow
def test_a_name_of_300_characters_is_one_line(bench: RunBench) -> None:
    name = "n" * 300
    for arguments in (
        ["compare", name, name], ["report", f"{name}.json"], ["leaderboard", "--results", name],
        ["leaderboard", "--output", name], ["data", "verify", name], ["data", "synth", name],
        ["eval", "--protocol", "sysu-all-single", "--features", name, "--data", name],
    ):  # fmt: skip
        finished = bench(*arguments)
        assert error_of(finished, finished.returncode)
        assert finished.returncode in (1, 2)
