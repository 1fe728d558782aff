"""What a user waits for with AWS's real delays, in whole drills; and beside an older commit's, run in turn.

Each drill is a process of its own. A baseline is checked out into a folder of its own, and its stack is deployed to the
same testbed, so both are measured with the same delays. The runs alternate (A B A B), so what else the machine does
meets both alike.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.layer import ROOT
from testbed import scenarios

SCENARIOS = (
    "network-loss",
    "power-loss",
    "instance-stopped",
    "service-crash",
    "active-hangs",
    "zone-lost",
    "switchback",
)
_NO_PART = ("firstGoodRequest", "targets", "databaseRecovery")
"""Phases that lie beside or within the others, or after the outage."""


class DrillError(RuntimeError):
    """A drill did not end as its scenario wants it to: its figures would say nothing."""


@dataclass(frozen=True)
class Run:
    """One drill, in seconds."""

    outage: float
    execution: float
    phases: Mapping[str, float]
    """By name, in their order; `detect` counts from the failure."""


@dataclass
class Pair:
    """One scenario's runs of this code, and of the baseline's where there is one."""

    own: list[Run] = field(default_factory=list)
    baseline: list[Run] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """Of the medians of both outages."""
        if not self.baseline:
            return None
        return median(run.outage for run in self.own) / median(run.outage for run in self.baseline)


def measure(scenarios: Sequence[str], runs: int, baseline: Path | None, tell: Callable[[str], None]) -> dict[str, Pair]:
    """By scenario, that many drills of each arm. Raises DrillError."""
    pairs = {scenario: Pair() for scenario in scenarios}
    for turn in range(runs):
        for scenario, pair in pairs.items():
            tell(f"{scenario}, run {turn + 1} of {runs}")
            pair.own.append(run_drill(ROOT, scenario))
            if baseline is not None:
                tell(f"{scenario}, run {turn + 1} of {runs}, the baseline")
                pair.baseline.append(run_drill(baseline, scenario))
    return pairs


def run_drill(root: Path, scenario: str) -> Run:
    """One drill on the realistic profile, of the stack in that folder. Raises DrillError."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = ["-m", "testbed", "drill", "--scenario", scenario, "--profile", "realistic", "--product", str(root)]
        done = subprocess.run(  # noqa: S603
            [sys.executable, *command, "--json", result.name], cwd=ROOT, capture_output=True, text=True, check=False
        )
        told = Path(result.name).read_text()
        run = read_run(json.loads(told), scenario) if told else None
        if run is None:
            raise DrillError(f"The drill {scenario} of {root} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        return run


def read_run(result: Mapping[str, Any], scenario: str) -> Run | None:
    """What `--json` of a drill says of its seconds; None if it ended otherwise than the scenario wants.

    How many messages it took is not asked: an older commit sent more.
    """
    is_good = (
        result["outcome"] == scenarios.find(scenario).expected.outcome
        and all(result["promises"].values())
        and result["dataIntact"]
        and result["outageSeconds"] is not None
    )
    return Run(result["outageSeconds"], result["controllerSeconds"], result["phases"]) if is_good else None


def parts(runs: Sequence[Run]) -> dict[str, float]:
    """The median of each part of the outage: the phases that follow each other, and what is left of it.

    A phase that lies beside others, or after users are served, is none of it; one that goes on then is cut there.
    """
    names = dict.fromkeys(name for run in runs for name in run.phases if name not in _NO_PART)
    left = median(run.outage for run in runs)
    found = {}
    for name in names:
        found[name] = min(left, median(run.phases.get(name, 0.0) for run in runs))
        left -= found[name]
    return found if left <= 0 else {**found, "between": left}


@contextmanager
def checked_out(commit: str | None) -> Iterator[Path | None]:
    """The code of that commit in a folder of its own, for as long as it is needed; None without a commit."""
    if commit is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="garoon-baseline-") as folder:
        path = Path(folder, "code")
        _git("clone", "--quiet", "--no-checkout", str(ROOT), str(path))
        _git("-C", str(path), "checkout", "--quiet", "--detach", _git("rev-parse", "--verify", f"{commit}^{{commit}}"))
        for environment in (".venv", ".venv-sam"):
            if (ROOT / environment).exists():
                (path / environment).symlink_to((ROOT / environment).resolve())
        yield path


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LookupError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()
