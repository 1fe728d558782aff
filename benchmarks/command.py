"""What the command costs the operator who waits for it: its start, and `status` on the local cloud.

Each figure is a whole process, started anew each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.layer import ROOT
from testbed.run.bed import running_testbed
from testbed.world.profiles import load_profile

BASELINE = "import boto3"
SUBJECTS: Mapping[str, Sequence[str]] = {
    BASELINE: ("-c", BASELINE),
    "garoon-failover --version": ("-m", "garoon_failover", "--version"),
    "garoon-failover --help": ("-m", "garoon_failover", "--help"),
}


@dataclass(frozen=True)
class Cost:
    """Seconds of each run."""

    processor: list[float]
    clock: list[float]


def measure_start(runs: int) -> dict[str, Cost]:
    """In turn, so that a machine that slows down slows all of them down; the first round is not counted."""
    found = {name: Cost([], []) for name in SUBJECTS}
    for run in range(runs + 1):
        for name, arguments in SUBJECTS.items():
            processor, clock = _run(arguments, {})
            if run > 0:
                found[name].processor.append(processor)
                found[name].clock.append(clock)
    return found


def measure_status(runs: int) -> Cost:
    """`garoon-failover status`; the first run, for which the functions start cold, is counted as well."""
    found = Cost([], [])
    with running_testbed(load_profile("fast"), lambda _what: None) as bed:
        environment = bed.clients.endpoint.environment()
        for _ in range(runs):
            processor, clock = _run(("-m", "garoon_failover", "--stack", bed.stack.name, "status"), environment)
            found.processor.append(processor)
            found.clock.append(clock)
    return found


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    paths = os.pathsep.join(str(ROOT / path) for path in ("cli", "layers/failover_core"))
    began = time.monotonic()
    with subprocess.Popen(  # noqa: S603
        [sys.executable, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        cwd=ROOT / "benchmarks",
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # `status` ends with 1 where a failover would not work now, which takes as long to find out.
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}.")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began
