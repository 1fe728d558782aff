"""What a cold start costs: importing each function, against importing boto3 and making one client.

Each figure is a whole process, started anew each time, with the layer as it is deployed (built for this machine).
Prints a table of medians with minimum and maximum; judges nothing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parents[1]
BASELINE = "import boto3; boto3.client('ec2')"


def build_layer(target: Path) -> Path:
    """The layer's content for this machine, under `target`; returns the folder to put on the path."""
    subprocess.run(  # noqa: S603
        ["make", "--silent", "build-FailoverCoreLayer", f"ARTIFACTS_DIR={target}", "LAYER_TARGET=host"],  # noqa: S607
        cwd=ROOT / "layers" / "failover_core",
        check=True,
        env=os.environ | {"PIP": f"{sys.executable} -m pip"},
    )
    return target / "python"


def seconds_of(code: str, path: list[Path]) -> float:
    """Wall seconds of a fresh interpreter that runs the code with `path` first on its path, as Lambda does."""
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
    started = time.perf_counter()
    # -S: the environment that this benchmark runs in has packages which Lambda's has not.
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=environment, cwd=path[0])  # noqa: S603
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each, after one that is not counted")
    runs = parser.parse_args().runs
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        with console.status("building the layer"):
            layer = build_layer(Path(folder))
        subjects: dict[str, tuple[str, list[Path]]] = {"boto3 and one client": (BASELINE, [layer])}
        for function in sorted((ROOT / "functions").iterdir()):
            if (function / "app.py").exists():
                subjects[function.name] = ("import app", [function, layer])
        # In turn, so that a machine that slows down slows all of them down.
        measured: dict[str, list[float]] = {name: [] for name in subjects}
        for run in track(range(runs + 1), description="measuring", console=console):
            for name, (code, path) in subjects.items():
                seconds = seconds_of(code, path)
                if run > 0:
                    measured[name].append(seconds)
    baseline = statistics.median(measured["boto3 and one client"])
    table = Table("imported", "median", "min", "max", "against the baseline", title=f"Cold start, seconds, {runs} runs")
    for name, figures in sorted(measured.items(), key=lambda item: statistics.median(item[1])):
        median = statistics.median(figures)
        table.add_row(name, f"{median:.2f}", f"{min(figures):.2f}", f"{max(figures):.2f}", f"{median / baseline:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
