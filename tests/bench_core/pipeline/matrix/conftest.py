"""Files of a matrix, and a SLURM cluster of one node on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

WriteMatrix: TypeAlias = Callable[[str], Path]
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "squeue")
START_SECONDS = 20.0
CONFIGURATION = """
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
"""Without control groups, which containers do not have."""


@pytest.fixture
def write_matrix(tmp_path: Path) -> WriteMatrix:
    """Write the file of a matrix."""

    def write(text: str) -> Path:
        path = tmp_path / "some.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running cluster; what asks SLURM in this process and its children asks this one."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)} (apt: slurm-wlm, munge)")
    if os.geteuid() != 0:
        pytest.skip("SLURM is started by root alone here: its node starts jobs as their users")
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as started:
        patch.setenv("SLURM_CONF", str(_configured(folder)))
        for command in _daemons(folder):
            started.enter_context(_running(command, folder))
        _wait_for_node(folder)
        yield folder
        _empty_queue()


def _empty_queue() -> None:
    """End what a failed test left, so that no job outlives the cluster."""
    subprocess.run(["scancel", f"--user={os.getuid()}"], check=True)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        answer = subprocess.run(["squeue", "--noheader"], capture_output=True, check=True)
        if not answer.stdout.strip():
            return
        time.sleep(0.1)


def _configured(folder: Path) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    text = CONFIGURATION.format(
        host=socket.gethostname().partition(".")[0],
        folder=folder,
        port=_free_port(),
        node_port=_free_port(),
    )
    path = folder / "slurm.conf"
    path.write_text(text)
    return path


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
        return port


def _daemons(folder: Path) -> list[list[str]]:
    names = {
        "key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid",
        "log-file": "munged.log", "seed-file": "munged.seed",
    }  # fmt: skip
    places = [f"--{option}={folder / name}" for option, name in names.items()]
    host = socket.gethostname().partition(".")[0]
    return [
        ["munged", "--force", "--foreground", *places],
        ["slurmctld", "-D", "-i"],
        ["slurmd", "-D", "-N", host],
    ]


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / f"{command[0]}.output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        if command[0] == "munged":
            _wait(folder / "munge.socket", process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.skip(f"munged cannot be started here; see {path.parent / 'munged.output'}")
        time.sleep(0.05)


def _wait_for_node(folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True, check=False
        )
        if answer.stdout.strip() == "idle":
            return
        if time.monotonic() > deadline:
            outputs = {path.name: path.read_text()[-300:] for path in folder.glob("slurm*.output")}
            pytest.skip(f"SLURM cannot be started here: {answer.stderr or answer.stdout} {outputs}")
        time.sleep(0.1)
