"""What a cold start costs: a function's import and one client, against importing boto3 and making one client.

Each figure is a whole process, started anew each time, with the layer as it is deployed (built for this machine).
Measured is processor time, which other work on the machine changes little; a Lambda function of 1,769 MB has one
processor, one of 1,024 MB a bit more than half of one (Lambda Developer Guide, "Configure Lambda function memory").
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import botocore
from failover.step_catalogue import BY_STATE

from benchmarks import processes
from benchmarks.layer import ROOT
from statemachines.generate_workflows import path_of

BASELINE = "import boto3; boto3.client('ec2')"
COLD_START = "import app; from failover.adapters.clients import client; client('ec2')"
# A process's own peak: what getrusage says of it begins with the size of the process that started it.
_SAY_PEAK = "; print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
BASELINE_NAME = "boto3 and one client"
BARE = "swap_route, layer as it was: whole models, no bytecode"


def _functions_of_a_failover() -> tuple[str, ...]:
    """Along the workflow, through the fence."""
    states = json.loads(path_of("failover").read_text())["States"]
    name, found = "Begin", []
    while (state := states[name])["Type"] != "Succeed":
        if state["Type"] == "Task":
            found.append(BY_STATE[name].function)
        fence = [rule["Next"] for rule in state.get("Choices", []) if rule["Next"] == "FenceNode"]
        name = [*fence, state.get("Next", state.get("Default"))][0]
    return tuple(found)


CRITICAL_PATH = _functions_of_a_failover()
"""The functions of a failover, one after the other, each cold."""


@dataclass(frozen=True)
class ColdStart:
    name: str
    seconds: list[float]
    """Processor seconds, user and system."""
    megabytes: float
    """The most memory that it held."""

    @property
    def median(self) -> float:
        return median(self.seconds)


def measure(layer: Path, runs: int) -> list[ColdStart]:
    """The baseline first, as anybody has it (bytecode, all of botocore's data), then every function, a plain layer."""
    functions = sorted(path.parent for path in (ROOT / "functions").glob("*/app.py"))
    whole = layer.with_name("whole-models")
    shutil.copytree(layer, whole)
    data = Path(botocore.__file__).parent / "data"
    shutil.copytree(data / "ec2", whole / "botocore/data/ec2", dirs_exist_ok=True)
    shutil.copy(data / "endpoints.json", whole / "botocore/data")
    subjects: dict[str, tuple[str, list[Path]]] = {BASELINE_NAME: (BASELINE, [whole])}
    subjects |= {function.name: (COLD_START, [function, layer]) for function in functions}
    bare = layer.with_name("without-bytecode")
    shutil.copytree(whole, bare, ignore=shutil.ignore_patterns("__pycache__"))
    subjects[BARE] = (COLD_START, [ROOT / "functions/swap_route", bare])
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    # In turn, so that a machine that slows down slows all of them down; the first round is not counted.
    for run in range(runs + 1):
        for name, (code, path) in subjects.items():
            cost = _run(code, path)
            if run > 0:
                found[name].append(cost)
    return [
        ColdStart(name, [seconds for seconds, _ in costs], max(size for _, size in costs))
        for name, costs in found.items()
    ]


def packed_megabytes(layer: Path) -> float:
    """Size of the layer as a zip file."""
    archive = Path(shutil.make_archive(str(layer.with_name("packed")), "zip", layer.parent, layer.name))
    return archive.stat().st_size / 1e6


def _run(code: str, path: Sequence[Path]) -> tuple[float, float]:
    """Processor seconds and megabytes of a fresh interpreter that runs the code with `path` first on its path."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(part) for part in path),
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "LAMBDA_TASK_ROOT": str(path[0]),
        "POWERTOOLS_SERVICE_NAME": "benchmark",
        "POWERTOOLS_METRICS_NAMESPACE": "benchmark",
    }
    # -S: the environment that this benchmark runs in has packages which Lambda's has not. -B: as on Lambda, nothing is
    # written beside the modules.
    command = [sys.executable, "-S", "-B", "-c", code + _SAY_PEAK]
    ended = processes.run(command, environment, path[0])
    return ended.processor_seconds, int(ended.output) / 1024
