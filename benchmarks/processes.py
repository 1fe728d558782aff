"""A process that is measured as a whole."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    processor_seconds: float
    """User and system."""
    clock_seconds: float
    output: str


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, allowed: Collection[int] = (0,)) -> Ended:
    """Runs it to its end. Raises RuntimeError if it ends with none of the allowed exit codes."""
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return Ended(usage.ru_utime + usage.ru_stime, time.monotonic() - began, output)
