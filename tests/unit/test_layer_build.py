"""What the layer's build says: SAM shows its standard output alone."""

import subprocess
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers/failover_core"


@pytest.mark.parametrize(
    ("compiler", "told", "has_bytecode"),
    [(sys.executable, "The layer has bytecode", True), ("python9.9", "The layer has NO bytecode", False)],
)
def test_build_tells_whether_the_layer_has_bytecode(
    tmp_path: Path, compiler: str, told: str, has_bytecode: bool
) -> None:
    """It was told on standard error, which SAM drops when a build succeeds."""
    (tmp_path / "python").mkdir()
    (tmp_path / "python/module.py").write_text("")
    arguments = ["bytecode", f"ARTIFACTS_DIR={tmp_path}", f"COMPILER={compiler}"]
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=LAYER, capture_output=True, text=True, check=True
    )
    [line] = done.stdout.splitlines()
    assert line.startswith(told)
    assert bool(list(tmp_path.rglob("*.pyc"))) == has_bytecode


def test_build_ends_with_telling_it() -> None:
    [recipe] = [part for part in (LAYER / "Makefile").read_text().split("\n\n") if "\nbuild-FailoverCoreLayer:" in part]
    assert recipe.endswith("bytecode")
