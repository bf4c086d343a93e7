"""A matrix: methods x settings x seeds x protocols, each training once, here or on a cluster.

A file in TOML is read (`file`), becomes cells (`cells`), and these a plan (`plan`): which trainings
they share, and what is there already. What is missing becomes jobs (`jobs`), which a launcher runs
(`local`, `slurm`); `states` says how far each of them is.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

LauncherName: TypeAlias = Literal["local", "slurm"]
LAUNCHERS: tuple[LauncherName, ...] = get_args(LauncherName)
