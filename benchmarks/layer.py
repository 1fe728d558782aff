"""The layer as it is deployed, built for this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_layer(target: Path) -> Path:
    """The layer's content under `target`; returns the folder to put on the path."""
    subprocess.run(  # noqa: S603
        ["make", "--silent", "build-FailoverCoreLayer", f"ARTIFACTS_DIR={target}", "LAYER_TARGET=host"],  # noqa: S607
        cwd=ROOT / "layers/failover_core",
        check=True,
        env=os.environ | {"PIP": f"{sys.executable} -m pip"},
    )
    return target / "python"
