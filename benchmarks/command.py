"""What the command costs the operator who waits for it: its start, and `status` on the local cloud.

Each figure is a whole process, started anew each time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from benchmarks import processes
from benchmarks.layer import ROOT
from benchmarks.processes import Ended
from testbed.run.bed import running_testbed
from testbed.world.profiles import load_profile

BASELINE = "import boto3"
SUBJECTS: Mapping[str, Sequence[str]] = {
    BASELINE: ("-c", BASELINE),
    "garoon-failover --version": ("-m", "garoon_failover", "--version"),
    "garoon-failover --help": ("-m", "garoon_failover", "--help"),
}


def measure_start(runs: int) -> dict[str, list[Ended]]:
    """In turn, so that a machine that slows down slows all of them down; the first round is not counted."""
    rounds = [{name: _run(arguments, {}) for name, arguments in SUBJECTS.items()} for _ in range(runs + 1)]
    return {name: [each[name] for each in rounds[1:]] for name in SUBJECTS}


def measure_status(runs: int) -> list[Ended]:
    """`garoon-failover status`; the first run, for which the functions start cold, is counted as well."""
    with running_testbed(load_profile("fast"), lambda _what: None) as bed:
        arguments = ("-m", "garoon_failover", "--stack", bed.stack.name, "status")
        return [_run(arguments, bed.clients.endpoint.environment()) for _ in range(runs)]


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> Ended:
    paths = os.pathsep.join(str(ROOT / path) for path in ("cli", "layers/failover_core"))
    # `status` ends with 1 where a failover would not work now, which takes as long to find out.
    return processes.run(
        [sys.executable, *arguments], {**os.environ, **environment, "PYTHONPATH": paths}, ROOT / "benchmarks", (0, 1)
    )
