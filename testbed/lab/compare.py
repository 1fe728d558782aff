"""`python -m testbed.lab.compare COMMIT`: how soon App servers create files through NFS again, then and now.

Both stacks are deployed to the same lab, one after the other, as often as told; what is new in the lab itself measures
both. Needs what the lab needs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed.stack.deployment import REPOSITORY

PHASE = "firstCreate"


def main() -> int:
    """Returns the exit code: 0 when every run gave a figure, else 1."""
    parser = argparse.ArgumentParser(prog="python -m testbed.lab.compare", description=__doc__)
    parser.add_argument("commit", help="the one to compare with")
    parser.add_argument("--scenario", default="network-loss", metavar="NAME", help="one that moves the role")
    parser.add_argument("--runs", type=int, default=3, help="of each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        _git("worktree", "add", "--detach", str(before), arguments.commit)
        try:
            return _compare({arguments.commit: before, "now": REPOSITORY}, arguments.scenario, arguments.runs)
        finally:
            _git("worktree", "remove", "--force", str(before))


def _compare(products: dict[str, Path], scenario: str, runs: int) -> int:
    found: dict[str, list[float]] = {name: [] for name in products}
    for number in range(runs):
        for name, product in products.items():
            seconds = _run(scenario, product)
            print(f"{scenario}, {name}, run {number + 1}: {'no figure' if seconds is None else f'{seconds:.1f} s'}")
            found[name] += [] if seconds is None else [seconds]
    if any(not times for times in found.values()):
        return 1
    medians = {name: statistics.median(times) for name, times in found.items()}
    then, now = medians.values()
    print(f"{scenario}: median {then:.1f} s then, {now:.1f} s now: {now / then:.2f} of it")
    return 0 if all(len(times) == runs for times in found.values()) else 1


def _run(scenario: str, product: Path) -> float | None:
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "result.json"
        arguments = ["--scenario", scenario, "--product", str(product), "--json", str(file)]
        # What the older one does not fulfil is no matter here.
        subprocess.run(
            [sys.executable, "-m", "testbed.lab", *arguments], cwd=REPOSITORY, stdout=sys.stderr, check=False
        )
        if not file.exists():
            return None
        seconds: float | None = json.loads(file.read_text())["phases"].get(PHASE)
        return seconds


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
