"""Where the SAM CLI is. It pins what it depends on, so `make` gives it an environment of its own: .venv-sam."""

import os
import shutil
import sys
from pathlib import Path

_OWN = Path(__file__).parents[2] / ".venv-sam/bin/sam"


def find_sam() -> Path:
    """The command `sam`: of .venv-sam, else beside this Python, else in the PATH. Raises FileNotFoundError."""
    if _OWN.exists():
        return _OWN
    found = shutil.which("sam", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise FileNotFoundError("There is no SAM CLI here. `make .venv-sam/ready` installs it.")
    return Path(found)
